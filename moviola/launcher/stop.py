"""`moviola down` and `./stop.sh`: stop the local cluster of a state folder, gracefully and to the last process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.invocation import typed
from moviola.base.layers import read
from moviola.base.process_entry import EXIT_INTERRUPTED, run_as_process
from moviola.base.standard_streams import tell
from moviola.launcher import supervision
from moviola.launcher.places import absolute
from moviola.launcher.problem import Problem
from moviola.launcher.settings import DownSettings, UpSettings

ABOUT: Final = """\
Stops the cluster that 'up' started on this machine, gracefully: workers finish the task they have. Waits until no
process and no port is left. Unfinished jobs stay on disk and go on after the next 'up'. Harmless when nothing runs.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Stop the cluster and return the exit status."""
    parser = Parser(prog=typed("down"), description=ABOUT)
    settings = read(DownSettings, parser, arguments, whole=[UpSettings])
    try:
        state = absolute("--state", settings.state)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        if not state.is_dir():
            tell(f"Nothing is running: there is no {state}.")
            return 0
        with supervision.exclusive(state):
            stopped = supervision.stop(state, tell)
    except OSError as error:
        print(f"Cannot stop the cluster of {state}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        rest = "the same command again stops the rest"
        print(f"Interrupted: the cluster of {state} may be half stopped; {rest}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    tell("Moviola is stopped." if stopped else f"Nothing of {state} is running.")
    return 0


if __name__ == "__main__":
    sys.exit(run_as_process(main))
