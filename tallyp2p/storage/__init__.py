"""What a peer keeps on disk: every ballot before it is sent, and now and then its whole state."""
