"""The filter `detect`: finds what a network of the user's knows, and draws boxes around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from moviola.base.interlacing import Interlacing
from moviola.base.suggestions import did_you_mean
from moviola.filters.assets import Asset
from moviola.filters.base import Filter, asset, parameter
from moviola.filters.picture import Picture
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.draw import COLOURS, draw_boxes
from moviola.filters.toolbox.networks import detector, layouts
from moviola.filters.toolbox.networks.samples import BY_TYPE, SPANS, Coding, numbers_of


@dataclass(frozen=True)
class Detect(Filter):
    """Draw boxes around what a network finds. docs/NETWORKS.md tells which networks it takes.

    Note: `boxes`, [x, y, width, height] in pixels, and for each its score, 0..1, in `scores`, and what it is in
    `labels`.
    """

    name: ClassVar[str] = "detect"
    summary: ClassVar[str] = "finds what your own network knows and draws boxes around it; needs the extra networks"
    interlaced: ClassVar[str] = Interlacing.KEEPS
    requires: ClassVar[tuple[str, ...]] = ("model",)

    model: Asset = asset(help="the network, an ONNX file")
    layout: str = parameter(layouts.AUTO, choices=layouts.LAYOUTS, help="of its outputs; auto: by their shapes")
    score: float = parameter(0.25, minimum=0.01, maximum=1.0, help="how sure of a find it must be at least")
    overlap: float = parameter(0.45, minimum=0.0, maximum=1.0, help="finds of a class that share more are one")
    classes: str = parameter("", help="names or numbers of what to find, separated by commas; empty: all")
    labels: str = parameter("", help="what its classes are called, separated by commas; empty: as the file says")
    labels_file: Asset = asset(help="what its classes are called, one a line, instead of labels")
    size: int = parameter(
        0, minimum=0, maximum=4096, unit="px", help="side of its input where it takes any; 0: its own, or 640"
    )
    stretch: bool = parameter(False, help="false: the picture keeps its proportions, with gray around it")
    values: str = parameter(BY_TYPE, choices=(BY_TYPE, *SPANS), help="black and white; auto: 0..1, of bytes 0..255")
    channels: str = parameter("rgb", choices=("rgb", "bgr"), help="which colour comes first")
    mean: str = parameter("", help="taken off the values: one number, or three with blanks between")
    std: str = parameter("", help="by which they are then divided: one number, or three")
    logits: bool = parameter(False, help="its scores lack the sigmoid")
    fractions: bool = parameter(False, help="its boxes are shares of the input, not pixels")
    colour: str = parameter("green", choices=tuple(COLOURS), help="of the boxes")
    thickness: int = parameter(0, minimum=0, maximum=64, unit="px", help="of the boxes; 0 suits the picture's size")

    def __post_init__(self) -> None:
        super().__post_init__()
        asked = self._detector
        if not self.model:
            return
        names = detector.check(asked)
        unknown = detector.unknown_classes(self._wanted, names)
        if unknown:
            known = f"; it knows {', '.join(names):.300}" if names else "; it names none, so give labels, or numbers"
            meant = did_you_mean(unknown[0], names, '"') or known
            raise ParameterError(f'{self.name}: classes has "{unknown[0]}", which the network does not know{meant}')

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with boxes drawn, and the boxes, scores and labels in a note."""
        things: list[detector.Thing] = []
        if self.model:
            things = self._detector.find(picture.bgr, self.score, self.overlap, frozenset(self._wanted))
        boxes = [thing.box for thing in things]
        note: dict[str, Any] = {
            "filter": self.name,
            "boxes": [list(box) for box in boxes],
            "scores": [round(thing.score, 3) for thing in things],
            "labels": [thing.label for thing in things],
        }
        return draw_boxes(picture, boxes, self.colour, self.thickness).with_notes(note)

    @property
    def _wanted(self) -> tuple[str, ...]:
        return detector.names_of(self.classes)

    @cached_property
    def _detector(self) -> detector.Detector:
        """Raises ParameterError for what says no numbers or names."""
        return detector.Detector(
            model=self.model,
            layout=self.layout,
            labels=self._labels(),
            side=self.size,
            stretch=self.stretch,
            coding=Coding(
                self.values,
                self.channels == "rgb",
                numbers_of(self.mean, f"{self.name}: mean"),
                numbers_of(self.std, f"{self.name}: std", zero=False),
            ),
            logits=self.logits,
            fractions=self.fractions,
        )

    def _labels(self) -> tuple[str, ...]:
        if not self.labels_file:
            return detector.in_their_places(detector.parts_of(self.labels))
        content = self.labels_file.read()
        if len(content) > detector.MAX_LABELS:
            raise ParameterError(
                f"{self.name}: labels_file has {len(content)} bytes, and the limit is {detector.MAX_LABELS}; "
                "is it the file of names, one a line?"
            )
        try:
            lines = content.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise ParameterError(f"{self.name}: labels_file is not text in UTF-8; write one name a line") from error
        return detector.in_their_places(lines)
