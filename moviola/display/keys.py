"""Keys that a person presses while something is shown on the terminal."""

from __future__ import annotations

import os
import re
import sys
import termios
import tty
from enum import StrEnum
from types import TracebackType
from typing import Any, Final


class Key(StrEnum):
    """Keys that have no letter."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    HOME = "home"


_SEQUENCES: Final = {
    "\x1b[A": Key.UP, "\x1bOA": Key.UP, "\x1b[B": Key.DOWN, "\x1bOB": Key.DOWN,
    "\x1b[5~": Key.PAGE_UP, "\x1b[6~": Key.PAGE_DOWN, "\x1b[H": Key.HOME, "\x1bOH": Key.HOME, "\x1b[1~": Key.HOME,
}  # fmt: skip
"""What terminals send for them (ECMA-48, and xterm's application mode)."""

_KEYS: Final = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|.", re.DOTALL)


def parsed(text: str) -> list[str]:
    """Return the keys in what a terminal sent; sequences of keys that are not known are left out."""
    found = _KEYS.findall(text)
    return [_SEQUENCES.get(one, one) for one in found if one in _SEQUENCES or len(one) == 1]


class Keyboard:
    """Standard input while keys are taken one by one and not shown. `with` gives the terminal back as it was.

    Attributes:
        fd: the descriptor that is readable when keys were pressed; None where standard input is no terminal.
    """

    def __init__(self) -> None:
        self.fd: int | None = None
        self._before: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
            self.fd = sys.stdin.fileno()
            self._before = termios.tcgetattr(self.fd)
            tty.setcbreak(self.fd)  # Ctrl-C stays what it is
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self.fd is not None and self._before is not None:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self._before)
        self.fd = None

    def pressed(self) -> list[str] | None:
        """Return the keys that were pressed; wait for one if there is none. None: the terminal is gone."""
        assert self.fd is not None, "standard input is no terminal"
        try:
            data = os.read(self.fd, 1024)
        except OSError:
            return None
        return parsed(data.decode(errors="replace")) if data else None
