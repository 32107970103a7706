"""Whole swarms in virtual time: the same machine, a clock and a network that a seed controls."""
