"""`moviola SUBCOMMAND …`: finds the subcommand and calls its function."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from moviola.base.command_line import COMPLETING, EXIT_USAGE
from moviola.base.installation import version
from moviola.base.invocation import command, module_name
from moviola.base.process_entry import loaded
from moviola.base.standard_streams import tell
from moviola.base.suggestions import did_you_mean

from .table import GROUPS, SUBCOMMANDS

ABOUT: Final = "Run filters over videos, images and tables, on every core and machine you own."

EXAMPLES: Final = (
    ("demo", "see it work"),
    ("send holiday.mp4 -f blur:radius=12 -o blurred.mp4", "on a cluster"),
    ("send holiday.mp4 -f edges --local", "without one"),
)

HELP_FLAGS: Final = ("-h", "--help")


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments after `moviola` say, and return the exit status."""
    if COMPLETING in os.environ:
        from .completion import complete  # noqa: PLC0415 - the Tab key alone needs it

        arguments = complete()
    match list(arguments):
        case []:
            print(help_text(), file=sys.stderr)
            return EXIT_USAGE
        case ["-h" | "--help" | "help"]:
            tell(help_text())
            return 0
        case ["--version"]:
            tell(f"moviola {version()}")
            return 0
        case ["help", name, *_]:
            return call(name, ["--help"])
        case [name, *rest]:
            return call(name, rest)
    raise AssertionError("every list is empty, or has a first element")


def call(name: str, arguments: Sequence[str]) -> int:
    """Call a subcommand and return its exit status. Say so if there is none of that name."""
    found = SUBCOMMANDS.get(name)
    if found is None:
        what = "flag" if name.startswith("-") else "subcommand"
        meant = did_you_mean(name, [*SUBCOMMANDS, "help", "--help", "--version"])
        print(f"There is no {what} '{name}'{meant or f'; {command()} --help lists what there is.'}", file=sys.stderr)
        return EXIT_USAGE
    function = getattr(import_module(module_name(found.module)), found.function)
    loaded()
    return int(function(arguments))


def help_text() -> str:
    """Return what `moviola --help` prints."""
    lines = [f"Usage: {command()} SUBCOMMAND …", "", ABOUT]
    width = max(map(len, SUBCOMMANDS))
    for heading, group in GROUPS.items():
        lines += ["", f"{heading}:", *(f"  {each.name:<{width}}  {each.summary}" for each in group)]
    longest = max(len(typed) for typed, _ in EXAMPLES)
    lines += ["", "Examples:", *(f"  {command()} {typed:<{longest}}  # {why}" for typed, why in EXAMPLES)]
    lines += ["", f"'{command()} help SUBCOMMAND' tells more about one; --version prints the version."]
    return "\n".join(lines)
