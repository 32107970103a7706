"""What peers exchange and what they make of it, one small file for each way."""
