"""The peer as a machine: events in, effects out, no I/O."""
