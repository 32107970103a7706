"""From run directories to tables and pictures."""
