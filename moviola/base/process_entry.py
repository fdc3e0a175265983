"""How a command runs as a process of its own: `moviola`, and each program that `python -m` or a script starts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Final

from moviola.base import standard_streams

EXIT_INTERRUPTED: Final = 5
"""The exit status of a command that Ctrl-C has ended."""


def run_as_process(main: Callable[[], int]) -> int:
    """Call `main`, and write what standard streams hold yet. Return the process's exit status, for `sys.exit`: that of
    `main`, or another one if what was printed is lost. If Ctrl-C ends `main`, and it says nothing of that, say so."""
    standard_streams.open_closed()
    standard_streams.allow_every_character()
    try:
        loaded()
        status = int(main())
    except SystemExit as left:  # of the parser: the help, or wrong usage
        status = int(left.code or 0)
    except BrokenPipeError:  # a reader that leaves, as `head` does, misses the rest
        standard_streams.lead_nowhere(sys.stdout)
        status = 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        status = EXIT_INTERRUPTED
    return standard_streams.close(status)


def loaded() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again. Call it when a program has been loaded: until then Ctrl-C ends the
    process at once, see client/__init__.py and moviola/__main__.py."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
