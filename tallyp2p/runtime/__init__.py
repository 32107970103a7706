"""The real-time shell: asyncio over ZeroMQ."""
