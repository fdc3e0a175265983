"""What may have been meant by a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like another one; empty if none is like it."""
    return next(iter(get_close_matches(word, sorted(known), n=1)), "")


def did_you_mean(word: str, known: Iterable[str], quote: str = "") -> str:
    """Return the end of a sentence that suggests the nearest of the known words; empty if none is near.

    Args:
        quote: the mark before and after the word.
    """
    near = nearest(word, known)
    return f"; did you mean {quote}{near}{quote}?" if near else ""
