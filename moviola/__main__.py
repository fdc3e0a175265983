"""The command `moviola`, which is the same as `python -m moviola`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from moviola.base.invocation import module_name
from moviola.base.process_entry import run_as_process


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status.

    Args:
        arguments: those after the command's name; by default those of this process.
    """
    return run_as_process(lambda: _run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: Sequence[str]) -> int:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules are loaded, Ctrl-C ends it without a traceback
    run = import_module(f"{module_name('client')}.command.run").run
    return int(run(arguments))


if __name__ == "__main__":
    sys.exit(main())
