"""Follows finds from picture to picture, so that what a detector misses for a moment is not lost.

A pure function of the pictures of a window: the same window gives the same places, wherever a video is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from moviola.base.arrays import np
from moviola.filters.toolbox.draw import Box
from moviola.filters.toolbox.finds import Find

REACH: Final = 0.6
"""How far from where it is expected a face may be found in the next picture, as a share of its size. Boxes of one size
then share a quarter of what both cover, and two heads side by side, about 1.3 of a face apart, are not mixed up."""

REACH_GROWTH: Final = 0.1
"""REACH grows by this for each picture in which the face was not found."""

REACH_MOST: Final = 1.2
"""REACH grows to this at most: a face that is farther away is another one."""

SIZES: Final = 1.8
"""A face is found at this many times its last size at most, or at least at the inverse of it."""

SMOOTHING: Final = 0.5
"""Share of the newest step in the motion that is expected: a detector's boxes tremble by some pixels."""

DOUBT: Final = 0.06
"""How much the place of a face that is not seen grows on each side for each picture, as a share of its size: heads
turn."""

DOUBT_MOST: Final = 0.4
"""The most that DOUBT grows to, or one face in doubt would cover the picture."""


class Followed(NamedTuple):
    """What is known of the last picture of a window.

    Attributes:
        seen: the finds in it, without those that are weak and belong to nothing.
        held: boxes in pixels where something is now that was seen before and is not found in it, as (x, y, width,
            height). They may reach over the picture's borders.
        missed: how many pictures just before it went without a find of something that is now found again.
    """

    seen: list[Find]
    held: list[Box]
    missed: int


@dataclass(slots=True)
class _Track:
    """One face: where it was last, in which picture, and how it moves, in pixels a picture."""

    find: Find
    at: int
    motion: tuple[float, float] = (0.0, 0.0)
    missed: int = 0  # pictures without it before it was found last
    finds: list[Find] = field(default_factory=list)

    def expected(self, at: int) -> tuple[float, float, float, float]:
        """Return where the face should be in a picture: x, y, width and height in pixels."""
        gap, (x, y, width, height) = at - self.at, self.find.box
        return x + self.motion[0] * gap, y + self.motion[1] * gap, width, height

    def take(self, find: Find, at: int) -> None:
        """Note where the face was found in a picture, and with that how it moves."""
        gap, before, now = at - self.at, _centre(self.find.box), _centre(find.box)
        share = SMOOTHING if len(self.finds) > 1 else 1.0
        step = [(new - old) / gap for new, old in zip(now, before, strict=True)]
        self.motion = (
            self.motion[0] + share * (step[0] - self.motion[0]),
            self.motion[1] + share * (step[1] - self.motion[1]),
        )
        self.missed = gap - 1
        self.find, self.at = find, at
        self.finds.append(find)

    def place(self, at: int) -> Box:
        """Return what has to be covered in a later picture: where the face was, where it should be, and what lies
        between."""
        x, y, width, height = self.find.box
        left, top, _, _ = self.expected(at)
        doubt = min(DOUBT * (at - self.at), DOUBT_MOST)
        from_x, from_y = min(x, left) - doubt * width, min(y, top) - doubt * height
        to_x, to_y = max(x, left) + (1 + doubt) * width, max(y, top) + (1 + doubt) * height
        return round(from_x), round(from_y), round(to_x) - round(from_x), round(to_y) - round(from_y)


def follow(window: Sequence[Sequence[Find]], sure: float) -> Followed:
    """Return what is known of the last picture of a window.

    Args:
        window: the finds of each picture, oldest first; it has one picture at least.
        sure: score from which a find counts by itself. One below counts where the same face is found with such a score
            in another picture of the window.
    """
    tracks: list[_Track] = []
    for at, finds in enumerate(window):
        _assign(tracks, finds, at)
    last = len(window) - 1
    kept = [track for track in tracks if any(find.score >= sure for find in track.finds)]
    now = [track for track in kept if track.at == last]
    return Followed(
        seen=sorted(track.find for track in now),
        held=sorted(track.place(last) for track in kept if track.at < last),
        missed=max((track.missed for track in now), default=0),
    )


def _assign(tracks: list[_Track], finds: Sequence[Find], at: int) -> None:
    """Give each find of a picture to the track that expects it most, and the others tracks of their own."""
    left = dict.fromkeys(sorted(finds))
    for _, number, find in sorted(_near(tracks, list(left), at)):
        if find in left and tracks[number].at < at:
            tracks[number].take(find, at)
            del left[find]
    tracks += [_Track(find, at, finds=[find]) for find in left]


def _near(tracks: Sequence[_Track], finds: Sequence[Find], at: int) -> Iterator[tuple[float, int, Find]]:
    """Yield (distance, track's number, find) for each track and find that may be one face; the distance is a share of
    the track's reach. In a crowd there are tens of thousands of pairs, so numpy compares them."""
    if not tracks or not finds:
        return
    expected, boxes = (
        np.array(sides, np.float64) for sides in ([each.expected(at) for each in tracks], [find.box for find in finds])
    )
    gaps = np.array([at - each.at for each in tracks], np.float64)
    sizes, others = expected[:, 2:].max(axis=1)[:, None], boxes[:, 2:].max(axis=1)[None]
    places = [(sides[:, :2] + sides[:, 2:] / 2) for sides in (expected, boxes)]
    apart = np.abs(places[0][:, None] - places[1][None]).max(axis=2)
    reach = np.minimum(REACH + REACH_GROWTH * (gaps - 1), REACH_MOST)[:, None] * (sizes + others) / 2
    near = (apart <= reach) & (others <= SIZES * sizes) & (sizes <= SIZES * others)
    for number, place in np.argwhere(near).tolist():
        yield float(apart[number, place] / reach[number, place]), number, finds[place]


def _centre(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2
