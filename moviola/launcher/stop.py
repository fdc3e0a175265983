"""`./stop.sh`: stops the local cluster of a state folder, gracefully, and waits until nothing of it is left."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from moviola.base.processes import ROOT
from moviola.launcher import supervision
from moviola.launcher.telling import tell


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./stop.sh", usage="%(prog)s [--state DIR] [--docker]   (see ./stop.sh --help)", add_help=False
    )
    parser.add_argument("--state", default=os.environ.get("MOVIOLA_STATE") or ROOT / "state")
    state = Path(parser.parse_args().state).expanduser().resolve()
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
