"""The parser of every program's command line: one sentence about what is wrong, and the nearest word that exists."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

from moviola.base.installation import version
from moviola.base.sentences import capitalised
from moviola.base.standard_streams import tell
from moviola.base.suggestions import did_you_mean

EXIT_USAGE: Final = 2

COMPLETING: Final = "_ARGCOMPLETE"
"""The variable by which a shell asks for completions, see client/command/completion.py."""


class Formatter(argparse.HelpFormatter):
    """Shows a flag's value once, behind all names of the flag: `-f, --filters CHAIN`."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class LinesFormatter(Formatter, argparse.RawDescriptionHelpFormatter):
    """The same, with the lines of description and epilog as they are."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage before it, and suggests what may have been meant.

    Args:
        options: of argparse.ArgumentParser.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})
        self._read: list[str] = []
        self.add_argument("--version", action=_Version, nargs=0, help="print the version")

    def parse_args(  # type: ignore[override]  # nobody gives a namespace of another class
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Return the parsed arguments. What is wrong ends the process with status 2."""
        if COMPLETING in os.environ:
            import argcomplete  # noqa: PLC0415 - the Tab key alone needs it

            argcomplete.autocomplete(self, always_complete_options=False)
        self._read = list(sys.argv[1:] if args is None else args)
        given: argparse.Namespace
        given, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(f"unexpected argument: {' '.join(map(repr, rest))}")
        return given

    def error(self, message: str) -> NoReturn:
        """Print one sentence and end the process with status 2."""
        message = self._misspelt() or message  # what else is wrong may come of it
        text = capitalised(message)
        if not text.endswith("?"):
            text = f"{text}; '{self.prog} --help' shows what there is."
        print(text, file=sys.stderr)
        sys.exit(EXIT_USAGE)

    def _misspelt(self) -> str:
        """Return a sentence about the first flag on the command line that is not known; empty if all are."""
        for each in self._read[: self._read.index("--") if "--" in self._read else None]:
            flag = each.partition("=")[0]
            if flag.startswith("--") and not any(known.startswith(flag) for known in self._option_string_actions):
                return f"there is no {flag}{did_you_mean(flag, self._option_string_actions)}"
        return ""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(each) for each in action.choices]
            meant = did_you_mean(str(value), names) or f" (choose from {', '.join(names)})"
            raise argparse.ArgumentError(action, f"invalid choice: '{value}'{meant}")


def set_completer(action: argparse.Action, name: str = "") -> None:
    """Set what the Tab key offers for an argument. Without this call it offers the argument's choices, or else files.

    Args:
        action: the argument.
        name: `module:function`; the module is imported when the Tab key is pressed. The function takes the text that is
            typed so far, and returns the completions, each with a few words about it. Empty: nothing is offered.
    """

    def complete(prefix: str, **_: Any) -> Mapping[str, str]:
        if not name:
            return {}
        module, _separator, function = name.partition(":")
        offered: Mapping[str, str] = getattr(import_module(module), function)(prefix)
        return offered

    action.completer = complete  # type: ignore[attr-defined]  # argcomplete looks for it


class _Version(argparse.Action):
    """Prints the version, which is looked up only then, and ends the process."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        tell(f"moviola {version()}")
        parser.exit()
