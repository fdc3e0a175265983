"""Networks that make a picture of a picture, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from moviola.base.arrays import np
from moviola.filters.assets import Asset
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.networks.runtime import Network, NetworkError, load, remembered
from moviola.filters.toolbox.networks.samples import BY_TYPE, Coding, are_numbers, light_of, span_of
from moviola.filters.toolbox.networks.tiles import tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FACTOR: Final = 4
"""An output has at most so many times the width and the height: the largest step that networks are trained for."""

AS_GIVEN: Final = "same"
"""Values come back in the span in which they were given."""

_TRIED: Final = 32  # pixels: the side of the picture that a network of any size is tried with, at least


@dataclass(frozen=True, slots=True)
class Levels:
    """What samples mean.

    Attributes:
        black: the sample of black.
        white: the sample of white.
        peak: the largest sample.
    """

    black: int
    white: int
    peak: int


@dataclass(frozen=True, slots=True)
class Painter:
    """How a network is asked for pictures.

    Attributes:
        model: an ONNX file.
        coding: how a picture's samples are given to the network.
        returns: the values of black and white in what it gives: a key of `samples.SPANS`, or `AS_GIVEN`.
        tile: pixels of a tile's sides where the network takes any size; 0 for the whole picture.
        overlap: pixels at the ends of a tile that are not kept.
        multiple: sides of what the network sees are multiples of so many pixels.
    """

    model: Asset
    coding: Coding = field(default_factory=Coding)
    returns: str = AS_GIVEN
    tile: int = 0
    overlap: int = 0
    multiple: int = 1

    @property
    def channels(self) -> int:
        """Return how many channels the network takes: 1 or 3."""
        return _examined(self)[0].shape.channels

    @property
    def factor(self) -> int:
        """Return how many times the width and the height of a picture its output has.

        Raises:
            ParameterError: the file holds no network that makes pictures of pictures; the text says why.
            AssetError: the file is not available here.
            MemoryError: there is not enough memory for it.
        """
        return _examined(self)[1]

    def paint(self, source: NDArray[Any], levels: Levels, target: NDArray[Any]) -> None:
        """Write what the network makes of a picture.

        Args:
            source: rows × columns (× 3, blue first), as the network has channels.
            levels: what samples mean, of `source` and of `target`.
            target: of `factor` times the rows and columns.

        Raises:
            NetworkError: the network fails on a part of the picture.
            MemoryError: there is not enough memory for it.
        """
        network, factor = _examined(self)
        rows, columns = source.shape[:2]
        shape = network.shape
        high, wide = shape.height or self.tile, shape.width or self.tile
        for down in tiles(rows, high, self.overlap):
            for across in tiles(columns, wide, self.overlap):
                part = source[down.start : down.start + high or rows, across.start : across.start + wide or columns]
                light = (part.astype(np.float32) - np.float32(levels.black)) / np.float32(levels.white - levels.black)
                made, found = self._made(network, light)
                if found != factor:
                    raise NetworkError(
                        f"{network.told} makes this picture {found} times as large, but a gray one {factor} times; "
                        "take a network that enlarges all pictures alike"
                    )
                kept = made[
                    (down.begin - down.start) * factor : (down.end - down.start) * factor,
                    (across.begin - across.start) * factor : (across.end - across.start) * factor,
                ]
                samples = np.rint(kept * np.float32(levels.white - levels.black) + np.float32(levels.black))
                place = target[down.begin * factor : down.end * factor, across.begin * factor : across.end * factor]
                place[...] = samples.clip(0, levels.peak)

    def _made(self, network: Network, light: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Return what the network makes of a part of a picture, as light, and how many times as large that is. A
        part that is smaller than the network's input is padded first, and what is made of the padding is returned as
        well."""
        shape = network.shape
        rows, columns = (
            (own or -(-side // self.multiple) * self.multiple) - side
            for own, side in zip((shape.height, shape.width), light.shape, strict=False)
        )
        if rows or columns:
            light = np.pad(light, ((0, rows), (0, columns), *[(0, 0)] * (light.ndim - 2)), mode="edge")
        outputs = network.run(self.coding.coded(light, 1, shape))
        given = _picture(outputs, light.shape[0], light.shape[1], shape.channels)
        if given is None:
            shapes = ", ".join("x".join(map(str, each.shape)) for each in outputs)
            raise NetworkError(
                f"{network.told} makes {shapes} of a picture of {light.shape[1]}x{light.shape[0]}; it must make a "
                f"picture of 1 to {MAX_FACTOR} times both sides, with 1 channel{' or 3' if shape.channels == 3 else ''}"
            )
        if not are_numbers([given]):
            raise NetworkError(
                f"{network.told} gives values that are no numbers (NaN) for this picture; check values and returns"
            )
        made, factor = light_of(given, self._span(given)), given.shape[0] // light.shape[0]
        if light.ndim == 2:
            return made[..., 0], factor
        return made[..., ::-1] if self.coding.rgb else made, factor

    def _span(self, given: NDArray[Any]) -> tuple[float, float]:
        returns = self.coding.values if self.returns == AS_GIVEN else self.returns
        return span_of(returns if given.dtype.kind == "f" else BY_TYPE, given.dtype)


def _picture(outputs: list[NDArray[Any]], rows: int, columns: int, channels: int) -> NDArray[Any] | None:
    """The first output that is a picture of some times these sides, rows × columns × channels, with one channel or as
    many as were given; None if none is."""
    for each in outputs:
        if each.ndim != 4 or each.shape[0] != 1:
            continue
        pictures: tuple[NDArray[Any], ...] = (each[0].transpose(1, 2, 0), each[0])
        for picture in pictures:
            factor = picture.shape[0] // rows
            sides = (factor * rows, factor * columns)
            if picture.shape[:2] == sides and picture.shape[2] in (1, channels) and 1 <= factor <= MAX_FACTOR:
                return picture
    return None


@remembered
def _examined(painter: Painter) -> tuple[Network, int]:
    """Return the network, and how many times as large it makes a gray picture."""
    network = load("onnx", painter.model)
    shape = network.shape
    for side in (shape.width or painter.tile, shape.height or painter.tile):
        if side and side <= 2 * painter.overlap:
            raise ParameterError(
                f"onnx: overlap is {painter.overlap}, and a tile has {side} pixels; it must have more than twice that"
            )
    tried = -(-_TRIED // painter.multiple) * painter.multiple
    rows, columns = shape.height or tried, shape.width or tried
    light = np.full((rows, columns, 3)[: 2 if shape.channels == 1 else 3], 0.5, np.float32)
    try:
        _, factor = painter._made(network, light)
    except NetworkError as error:
        raise ParameterError(str(error)) from error
    return network, factor
