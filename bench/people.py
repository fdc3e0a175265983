"""Counts whom the filter `people` finds: `python -m bench.people FILE…`.

For pictures and videos it prints how many finds the detector makes by itself, how many the filter keeps (it doubts what
looks drawn, or is hardly there), and what one picture costs. Whether finds are people, eyes must say: `--draw FOLDER`
writes the pictures, kept finds in yellow, the others in red.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from moviola.filters.builtin.people import People
from moviola.filters.toolbox.finds import Find

KEPT, DOUBTED = (0, 255, 255), (0, 0, 255)  # blue, green, red


def main() -> None:
    """Look through the files, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=40, help="of a video, one of so many frames")
    parser.add_argument("--draw", type=Path, help="a folder for what was seen")
    asked = parser.parse_args()
    people = People()
    print("pictures  by the detector  kept  ms a picture  file")
    for file in asked.files:
        pictures, found, kept, seconds = 0, 0, 0, 0.0
        for picture in looked_at(file, asked.every):
            begin = time.process_time()
            gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
            finds = people.candidates(gray)
            sure = [find for find in finds if people.is_sure(gray, find)]
            seconds += time.process_time() - begin
            pictures, found, kept = pictures + 1, found + len(finds), kept + len(sure)
            if asked.draw:
                name = asked.draw / f"{file.stem}-{pictures:04}.png"
                cv2.imwrite(str(name), drawn(picture, finds, sure))
        print(f"{pictures:8}  {found:15}  {kept:4}  {seconds / max(pictures, 1) * 1000:12.0f}  {file.name}", flush=True)


def looked_at(file: Path, every: int) -> Iterator[NDArray[Any]]:
    """Yield some pictures of a file, height × width × blue, green, red."""
    with av.open(str(file)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                yield frame.to_ndarray(format="bgr24")


def drawn(picture: NDArray[Any], finds: list[Find], sure: list[Find]) -> NDArray[Any]:
    """Return a picture with its finds."""
    copy = picture.copy()
    for find in finds:
        x, y, width, height = find.box
        cv2.rectangle(copy, (x, y), (x + width, y + height), KEPT if find in sure else DOUBTED, 2)
    return copy


if __name__ == "__main__":
    main()
