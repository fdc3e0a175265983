"""The filter `faces`: finds faces with a YuNet network or with OpenCV's Haar cascades, and draws boxes around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from moviola.base.interlacing import Interlacing
from moviola.filters.assets import Asset
from moviola.filters.base import Filter, asset, parameter
from moviola.filters.picture import Picture
from moviola.filters.toolbox import haar, yunet
from moviola.filters.toolbox.draw import COLOURS, draw_boxes
from moviola.filters.toolbox.finds import Find, note, strongest

_POSSIBLE = 0.4  # score of a network from which a find is worth a second look
_OVERLAP = 0.3  # finds that share more than this of both are one face
_INSIDE = 0.4  # … or this of the smaller one: a face is not in front of another one


@dataclass(frozen=True)
class Faces(Filter):
    """Draw boxes around faces.

    Note: `boxes`, [x, y, width, height] in pixels, and their `scores`: of the network how sure it is, 0..1; of the
    cascades the smaller of the numbers of hits that two confirming ones had.
    """

    name: ClassVar[str] = "faces"
    summary: ClassVar[str] = "finds faces and draws boxes around them"
    interlaced: ClassVar[str] = Interlacing.KEEPS
    requires: ClassVar[tuple[str, ...]] = (
        "score, model only with detector=yunet",
        "scale, neighbors, confirm only with detector=haar",
    )

    detector: str = parameter(
        "yunet", choices=("yunet", "haar"), help="a network; or cascades: upright and frontal faces alone, and slower"
    )
    min_size: int = parameter(
        0, minimum=0, maximum=4096, unit="px", help="smallest face; less is slower; 0: a fortieth of the long side"
    )
    score: float = parameter(0.6, minimum=0.1, maximum=1.0, help="how sure the network must be of a face")
    model: Asset = asset(help="another YuNet network, an ONNX file")
    scale: float = parameter(1.2, minimum=1.02, maximum=2.0, help="step between sizes; less finds more, slower")
    neighbors: int = parameter(2, minimum=1, maximum=20, help="agreeing hits that make a find")
    confirm: int = parameter(4, minimum=0, maximum=20, help="hits that two more detectors need; 0 asks none")
    colour: str = parameter("green", choices=tuple(COLOURS), help="of the boxes")
    thickness: int = parameter(0, minimum=0, maximum=64, unit="px", help="of the boxes; 0 suits the picture's size")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.detector == "yunet":
            yunet.check(self.name, self.model)

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with boxes drawn, and the boxes and scores in a note."""
        finds = strongest(self._find(picture), _OVERLAP, _INSIDE)
        boxes = [find.box for find in finds]
        return draw_boxes(picture, boxes, self.colour, self.thickness).with_notes(note(self.name, finds))

    def _find(self, picture: Picture) -> list[Find]:
        if self.detector == "yunet":
            possible = yunet.find_faces(self.name, self.model, picture, self.min_size, min(_POSSIBLE, self.score))
            finds = yunet.confirmed(self.name, self.model, picture, possible)
            return [find for find in finds if find.score >= self.score]
        search = haar.Search(self.scale, self.neighbors, self.confirm, self.min_size)
        return haar.find_faces(picture.gray, search)
