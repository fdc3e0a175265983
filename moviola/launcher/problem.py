"""The one exception of the scripts that reaches the person."""

from __future__ import annotations


class Problem(Exception):
    """Something a person has to change; the text says what, where, and what to do."""
