"""`moviola down` and `./stop.sh`: stop the local cluster of a state folder, gracefully and to the last process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.installation import state_folder
from moviola.base.invocation import typed
from moviola.launcher import supervision
from moviola.launcher.telling import tell

ABOUT: Final = """\
Stops the cluster that 'up' started on this machine, gracefully: workers finish the task they have. Waits until no
process and no port is left. Unfinished jobs stay on disk and go on after the next 'up'. Harmless when nothing runs.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Stop the cluster and return the exit status."""
    parser = Parser(prog=typed("down"), description=ABOUT)
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        default=os.environ.get("MOVIOLA_STATE") or state_folder(),
        help=f"the cluster whose state is there (MOVIOLA_STATE; {state_folder()})",
    )
    state = Path(parser.parse_args(arguments).state).expanduser().resolve()
    if not state.is_dir():
        tell(f"Nothing is running: there is no {state}.")
        return 0
    try:
        with supervision.exclusive(state):
            stopped = supervision.stop(state)
    except OSError as error:
        print(f"Cannot stop the cluster of {state}: {error}", file=sys.stderr)
        return 1
    tell("Moviola is stopped." if stopped else f"Nothing of {state} is running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
