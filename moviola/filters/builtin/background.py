"""The filter `background`: shows what differs from a still background, the median of earlier frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from moviola.base.arrays import np
from moviola.base.interlacing import Interlacing
from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Gray, Picture, channels_of
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_WINDOW = 120  # frames: a worker holds them all, 3 MB each at 1080p
_NOISE_KERNEL = (5, 5)  # removes noise and compression's ringing before the comparison
_SPECK = 3  # samples: what is no wider is noise
_GAP = 7  # samples: what is no wider is a gap in something

Colours: TypeAlias = (
    "NDArray[Any]"  # brightness and, where there is colour, two differences of colour; uint8, height × width × n
)


@dataclass(frozen=True)
class Background(Filter):
    """Show the foreground: what differs from the background.

    The background is the median, sample by sample, of frames spaced evenly over the window. At the start of a video
    there are fewer frames; the first frame is its own background, so nothing stands in front of it.

    Note: `score`, the share of the picture that is foreground, 0..1.
    """

    name: ClassVar[str] = "background"
    summary: ClassVar[str] = "what stands before a ground that stays: as a mask, or cut out"
    context: ClassVar[int | str] = "window"
    interlaced: ClassVar[str] = Interlacing.KEEPS

    window: int = parameter(
        50,
        minimum=1,
        maximum=_MAX_WINDOW,
        unit="frames",
        help="how far it looks back; what stays longer becomes ground",
    )
    samples: int = parameter(9, minimum=1, maximum=25, help="frames of the window that are compared")
    threshold: int = parameter(25, minimum=1, maximum=255, help="difference (of 255) that counts")
    detail: int = parameter(480, minimum=64, maximum=4096, unit="px", help="long side of the pictures compared")
    show: str = parameter(
        "mask", choices=("mask", "foreground"), help="mask: white on black; foreground: the picture, black elsewhere"
    )

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the foreground as a white mask or cut out on black, with its share of the picture in a note."""
        mask = self._mask(picture, earlier)
        note = {"filter": self.name, "score": round(cv2.countNonZero(mask) / mask.size, 6)}
        mask = cv2.resize(mask, (picture.width, picture.height), interpolation=cv2.INTER_LINEAR)
        mask = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
        shown = picture.with_gray(mask) if self.show == "mask" else _cut_out(picture, mask)
        return shown.with_notes(note)

    def _mask(self, picture: Picture, earlier: Sequence[Picture]) -> Gray:
        """255 where something stands before the ground, 0 elsewhere; at the size compared."""
        history = [*(each for each in earlier if _alike(each, picture)), picture]
        spaced = np.linspace(0, len(history) - 1, self.samples).round().astype(int)
        chosen = [history[index] for index in sorted(set(spaced.tolist()))]
        small = [_small(each, self.detail) for each in chosen]
        difference = cv2.absdiff(_small(picture, self.detail), median(small))
        if difference.ndim == 3:
            difference = cv2.max(cv2.max(difference[..., 0], difference[..., 1]), difference[..., 2])
        black, white = picture.gray_levels
        mask = cv2.threshold(difference, self.threshold * (white - black) / 255, 255, cv2.THRESH_BINARY)[1]
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _ellipse(_SPECK))
        return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _ellipse(_GAP))


def median(pictures: Sequence[Colours]) -> Colours:
    """Return the median of each sample over several arrays of equal shape (uint8, height × width × channels).

    Of an even number of arrays the lower one of the two middle values is taken. This is a sorting network over whole
    pictures (Batcher's odd-even merge sort), because OpenCV's minimum and maximum of two pictures take a twentieth of
    the time of numpy's partition.
    """
    sorted_ = list(pictures)
    for low, high in _network(len(sorted_)):
        sorted_[low], sorted_[high] = cv2.min(sorted_[low], sorted_[high]), cv2.max(sorted_[low], sorted_[high])
    return sorted_[(len(sorted_) - 1) // 2]


@cache
def _network(count: int) -> tuple[tuple[int, int], ...]:
    """The pairs to put in order, one after another, that sort so many things, as far as their median needs them."""
    pairs = list(_merge_exchange(count))
    needed, kept = {(count - 1) // 2}, []
    for pair in reversed(pairs):
        if needed.intersection(pair):
            needed.update(pair)
            kept.append(pair)
    return tuple(reversed(kept))


def _merge_exchange(count: int) -> Iterator[tuple[int, int]]:
    """Knuth, The Art of Computer Programming, volume 3, 5.2.2, algorithm M."""
    first = 1 << max(count - 1, 0).bit_length() - 1 if count > 1 else 0
    step = first
    while step:
        distance, offset, leap = step, 0, first
        while True:
            yield from ((low, low + distance) for low in range(count - distance) if low & step == offset)
            if leap == step:
                break
            distance, offset, leap = leap - step, step, leap >> 1
        step >>= 1


def _alike(one: Picture, other: Picture) -> bool:
    return (one.width, one.height, one.format) == (other.width, other.height, other.format)


def _small(picture: Picture, detail: int) -> Colours:
    """The picture shrunk and without noise; kept with it, for it is looked at again in later frames."""
    return picture.memo(("background", detail), lambda: _shrink(picture, detail))


def _shrink(picture: Picture, detail: int) -> Colours:
    factor = min(1.0, detail / max(picture.width, picture.height))
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    samples = [picture.bgr] if picture.format.is_rgb else list(_colour_channels(picture))
    small = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in samples]
    merged = small[0] if len(small) == 1 else cv2.merge(small)
    return cv2.GaussianBlur(merged, _NOISE_KERNEL, 0)


def _colour_channels(picture: Picture) -> Iterator[Gray]:
    """Brightness and the differences of colour, 8 bits each."""
    yield picture.gray
    for plane, kind in zip(picture.planes, picture.format.planes, strict=True):
        for channel, samples in zip(kind.channels, channels_of(plane), strict=True):
            if channel in "uv":
                depth = picture.format.depth
                yield samples if depth == 8 else cv2.convertScaleAbs(samples, alpha=0.5 ** (depth - 8))


def _cut_out(picture: Picture, mask: Gray) -> Picture:
    """The picture where the mask is 255, black elsewhere; alpha stays."""
    output = picture.copy()
    black = picture.colour.samples((0, 0, 0), picture.format)
    for plane, kind in zip(output.planes, picture.format.planes, strict=True):
        ground = mask == 0
        if kind.step_x > 1 or kind.step_y > 1:
            size = plane.shape[1], plane.shape[0]
            ground = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) < 128
        for channel, target in zip(kind.channels, channels_of(plane), strict=True):
            if channel not in "ax":
                target[ground] = black[channel]
    return output


@cache
def _ellipse(size: int) -> NDArray[Any]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
