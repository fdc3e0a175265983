"""A process that computes chunks for `moviola.media.computing.Processes`: `python -m moviola.media.compute_process FD`.

It reads a Setup and then tasks from the pipe, answers each, and ends with the pipe. What comes is pickled by a process
of the same user and version, its parent.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from moviola.filters.assets import AssetError, travelled
from moviola.filters.plugin_sources import PluginSources
from moviola.filters.registry import PluginError
from moviola.filters.schema import ParameterError
from moviola.media.computing import Computed, Setup, Task
from moviola.media.errors import MediaError


def main(arguments: list[str] | None = None) -> int:
    """Answer what comes, and return the exit status."""
    (descriptor,) = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    pipe: Connection[Any, Any] = Connection(int(descriptor))
    with suppress(EOFError, OSError):  # the parent is gone
        setup: Setup = pipe.recv()
        with travelled(setup.assets):
            pipe.send(_prepared(setup))
            while True:
                pipe.send(_computed(pipe.recv()))
    return 0


def _prepared(setup: Setup) -> MediaError | None:
    try:
        PluginSources.read(setup.plugins).load()
    except PluginError as error:
        return MediaError(str(error))
    return None


def _computed(task: Task) -> Computed | MediaError:
    """Return the result, or what went wrong, as what can be pickled whatever it is."""
    try:
        return task.compute()
    except (MediaError, ParameterError, AssetError, OSError) as error:
        return MediaError(str(error))
    except Exception as error:  # a codec's, or the memory's
        return MediaError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
