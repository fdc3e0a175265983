"""How a person calls Moviola's programs, so that sentences name what to type next in the way that the person came.

There is the command, `moviola jobs`; the same without its script, `python -m moviola jobs`; and in a checkout each
program by itself, `python -m client.jobs`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from moviola.base.installation import NAME, is_checkout

PROGRAMS: Final = {
    "up": "moviola.launcher.run",
    "down": "moviola.launcher.stop",
    "demo": "moviola.launcher.run",
    "send": "client.file_sender",
    "watch": "client.watch",
    "compare": "client.compare",
    "jobs": "client.jobs",
    "workers": "client.workers",
    "status": "client.status",
    "events": "client.events",
    "report": "client.html_report",
    "web": "moviola.web",
    "worker": "worker",
    "middleware": "middleware",
    "aggregator": "aggregator",
}
"""By subcommand, the module that does it and that can be run by itself."""

SCRIPTS: Final = {"up": "./run.sh", "demo": "./run.sh demo", "down": "./stop.sh"}
"""Subcommands that a checkout has as scripts."""


def typed(subcommand: str) -> str:
    """Return what this process's user types for a subcommand, such as "moviola jobs" or "python -m client.jobs"."""
    is_by_itself = is_checkout() and _main_module() != f"{NAME}.__main__" and Path(sys.argv[0]).name != NAME
    if is_by_itself and subcommand in PROGRAMS:
        return SCRIPTS.get(subcommand) or f"python -m {PROGRAMS[subcommand]}"
    return f"{command()} {subcommand}"


def needs_folder() -> bool:
    """Return whether what `typed` returns works in the folder of the checkout alone."""
    return is_checkout() and typed("down") != f"{NAME} down"


def command() -> str:
    """Return what this process's user types for the command itself: "moviola" or "python -m moviola"."""
    return f"python -m {NAME}" if _main_module() == f"{NAME}.__main__" else NAME


def module_name(program: str) -> str:
    """Return the full name of a module of one of the programs, such as `client.status`.

    An installation has the programs inside of the package `moviola`; a checkout has them beside it.
    """
    is_installed = find_spec(f"{NAME}.{program.partition('.')[0]}") is not None
    return f"{NAME}.{program}" if is_installed else program


def _main_module() -> str:
    """Return the full name of the module that `python -m` runs; an empty text if it runs none."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return "" if spec is None else str(spec.name)
