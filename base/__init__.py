"""What all others may use: it imports nothing of this repository."""
