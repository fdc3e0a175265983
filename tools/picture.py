"""Draws the README's picture, docs/demo.webp: `python -m tools.picture`.

One frame of *Big Buck Bunny* (© Blender Foundation, CC-BY 3.0, www.bigbuckbunny.org) as it was sent, and as three
filters sent it back.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from moviola.base.processes import program
from moviola.launcher import clip
from tools.lettering import MONO, save, write

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "demo.webp"
FRAME: Final = 60
FILTERS: Final = ("blur:radius=9", "edges", "motion")
PANEL: Final = (480, 270)
"""Width and height of one panel in pixels."""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def frame_of(path: Path) -> Pixels:
    """Return frame FRAME as BGR uint8 (height, width, 3)."""
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == FRAME:
                return frame.to_ndarray(format="bgr24")  # type: ignore[return-value]
    raise ValueError(f"{path} has no frame {FRAME}")


def panel(picture: Pixels, title: str) -> Pixels:
    """Return a picture of panel size with its title in the corner."""
    small = cv2.resize(picture, PANEL, interpolation=cv2.INTER_AREA)
    picture = small.astype(np.uint8)
    write(picture, title, left=14, baseline=30, size=20, colour=(255, 255, 255), font=MONO, outline=(0, 0, 0))
    return picture


def main() -> int:
    film, credit = clip.obtain(ROOT / "data")
    panels = [panel(frame_of(film), "source")]
    with tempfile.TemporaryDirectory() as folder:
        for chain in FILTERS:
            target = Path(folder) / f"{len(panels)}.mp4"
            command = [*program("client.file_sender"), str(film), "--filters", chain, "--local"]
            subprocess.run([*command, "--quiet", "--out", str(target)], check=True, cwd=ROOT)
            panels.append(panel(frame_of(target), chain))
    rows = [np.hstack(panels[:2]), np.hstack(panels[2:])]
    save(np.vstack(rows), PAGE)
    print(f"wrote {PAGE}: {credit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
