"""The filter `onnx`: a network of the user's makes a picture of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.assets import Asset
from moviola.filters.base import Filter, UnsuitableSize, asset, parameter
from moviola.filters.picture import Picture, channels_of
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.boxes import moved
from moviola.filters.toolbox.networks.painter import AS_GIVEN, Levels, Painter
from moviola.filters.toolbox.networks.samples import BY_TYPE, SPANS, Coding
from moviola.filters.toolbox.scaling import scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_SIDE = 8192  # pixels: as of `resize`
_DEEP = 65535  # white in 16 bits


@dataclass(frozen=True)
class Onnx(Filter):
    """Give each picture to a network, and take what it makes: super-resolution, style, noise. docs/NETWORKS.md tells
    which networks it takes.

    A network of three channels sees red, green and blue, in 16 bits where the picture has more than 8. One of a single
    channel sees brightness; colours are scaled along.
    """

    name: ClassVar[str] = "onnx"
    summary: ClassVar[str] = "your own network makes each picture anew, larger or not; needs the extra networks"
    interlaced: ClassVar[str] = Interlacing.MIXES
    requires: ClassVar[tuple[str, ...]] = ("model",)

    model: Asset = asset(help="the network, an ONNX file")
    values: str = parameter(BY_TYPE, choices=(BY_TYPE, *SPANS), help="black and white; auto: 0..1, of bytes 0..255")
    returns: str = parameter(AS_GIVEN, choices=(AS_GIVEN, *SPANS), help="black and white in what it makes")
    channels: str = parameter("rgb", choices=("rgb", "bgr"), help="which colour comes first")
    tile: int = parameter(
        512, minimum=0, maximum=4096, unit="px", help="side of what it sees at once, if it takes any; 0: all"
    )
    overlap: int = parameter(
        16, minimum=0, maximum=1024, unit="px", help="left out around each tile: as far as the network looks"
    )
    multiple: int = parameter(1, minimum=1, maximum=256, unit="px", help="its sides are multiples of so many pixels")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tile and self.tile <= 2 * self.overlap:
            raise ParameterError(
                f"{self.name}: tile is {self.tile} and overlap is {self.overlap}; a tile must have more than twice the "
                "overlap"
            )
        if self.tile % self.multiple:
            raise ParameterError(f"{self.name}: tile is {self.tile}, which is not a multiple of {self.multiple}")
        if self.model:
            _ = self._painter.factor

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels of what the network makes.

        Raises:
            UnsuitableSize: a side would become longer than the limit of 8192 pixels.
        """
        if not self.model:
            return width, height
        factor = self._painter.factor
        if factor > 1 and factor * max(width, height) > _MAX_SIDE:
            raise UnsuitableSize(
                f"{width}x{height} would become {factor * width}x{factor * height}, and the limit is {_MAX_SIDE} "
                "pixels a side: make the picture smaller first, with resize"
            )
        return factor * width, factor * height

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return what the network makes of the picture, with the boxes in notes scaled along."""
        if not self.model:
            return picture
        width, height = self.output_size(picture.width, picture.height)
        if self._painter.channels == 3:
            output = _with_alpha(picture, picture.with_bgr(self._coloured(picture, width, height)))
        elif picture.format.is_rgb:
            output = _with_alpha(picture, picture.with_bgr(self._brightened(picture, width, height)))
        else:
            output = self._relit(picture, width, height)
        factor = width // picture.width
        output.notes = moved(picture.notes, lambda x, y: (x * factor, y * factor), width, height)
        return output

    def _coloured(self, picture: Picture, width: int, height: int) -> NDArray[Any]:
        source = _bgr(picture)
        target = np.empty((height, width, 3), source.dtype)
        self._painter.paint(source, _full(source), target)
        return target

    def _relit(self, picture: Picture, width: int, height: int) -> Picture:
        """Luma from the network; chroma and alpha as they are, scaled."""
        output = picture.blank(width, height)
        levels = Levels(*picture.colour.luma_levels(picture.format.depth), picture.format.peak)
        for source, target, plane in zip(picture.planes, output.planes, picture.format.planes, strict=True):
            if plane.channels != "y":
                _scaled(source, target, picture.format.peak)
            if "y" in plane.channels:
                place = plane.channels.index("y")
                self._painter.paint(channels_of(source)[place], levels, channels_of(target)[place])
        return output

    def _brightened(self, picture: Picture, width: int, height: int) -> NDArray[Any]:
        """Red, green and blue, scaled, with what the network makes of their luma added to all three alike."""
        source, colour = _bgr(picture), picture.colour
        full = _full(source)
        scaled = np.empty((height, width, 3), source.dtype)
        _scaled(source, scaled, full.peak)
        shares = np.array([colour.blue_share, 1 - colour.red_share - colour.blue_share, colour.red_share], np.float32)
        wanted = np.empty((height, width), source.dtype)
        self._painter.paint(np.rint(source @ shares).astype(source.dtype), full, wanted)
        made = scaled + (wanted - scaled @ shares)[..., np.newaxis]
        return np.rint(made).clip(0, full.peak).astype(source.dtype)

    @cached_property
    def _painter(self) -> Painter:
        coding = Coding(self.values, self.channels == "rgb")
        return Painter(self.model, coding, self.returns, self.tile, self.overlap, self.multiple)


def _bgr(picture: Picture) -> NDArray[Any]:
    return picture.bgr if picture.format.depth == 8 else picture.deep_bgr


def _full(source: NDArray[Any]) -> Levels:
    peak = 255 if source.dtype == np.uint8 else _DEEP
    return Levels(0, peak, peak)


def _scaled(source: NDArray[Any], target: NDArray[Any], peak: int) -> None:
    if source.shape == target.shape:
        np.copyto(target, source)
    else:
        scale(source, target, peak)


def _with_alpha(picture: Picture, output: Picture) -> Picture:
    """The output with the picture's transparency, scaled, where it has some."""
    layout = picture.format
    if not any("a" in plane.channels for plane in layout.planes):
        return output
    output = output.copy()
    for source, target, plane in zip(picture.planes, output.planes, layout.planes, strict=True):
        if "a" in plane.channels:
            place = plane.channels.index("a")
            alpha = np.ascontiguousarray(channels_of(source)[place])
            wanted = np.empty(target.shape[:2], target.dtype)
            _scaled(alpha, wanted, layout.peak)
            channels_of(target)[place][...] = wanted
    return output
