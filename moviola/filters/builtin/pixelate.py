"""The filter `pixelate`: coarse blocks in place of the whole picture, or of the faces in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.assets import Asset
from moviola.filters.base import Filter, asset, parameter
from moviola.filters.picture import Picture
from moviola.filters.toolbox import haar, yunet
from moviola.filters.toolbox.covering import MODES, cover, whole_blocks
from moviola.filters.toolbox.draw import Box, draw_boxes
from moviola.filters.toolbox.finds import Find, grown, note, shared, strongest
from moviola.filters.toolbox.tracks import follow

_OUTLINE = "box"  # a mode beside MODES: it covers nothing
_SURE, _POSSIBLE = 0.4, 0.2  # scores of a network: a face by itself; one where it is surer in a picture nearby
_SCALE, _AGREEING = 1.1, 2  # of cascades: whoever is missed is shown, so one's word is enough, and few hits of it
_PROFILES = 0.75  # of the size searched: heads turned to a side count too, and take two searches
_FACE_BLOCKS = 6  # across a face: of more, a face may be known again
_SAME = 0.7  # finds that share more than this are covered as one


@dataclass(frozen=True)
class Pixelate(Filter):
    """Replace each block by its mean, or what the mode says. Large faces get larger blocks.

    A face that was found in one of the `hold` pictures before and is not found in this one is covered where it was and
    where its motion has brought it.

    Note, with `faces`: `boxes`, [x, y, width, height] in pixels, found in this frame, and their `scores`; `held`, how
    many places are covered though nothing is found in them; `missed`, how many of the frames just before this one went
    without a find of a face that is found again now.
    """

    name: ClassVar[str] = "pixelate"
    summary: ClassVar[str] = "coarse blocks: the whole picture, or those faces in it that are found"
    context: ClassVar[int | str] = "hold if faces"
    context_needed: ClassVar[bool] = False
    hides: ClassVar[bool] = True
    interlaced: ClassVar[str] = Interlacing.KEEPS
    requires: ClassVar[tuple[str, ...]] = (
        "mode, margin, hold, detector, min_size, model only with faces=true",
        "model only with detector=yunet",
    )

    block: int = parameter(16, minimum=2, maximum=1024, unit="px", help="side of a block")
    faces: bool = parameter(False, help="only faces: true covers all that may be one, and still misses some")
    mode: str = parameter(
        "blocks",
        choices=(*MODES, _OUTLINE),
        help="what covers a face; box covers NOTHING: it outlines what would be covered",
    )
    margin: float = parameter(0.4, minimum=0.0, maximum=2.0, help="of a face's size, covered around it as well")
    hold: int = parameter(
        15, minimum=0, maximum=100, unit="frames", help="how long a face stays covered that is not found any more"
    )
    detector: str = parameter(
        "yunet", choices=("yunet", "haar"), help="a network; or cascades: they miss more, and are many times slower"
    )
    min_size: int = parameter(
        0, minimum=0, maximum=4096, unit="px", help="smallest face; less is slower; 0: a fortieth of the long side"
    )
    model: Asset = asset(help="another YuNet network, an ONNX file")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.faces and self.detector == "yunet":
            yunet.check(self.name, self.model)

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with blocks; with `faces`, and a note of the faces found in it."""
        if not self.faces:
            output = picture.blank()
            cover(picture, output, (0, 0, picture.width, picture.height), self.block, "blocks")
            return output
        window = [each for each in (*earlier, picture) if _size(each) == _size(picture)]
        followed = follow([self._find(each) for each in window], _SURE)
        found = {*(find.box for find in followed.seen), *followed.held}
        boxes = sorted(box for box in found if shared(box, (0, 0, picture.width, picture.height)))
        told: dict[str, Any] = {
            "held": len(followed.held),
            "missed": picture.index - window[-1 - followed.missed].index,
        }
        return self._covered(picture, boxes).with_notes(note(self.name, followed.seen) | told)

    def _covered(self, picture: Picture, boxes: Sequence[Box]) -> Picture:
        places = [grown(box, self.margin, picture.width, picture.height) for box in boxes]
        blocks = [max(self.block, ceil(max(box[2:]) / _FACE_BLOCKS)) for box in boxes]
        if self.mode == _OUTLINE:
            areas = [whole_blocks(picture, place, block)[0] for place, block in zip(places, blocks, strict=True)]
            return draw_boxes(picture, areas, "red", 0)
        output = picture.copy() if places else picture
        for place, block in zip(places, blocks, strict=True):
            cover(picture, output, place, block, self.mode)
        return output

    def _find(self, picture: Picture) -> list[Find]:
        """Kept with the picture, which is looked at again for `hold` frames."""
        key = "faces", self.detector, self.model, self.min_size
        return picture.memo(key, lambda: strongest(self._search(picture), _SAME, 1.0))

    def _search(self, picture: Picture) -> list[Find]:
        if self.detector == "yunet":
            return yunet.find_faces(self.name, self.model, picture, self.min_size, _POSSIBLE)
        searches = (
            haar.Search(_SCALE, _AGREEING, min_size=self.min_size),
            haar.Search(_SCALE, _AGREEING, min_size=self.min_size, profiles=True, detail=_PROFILES),
        )
        return [find for search in searches for find in haar.find_faces(picture.gray, search)]


def _size(picture: Picture) -> tuple[int, int]:
    return picture.width, picture.height
