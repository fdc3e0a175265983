"""Measurements against peers and against the limit; each a command that prints what the documents quote."""
