"""Bytes, nothing else: messages to frames and back, and what they weigh."""
