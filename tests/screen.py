"""A terminal for tests: runs a command in a pseudo-terminal and shows what a person would see on its screen."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import pyte

from tests.waiting import PATIENCE_S, PAUSE_S, until

Size = tuple[int, int]
"""Columns and rows."""

SMALL: Final[Size] = (80, 24)
LARGE: Final[Size] = (160, 45)

HISTORY_LINES: Final = 2000
"""Lines that have left the screen at its top and are still known."""

TAKE_TERMINAL: Final = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""A program that makes the terminal its own, so that Ctrl-C reaches it, and becomes the command."""

READ_SIZE: Final = 65536


class Screen:
    """A command in a terminal of its own; `with` ends it, and nothing else.

    Args:
        command: what is run.
        size: columns and rows of the terminal.
        environment: all of it; TERM is set here unless it is in it, and COLUMNS and LINES are left out.
        folder: where it is run.
    """

    def __init__(
        self, command: Sequence[str], *, size: Size = SMALL, environment: Mapping[str, str], folder: Path
    ) -> None:
        columns, rows = size
        self.width = columns
        self._screen = pyte.HistoryScreen(columns, rows, history=HISTORY_LINES, ratio=1.0 / rows)
        self._stream = pyte.ByteStream(self._screen)
        self._terminal, inner = os.openpty()
        termios.tcsetwinsize(inner, (rows, columns))
        self.modes_before = self.modes
        kept = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *command],
            cwd=folder,
            env={"TERM": "xterm-256color", **kept},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self._written = bytearray()

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._terminal)

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without blanks at the ends of lines and without empty lines below."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        """The lines on the screen, joined."""
        return "\n".join(self.lines)

    @property
    def prose(self) -> str:
        """What is on the screen, as words with one space between them: lines that the terminal broke are whole."""
        return " ".join("".join(self._screen.display).split())

    @property
    def everything(self) -> str:
        """What is on the screen, with what has left it at its top."""
        above = ("".join(line[column].data for column in range(self.width)) for line in self._screen.history.top)
        return "\n".join([*(line.rstrip() for line in above), *self.lines])

    @property
    def colours(self) -> set[str]:
        """The colours of letters on the screen."""
        return {cell.fg for line in self._screen.buffer.values() for cell in line.values()}

    @property
    def modes(self) -> list[object]:
        """How the terminal treats what is typed: echo, lines, signals."""
        return list(termios.tcgetattr(self._terminal))

    @property
    def is_alternate(self) -> bool:
        """Whether the screen is the second one, after which what was there before is there again."""
        return self._written.rfind(b"\x1b[?1049h") > self._written.rfind(b"\x1b[?1049l")

    @property
    def has_been_alternate(self) -> bool:
        """Whether the second screen was ever taken."""
        return b"\x1b[?1049h" in self._written

    @property
    def is_cursor_hidden(self) -> bool:
        """Whether the cursor is not to be seen."""
        return self._written.rfind(b"\x1b[?25l") > self._written.rfind(b"\x1b[?25h")

    def resize(self, size: Size) -> None:
        """Give the terminal another size, of which the command hears by a signal."""
        columns, rows = size
        self.width = columns
        self._screen.resize(rows, columns)
        termios.tcsetwinsize(self._terminal, (rows, columns))

    def send_signal(self, number: int) -> None:
        """Send the command a signal."""
        self._process.send_signal(number)

    def until(self, condition: Callable[[Screen], object], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Read what the command writes until a condition of the screen holds."""
        until(
            lambda: bool(condition(self)),
            lambda: f"{what}; the screen is\n{self.everything}",
            timeout_s,
            turn=self._read,
        )

    def type(self, text: str) -> None:
        """Type something; `\\x03` is Ctrl-C."""
        os.write(self._terminal, text.encode())

    def end(self, timeout_s: float = PATIENCE_S) -> int:
        """Read until the command ends, and return its exit status."""
        until(self._is_over, lambda: f"the end; the screen is\n{self.everything}", timeout_s, turn=self._read)
        while self._read():
            pass
        return self._process.wait()

    def _is_over(self) -> bool:
        return self._process.poll() is not None

    def _read(self) -> bool:
        """Give the terminal what has been written, waiting a moment for it; return whether there was anything."""
        ready, _, _ = select.select([self._terminal], [], [], PAUSE_S)
        if not ready:
            return False
        try:
            data = os.read(self._terminal, READ_SIZE)
        except OSError:  # nobody has the other end any more
            return False
        self._stream.feed(data)
        self._written += data
        return bool(data)
