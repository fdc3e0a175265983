"""What the Tab key offers after `moviola`: its subcommands. What follows one of them is that subcommand's affair."""

from __future__ import annotations

import argparse
import os

import argcomplete
from argcomplete.lexers import split_line

from moviola.base.command_line import COMPLETING

from .table import SUBCOMMANDS


def complete() -> list[str]:
    """If a subcommand is typed already, return it as the only argument, so that its parser completes the rest of the
    line. Otherwise print the subcommands and end the process.

    The shell gives the line in COMP_LINE, and in `_ARGCOMPLETE` the place of the program's name in it. That place is
    moved to the subcommand, so that its parser behaves as that of a program (see moviola.base.command_line).
    """
    *_, words, _ = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))
    place = int(os.environ[COMPLETING])
    if len(words) > place and words[place] in SUBCOMMANDS:
        os.environ[COMPLETING] = str(place + 1)
        return [words[place]]
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action="store_true", help="print the version")
    names = {name: each.summary for name, each in SUBCOMMANDS.items()} | {"help": "tell about a subcommand"}
    for position in ("subcommand", "of_help"):
        action = parser.add_argument(position)
        action.completer = lambda prefix, **_: names  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options=False)
    raise AssertionError("autocomplete ends the process")
