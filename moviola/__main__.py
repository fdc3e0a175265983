"""The command `moviola`, which is the same as `python -m moviola`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from moviola.base import standard_streams
from moviola.base.invocation import module_name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status.

    Args:
        arguments: those after the command's name; by default those of this process.
    """
    standard_streams.open_closed()
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules are loaded, Ctrl-C ends it without a traceback
    run = import_module(f"{module_name('client')}.command.run").run
    try:
        status = int(run(sys.argv[1:] if arguments is None else arguments))
    except SystemExit as left:  # of the parser: the help, or wrong usage
        status = int(left.code or 0)
    except BrokenPipeError:  # a reader that leaves, as `head` does, misses the rest
        standard_streams.lead_nowhere(sys.stdout)
        status = 0
    return standard_streams.close(status)


if __name__ == "__main__":
    sys.exit(main())
