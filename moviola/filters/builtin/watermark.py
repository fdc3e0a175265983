"""The filter `watermark`: a text or a picture in a corner, blended into the decoded planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.assets import Asset
from moviola.filters.base import Filter, UnsuitableSize, asset, parameter
from moviola.filters.layout import Colour, PixelLayout
from moviola.filters.picture import Picture, channels_of
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.draw import COLOURS
from moviola.filters.toolbox.stamps import Drawing, file_drawing, resized, text_drawing, text_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORNERS = ("bottom-right", "bottom-left", "top-right", "top-left", "center")
_FINE = 1 << 14  # steps of opacity: the blend is done in whole numbers, which round alike on every processor
_LEAST = 9  # pixels: smaller text cannot be read


class _Blend(NamedTuple):
    """What becomes of one channel's samples: `(source · kept + added) / _FINE`, in a part of its plane."""

    rows: slice
    columns: slice
    kept: NDArray[np.int64]
    added: NDArray[np.int64]


@dataclass(frozen=True)
class Watermark(Filter):
    """Blend a text or a picture into a corner.

    Sizes are shares of the height of the picture, so that every size of a video gets the same watermark. Whatever is
    wider than the space between the margins is made smaller to fit.
    """

    name: ClassVar[str] = "watermark"
    summary: ClassVar[str] = "a text or a picture in a corner"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    text: str = parameter(
        "moviola", charset="drawn", help="one line in any script; give what no font knows as a picture, by file"
    )
    file: Asset = asset(help="a picture instead, best a PNG with alpha; it travels with the job")
    corner: str = parameter("bottom-right", choices=_CORNERS, help="where it stands")
    opacity: float = parameter(0.7, minimum=0.0, maximum=1.0, help="0 shows the picture alone")
    size: float = parameter(6.0, minimum=0.5, maximum=100.0, unit="% of the picture's height", help="its height")
    margin: float = parameter(
        3.0, minimum=0.0, maximum=50.0, unit="% of the picture's height", help="between it and the picture's borders"
    )
    colour: str = parameter("white", choices=tuple(COLOURS), help="of text; its outline is black, or white if dark")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.file:
            file_drawing(self.file)
        elif not self.text.strip():
            raise ParameterError(f"{self.name}: text is empty; give one, or file=PICTURE.png")

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size unchanged.

        Raises:
            UnsuitableSize: there is no room for the watermark.
        """
        self.drawing(width, height)
        return width, height

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the picture with the watermark; the picture itself if `opacity` is 0."""
        if self.opacity == 0:
            return picture
        blends = _blends(self, picture.width, picture.height, picture.format, picture.colour)
        output = picture.copy()
        for plane, source, parts in zip(output.planes, picture.planes, blends, strict=True):
            for target, before, part in zip(channels_of(plane), channels_of(source), parts, strict=True):
                if part is not None:
                    place = part.rows, part.columns
                    target[place] = (before[place] * part.kept + part.added) // _FINE
        return output

    def drawing(self, width: int, height: int) -> Drawing:
        """Return what is blended into a picture of this size in pixels.

        Raises:
            UnsuitableSize: there is no room for it.
        """
        room = width - 2 * self.gap(height), height - 2 * self.gap(height)
        least = 1 if self.file else _LEAST
        if room[0] < 1 or room[1] < least:
            raise UnsuitableSize(f"watermark: the margins leave no room in a picture of {width}x{height} pixels")
        tall = min(max(round(self.size / 100 * height), least), room[1])
        if not self.file:
            return self._written(tall, room[0], width, height)
        drawn = file_drawing(self.file)
        rows, columns = drawn.alpha.shape
        wide = max(1, round(columns * tall / rows))
        if wide > room[0]:
            wide, tall = room[0], max(1, round(rows * room[0] / columns))
        return resized(drawn, wide, tall)

    def _written(self, tall: int, room: int, width: int, height: int) -> Drawing:
        while tall >= _LEAST:
            wide = text_width(self.text, tall)
            if wide <= room:
                return text_drawing(self.text, tall, COLOURS[self.colour])
            tall = min(tall - 1, tall * room // wide)
        raise UnsuitableSize(
            f"watermark: the text is too long to be read in {width}x{height} pixels; give a shorter one"
        )

    def gap(self, height: int) -> int:
        """Return the margin in pixels for a picture of this height in pixels."""
        return round(self.margin / 100 * height)

    def place(self, drawn: Drawing, width: int, height: int) -> tuple[int, int]:
        """Return left and top, in pixels, of a drawing in a picture of this size."""
        rows, columns = drawn.alpha.shape
        gap = self.gap(height)
        if self.corner == "center":
            return (width - columns) // 2, (height - rows) // 2
        left = gap if self.corner.endswith("left") else width - gap - columns
        return left, gap if self.corner.startswith("top") else height - gap - rows


@lru_cache(maxsize=8)
def _blends(
    mark: Watermark, width: int, height: int, layout: PixelLayout, colour: Colour
) -> tuple[tuple[_Blend | None, ...], ...]:
    """For each plane and channel what to blend, made once per size and format."""
    drawn = mark.drawing(width, height)
    left, top = mark.place(drawn, width, height)
    alpha = drawn.alpha * mark.opacity
    samples = colour.amounts(drawn.rgb[..., 0], drawn.rgb[..., 1], drawn.rgb[..., 2], layout)
    planes = []
    for plane in layout.planes:
        steps = plane.step_x, plane.step_y
        kept = _coarse(alpha, left, top, *steps)
        first = top // steps[1], left // steps[0]
        rows, columns = (slice(start, start + count) for start, count in zip(first, kept.shape, strict=True))
        parts: list[_Blend | None] = []
        for channel in plane.channels:
            if channel == "x":
                parts.append(None)
                continue
            added = _coarse(alpha * np.clip(samples[channel], 0, layout.peak), left, top, *steps)
            still = np.rint((1 - kept) * _FINE).astype(np.int64)
            parts.append(_Blend(rows, columns, still, np.rint(added * _FINE).astype(np.int64) + _FINE // 2))
        planes.append(tuple(parts))
    return tuple(planes)


def _coarse(samples: NDArray[Any], left: int, top: int, step_x: int, step_y: int) -> NDArray[Any]:
    """The means over the pixels of each sample of a plane, where the samples stand at this place of the picture."""
    height, width = samples.shape
    before = (top % step_y, left % step_x)
    after = (-(before[0] + height) % step_y, -(before[1] + width) % step_x)
    padded = np.pad(samples, ((before[0], after[0]), (before[1], after[1])))
    blocks = padded.reshape(padded.shape[0] // step_y, step_y, padded.shape[1] // step_x, step_x)
    means: NDArray[Any] = blocks.mean(axis=(1, 3))
    return means
