"""What one machine lived through, as lines that can be read and played again."""
