"""Makes `.venv` and keeps it at what the requirements files say.

Runs under whatever Python a machine has, before anything is installed: standard library only. A copy of each
installed requirements file in `.venv` is the stamp that says what is there, so a start that finds nothing to do
costs a few milliseconds and no network.
"""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


class CannotPrepare(Exception):
    """The environment cannot be made; the text is for a person."""


def works() -> bool:
    """Whether `.venv` has a Python that starts: one whose interpreter was removed or moved does not."""
    if not PYTHON.exists():
        return False
    check = [str(PYTHON), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def is_installed(requirements: Path) -> bool:
    stamp = VENV / requirements.name
    return stamp.exists() and filecmp.cmp(stamp, requirements, shallow=False)


def create() -> None:
    if find_spec("ensurepip") is None:
        raise CannotPrepare(
            f"{sys.executable} cannot make virtual environments (it has no ensurepip): install the missing part, "
            "on Debian and Ubuntu with 'apt install python3-venv', or name another Python in PYTHON."
        )
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise CannotPrepare(f"{VENV} could not be made: {reason[0]}")


def install(requirements: list[Path]) -> None:
    names = " and ".join(file.name for file in requirements)
    print(f"Installing {names} into .venv (once, about a minute) …", file=sys.stderr, flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for file in requirements:
        command += ["-r", str(file)]
    if subprocess.run(command, check=False).returncode != 0:
        raise CannotPrepare("pip could not install what Moviola needs; its own lines above say why.")
    for file in requirements:
        shutil.copyfile(file, VENV / file.name)


def prepare(requirements: list[Path]) -> None:
    """Makes `.venv` hold these requirements; two callers at once wait for each other.

    Raises CannotPrepare.
    """
    folder = os.open(ROOT, os.O_RDONLY)  # locking the folder itself leaves no lock file behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not works():
            if not os.access(ROOT, os.W_OK):
                raise CannotPrepare(f"There is no .venv and no permission to make one in {ROOT}.")
            create()
        missing = [file for file in requirements if not is_installed(file)]
        if missing:
            install(missing)
    except OSError as error:
        raise CannotPrepare(f"{VENV} could not be made: {error}") from error
    finally:
        os.close(folder)


if __name__ == "__main__":
    try:
        prepare([ROOT / name for name in sys.argv[1:]])
    except CannotPrepare as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)
