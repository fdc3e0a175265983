"""Terminals and progress bars, for programs and for the Python interface alike."""
