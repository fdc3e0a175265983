"""How a command runs as a process of its own: `moviola`, and each program that `python -m` or a script starts."""

from __future__ import annotations

import sys
from collections.abc import Callable

from moviola.base import standard_streams


def run_as_process(main: Callable[[], int]) -> int:
    """Call `main`, and write what standard streams hold yet. Return the process's exit status, for `sys.exit`: that of
    `main`, or another one if what was printed is lost."""
    standard_streams.open_closed()
    try:
        status = int(main())
    except SystemExit as left:  # of the parser: the help, or wrong usage
        status = int(left.code or 0)
    except BrokenPipeError:  # a reader that leaves, as `head` does, misses the rest
        standard_streams.lead_nowhere(sys.stdout)
        status = 0
    return standard_streams.close(status)
