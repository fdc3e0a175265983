"""Sentences for people."""

from __future__ import annotations


def capitalised(sentence: str) -> str:
    """Return a sentence with a capital letter at its beginning, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]
