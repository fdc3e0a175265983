"""A comparison as a process of its own, for programs that cannot wait for it, such as the gateway.

Standard input carries what is to be done, pickled by a process of the same user and version, and ends when nobody wants
to know the result any more. Standard output gets the comparison as a line of JSON, whenever it has changed.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
from pathlib import Path

from moviola.comparison.contest import compare
from moviola.comparison.request import Request


def main() -> int:
    """Do what standard input says: a Request, and a folder for results. Return 1 where nobody waits for the end."""
    asked: tuple[Request, Path] = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True).start()
    try:
        for comparison in compare(*asked):
            print(json.dumps(comparison.to_wire()), flush=True)
    except (KeyboardInterrupt, BrokenPipeError):
        return 1
    return 0


def _watch(lifeline: int) -> None:
    """Interrupt this process when a descriptor is at its end. It is read without a buffered file, whose lock this
    thread would still hold when the process ends."""
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
