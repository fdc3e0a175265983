"""Prints the lines of run.sh and stop.sh. If the reader leaves early, the rest is lost, and the script goes on."""

from __future__ import annotations

import os
import sys


def tell(text: str) -> None:
    """Prints a line at once. A reader that leaves, as `head` does, misses the rest; what was begun goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
