"""Standard streams that are closed or full, or whose encoding lacks characters: a program goes on to its end."""

from __future__ import annotations

import io
import os
import sys
from typing import IO, Final

EXIT_LOST: Final = 1

_losses: Final[list[OSError]] = []
"""Why something is lost that was printed to standard output; empty, or the first of such errors."""


def open_closed() -> None:
    """Have standard streams that are closed, as a daemon's may be, lead nowhere. Call it first: a file or a connection
    that is opened before would get the number of the stream, and whatever a library prints would go there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8", errors="replace")  # noqa: SIM115 - until the process ends
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def allow_every_character() -> None:
    """Have standard output show a question mark for a character that its encoding does not know. Standard error never
    refuses one."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def tell(text: str) -> None:
    """Print a line to standard output at once. Where it cannot be written, it is lost, and what was begun goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:  # a reader that leaves, as `head` does, misses the rest
        lead_nowhere(sys.stdout)
    except OSError as error:
        lose(error)


def lead_nowhere(stream: IO[str]) -> None:
    """Drop all that is written to a stream from now on, by whatever writes to it, until the process has ended."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def lose(error: OSError) -> None:
    """Remember, for the exit status, why something is lost that was printed to standard output."""
    if not _losses:
        _losses.append(error)


def close(status: int) -> int:
    """Write what the standard streams hold yet, as the last thing of a process. If something that was printed to
    standard output is lost, say so. Return the exit status: `status`, or EXIT_LOST if that is 0 and something is lost.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader that leaves, as `head` does, wants no more
            lose(error)
        lead_nowhere(sys.stdout)
    try:
        for loss in _losses:
            status = status or EXIT_LOST
            print(f"Not all of standard output could be written: {loss.strerror or loss}.", file=sys.stderr)
        sys.stderr.flush()
    except OSError:
        lead_nowhere(sys.stderr)  # or the interpreter's last try changes the exit status
    return status
