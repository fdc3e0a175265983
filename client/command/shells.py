"""`moviola completion SHELL`: prints what makes the Tab key complete the command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moviola.base.command_line import LinesFormatter, Parser
from moviola.base.installation import NAME
from moviola.base.invocation import typed
from moviola.base.standard_streams import tell

HOW: Final = {
    "bash": f'eval "$({NAME} completion bash)"',
    "zsh": f'eval "$({NAME} completion zsh)"',
    "fish": f"{NAME} completion fish | source",
}
"""By shell, the line for its start-up file."""

START_UP_FILES: Final = {"bash": "~/.bashrc", "zsh": "~/.zshrc, after compinit", "fish": "~/.config/fish/config.fish"}

ABOUT: Final = """\
Prints code for a shell that completes subcommands, flags, names of filters and
their parameters, and ids of jobs. To have it in every new shell:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the code for a shell and return the exit status."""
    lines = "".join(f"\n  {line:<34}  in {START_UP_FILES[shell]}" for shell, line in HOW.items())
    parser = Parser(prog=typed("completion"), description=f"{ABOUT}{lines}", formatter_class=LinesFormatter)
    parser.add_argument("shell", choices=tuple(HOW), metavar="SHELL", help=", ".join(HOW))
    given = parser.parse_args(arguments)
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - this subcommand alone needs it

    tell(shellcode([NAME], shell=given.shell))
    return 0
