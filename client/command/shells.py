"""`moviola completion SHELL`: prints what makes the Tab key complete the command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.installation import NAME
from moviola.base.invocation import typed

HOW: Final = {
    "bash": f'eval "$({NAME} completion bash)"',
    "zsh": f'eval "$({NAME} completion zsh)"',
    "fish": f"{NAME} completion fish | source",
}
"""By shell, the line for its start-up file."""

ABOUT: Final = """\
Prints code for a shell that completes subcommands, flags, names of filters and their parameters, and ids of jobs. Put
the line for your shell into its start-up file (~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish):
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the code for a shell and return the exit status."""
    lines = "; ".join(f"{shell}: {line}" for shell, line in HOW.items())
    parser = Parser(prog=typed("completion"), description=f"{ABOUT}{lines}".replace("%", "%%"))
    parser.add_argument("shell", choices=tuple(HOW), metavar="SHELL", help=", ".join(HOW))
    given = parser.parse_args(arguments)
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415 - this subcommand alone needs it

    print(shellcode([NAME], shell=given.shell))
    return 0
