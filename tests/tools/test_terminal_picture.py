"""A picture of what a command shows on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tools.terminal_picture import PAPER, main, shown

PAINTER = r"print('\x1b[31mred\x1b[0m \x1b[2mdim\x1b[0m plain', end='', flush=True); import time; time.sleep(600)"


def test_a_screen_is_drawn_in_its_colours(tmp_path: Path) -> None:
    picture = tmp_path / "shown.png"
    size, seconds = ["--size", "20x3"], ["--seconds", "0"]
    assert main([str(picture), *size, *seconds, "--", sys.executable, "-c", PAINTER]) == 0
    pixels = np.asarray(Image.open(picture))
    assert pixels.shape[1] > pixels.shape[0]
    assert tuple(pixels[0, 0]) == PAPER[::-1]


def test_what_a_command_wrote_before_it_ended_is_on_the_screen() -> None:
    written = PAINTER.partition(";")[0]
    screen = shown([sys.executable, "-c", written], 20, 3, 60.0)
    assert screen.display[0].rstrip() == "red dim plain"
    first, fifth, last = (screen.buffer[0][column] for column in (0, 4, 12))
    assert (first.fg, first.strikethrough) == ("red", False)
    assert fifth.strikethrough
    assert not last.strikethrough
