"""The filter `pixelate`: coarse blocks in place of the whole picture, or of the faces in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, lcm
from typing import ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.assets import Asset
from moviola.filters.base import Filter, asset, parameter
from moviola.filters.picture import Picture, Plane
from moviola.filters.toolbox import haar, yunet
from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.finds import Find, grown, note, strongest
from moviola.filters.toolbox.opencv import cv2

_SCALE, _AGREEING = 1.1, 2  # whoever is missed is shown, so one detector's word is enough, and few hits of it
_PROFILES = 0.75  # of the detail: heads turned to a side count too, and take two searches
_SCORE = 0.4  # of a YuNet network
_FACE_BLOCKS = 6  # across a face: of more, a face may be known again
_SAME = 0.7  # finds that share more than this are covered as one


@dataclass(frozen=True)
class Pixelate(Filter):
    """Replace each block by its mean. Blocks lie on a grid from the top left corner, so that they do not swim.

    The size of a block is rounded up to a multiple of the pixels that share a chroma sample; large faces get larger
    blocks.

    Note, with `faces`: `boxes`, [x, y, width, height] in pixels, found in this frame, and their `scores`.
    """

    name: ClassVar[str] = "pixelate"
    summary: ClassVar[str] = "coarse blocks: the whole picture, or those faces in it that are found"
    context: ClassVar[int | str] = "hold if faces"
    context_needed: ClassVar[bool] = False
    hides: ClassVar[bool] = True
    interlaced: ClassVar[str] = Interlacing.KEEPS

    block: int = parameter(16, minimum=2, maximum=1024, unit="px", help="side of a block")
    faces: bool = parameter(False, help="only faces: true covers all that may be one; slow, and it misses some")
    margin: float = parameter(0.4, minimum=0.0, maximum=2.0, help="of a face's size, covered around it as well")
    hold: int = parameter(
        8, minimum=0, maximum=100, unit="frames", help="how long a place stays covered where no face is seen any more"
    )
    detail: int = parameter(
        640, minimum=64, maximum=4096, unit="px", help="long side of the picture searched; less is quicker, misses more"
    )
    model: Asset = asset(help="YuNet network, an ONNX file: misses far fewer faces, and is many times quicker")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model:
            yunet.check(self.name, self.model)

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with blocks; with `faces`, and a note of the faces found in it."""
        if not self.faces:
            output = picture.blank()
            _cover(picture, output, (0, 0, picture.width, picture.height), self.block)
            return output
        finds = self._find(picture)
        before = [find for each in earlier if _size(each) == _size(picture) for find in self._find(each)]
        found = {find.box for find in (*before, *finds)}
        output = picture.copy() if found else picture
        for box in sorted(found):
            block = max(self.block, ceil(max(box[2:]) / _FACE_BLOCKS))
            _cover(picture, output, grown(box, self.margin, picture.width, picture.height), block)
        return output.with_notes(note(self.name, finds))

    def _find(self, picture: Picture) -> list[Find]:
        """Kept with the picture, which is looked at again for `hold` frames."""
        return picture.memo(("faces", self.model, self.detail), lambda: self._search(picture))

    def _search(self, picture: Picture) -> list[Find]:
        if self.model:
            return strongest(yunet.find_faces(self.name, self.model, picture.bgr, self.detail, _SCORE), _SAME, 1.0)
        searches = (
            haar.Search(self.detail, _SCALE, _AGREEING),
            haar.Search(round(self.detail * _PROFILES), _SCALE, _AGREEING, profiles=True),
        )
        finds = [find for search in searches for find in haar.find_faces(picture.gray, search)]
        return strongest(finds, _SAME, 1.0)


def _size(picture: Picture) -> tuple[int, int]:
    return picture.width, picture.height


def _cover(source: Picture, target: Picture, box: Box, block: int) -> None:
    """Writes the blocks that touch the box. All planes get blocks of the same pixels; alpha stays sharp."""
    layout = source.format
    unit = lcm(*(step for plane in layout.planes for step in (plane.step_x, plane.step_y)))
    block = ceil(block / unit) * unit
    x, y, width, height = box
    left, top = x // block * block, y // block * block
    right, bottom = ceil((x + width) / block) * block, ceil((y + height) / block) * block
    for plane, output, kind in zip(source.planes, target.planes, layout.planes, strict=True):
        place = (
            slice(top // kind.step_y, min(bottom // kind.step_y, plane.shape[0])),
            slice(left // kind.step_x, min(right // kind.step_x, plane.shape[1])),
        )
        if kind.channels == "a":
            output[place] = plane[place]
            continue
        output[place] = _blocks(plane[place], block // kind.step_x, block // kind.step_y)
        if "a" in kind.channels:
            alpha = kind.channels.index("a")
            output[(*place, alpha)] = plane[(*place, alpha)]


def _blocks(plane: Plane, across: int, down: int) -> Plane:
    """The means of blocks of so many samples, in their places; those at the right and lower border have fewer."""
    output = np.empty_like(plane)
    for rows in _bands(plane.shape[0], down):
        for columns in _bands(plane.shape[1], across):
            part = plane[rows.start : rows.stop, columns.start : columns.stop]
            size = part.shape[1], part.shape[0]
            means = cv2.resize(part, (len(columns), len(rows)), interpolation=cv2.INTER_AREA)
            filled = cv2.resize(means, size, interpolation=cv2.INTER_NEAREST)
            output[rows.start : rows.stop, columns.start : columns.stop] = filled.reshape(part.shape)
    return output


def _bands(length: int, block: int) -> list[range]:
    """The whole blocks of a side, and the rest: each a range of samples with a step of one block."""
    whole = length // block * block
    return [band for band in (range(0, whole, block), range(whole, length, block)) if band]
