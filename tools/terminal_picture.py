"""Draws what a command shows on a terminal: `python -m tools.terminal_picture docs/status.webp -- moviola status`.

The command runs in a terminal of its own for some seconds; what is on its screen then becomes the picture, and the
command is ended (SIGTERM).
"""

from __future__ import annotations

import argparse
import os
import select
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import pyte

from tools.lettering import MONO, Colour, Pixels, save, typeface, write

LETTER_SIZE: Final = 17
MARGIN: Final = 14
"""Width of the picture's margin in pixels."""

PAPER: Final[Colour] = (30, 26, 24)
INK: Final[Colour] = (222, 222, 222)
COLOURS: Final[dict[str, Colour]] = {
    "default": INK, "red": (102, 102, 240), "green": (120, 200, 120), "brown": (90, 190, 230),
}  # fmt: skip
"""The colours of letters that our programs use, as (blue, green, red), by pyte's names. pyte calls yellow brown."""

FAINT: Final = 0.55
"""The brightness of letters that the command wrote as dim, as a share of the usual one."""

Cell = tuple[str, Colour]


class _Screen(pyte.Screen):
    """A screen that keeps which letters are dim. pyte has no attribute for that: they are marked as struck through."""

    def select_graphic_rendition(self, *attributes: int) -> None:
        super().select_graphic_rendition(*[9 if one == 2 else one for one in attributes])
        if 22 in attributes:
            super().select_graphic_rendition(29)


def shown(command: Sequence[str], columns: int, rows: int, seconds: float) -> pyte.Screen:
    """Run a command for `seconds`, end it, and return its screen of that time."""
    screen = _Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    outer, inner = os.openpty()
    termios.tcsetwinsize(inner, (rows, columns))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env={**environment, "TERM": "xterm-256color"}
    )
    os.close(inner)
    deadline = time.monotonic() + seconds
    with suppress(OSError):  # it ended by itself, and all that it wrote was read
        while (left := deadline - time.monotonic()) > 0:
            if select.select([outer], [], [], left)[0]:
                stream.feed(os.read(outer, 65536))
    process.terminate()
    process.wait()
    os.close(outer)
    return screen


def drawn(screen: pyte.Screen) -> Pixels:
    """Return a picture of a screen (height, width, 3), uint8, blue first."""
    wide = typeface(MONO, LETTER_SIZE).getlength("0")
    high = round(LETTER_SIZE * 1.25)
    size = (2 * MARGIN + screen.lines * high, 2 * MARGIN + round(screen.columns * wide), 3)
    image = np.full(size, PAPER, np.uint8)
    for row in range(screen.lines):
        cells = [_cell(screen, row, column) for column in range(screen.columns)]
        column = 0
        for colour, run in groupby(cells, key=lambda cell: cell[1]):
            text = "".join(letter for letter, _ in run)
            left, baseline = MARGIN + round(column * wide), MARGIN + row * high + round(high * 0.78)
            if text.strip():
                write(image, text, left=left, baseline=baseline, size=LETTER_SIZE, colour=colour, font=MONO)
            column += len(text)
    return image


def _cell(screen: pyte.Screen, row: int, column: int) -> Cell:
    """Return the letter of a place, and its colour."""
    char = screen.buffer[row][column]
    colour = COLOURS.get(char.fg, INK)
    if char.bold and char.fg == "default":
        colour = (255, 255, 255)
    if char.strikethrough:
        blue, green, red = (round(FAINT * part) for part in colour)
        colour = blue, green, red
    return char.data, colour


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture."""
    parser = argparse.ArgumentParser(prog="python -m tools.terminal_picture", description=__doc__)
    parser.add_argument("picture", type=Path, help="the file to write")
    parser.add_argument("--size", default="110x28", help="columns and rows (110x28)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the command runs before (30)")
    parser.add_argument("command", nargs="+", help="what is run, behind --")
    given = parser.parse_args(arguments)
    columns, rows = map(int, given.size.split("x"))
    save(drawn(shown(given.command, columns, rows, given.seconds)), given.picture, lossless=True)
    print(f"wrote {given.picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
