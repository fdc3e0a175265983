"""Joining results into a file: its streams, times, tags and container."""
