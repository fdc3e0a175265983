"""Showing an output while it is made, and a finished one in fragments."""
