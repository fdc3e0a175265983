"""Where a video stream may be cut, and what each piece needs before it to decode as the whole would.

Two questions, both answered from packets alone, in decode order:

- is the cut *clean*: is everything before it shown before everything from it on?
- where does the preroll begin: from which packet on must a fresh decoder be fed?
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import accumulate, pairwise

from moviola.media.video.reading.random_access import Access

ANCHORED = frozenset({"mpeg1video", "mpeg2video", "mpeg4"})
# Random access points to go back by. An open one's leading pictures also need the group before it; after a key
# flag without proof (such as the start of an intra refresh) decoding is right only some points later.
STEPS_BACK_OPEN = 1
STEPS_BACK_WEAK = 2


class Order(Enum):
    """What tells the order in which pictures are shown."""

    FLAT = "flat"  # they are shown as they are coded
    ANCHOR = "anchor"  # an I or P picture is shown when the next one is coded
    PTS = "pts"  # their timestamps
    UNKNOWN = "unknown"  # nothing: timestamps are missing, or cannot be true


@dataclass(frozen=True)
class SourceTrack:
    """The packets of one video stream in decode order, as far as cutting is concerned.

    `pts` in the stream's time base; `size` in bytes; `access` and `anchor` from the bitstream; `shown` is false
    for packets that give no frame: empty ones, those that an edit list cuts away, and the second fields of frames whose
    fields are packets of their own, for which `second` is true and `pts` that of the first. `reorders` is the codec's
    ability, `reorder_depth` what the decoder found in this stream.
    """

    codec: str
    reorders: bool
    reorder_depth: int
    pts: Sequence[int | None]
    size: Sequence[int]
    access: Sequence[int]
    anchor: Sequence[int]
    shown: Sequence[int]
    second: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.size)

    @cached_property
    def order(self) -> Order:
        """Return what tells the order in which the pictures are shown."""
        return display_order_of(self)

    @cached_property
    def clean(self) -> Sequence[int]:
        """Return for each packet whether a cut before it is clean; the end of the stream (index len) is."""
        return clean_cuts(self)

    @cached_property
    def access_points(self) -> list[int]:
        """Return the indexes of packets at which decoding can begin."""
        return [index for index, access in enumerate(self.access) if access]

    @cached_property
    def frames_before(self) -> list[int]:
        """Return for each packet, and for the end, how many frames all packets before it show."""
        return [0, *accumulate(self.shown)]

    @cached_property
    def times(self) -> list[int] | None:
        """Return when each frame is shown, rising: the times of all shown packets in order; None where one has
        none."""
        return self.known_times if len(self.known_times) == self.frames_before[-1] else None

    @cached_property
    def known_times(self) -> list[int]:
        """Return the times of those shown packets that have one, rising."""
        return sorted(pts for pts, shown in zip(self.pts, self.shown, strict=True) if shown and pts is not None)

    @cached_property
    def bytes_before(self) -> list[int]:
        """Return, for each packet and for the end, the bytes of all packets before it."""
        return [0, *accumulate(self.size)]

    def frame_count(self, start: int, stop: int) -> int:
        """Return how many frames the packets from `start` up to `stop` show."""
        return self.frames_before[stop] - self.frames_before[start]

    def byte_count(self, start: int, stop: int) -> int:
        """Return how many bytes the packets from `start` up to `stop` have."""
        return self.bytes_before[stop] - self.bytes_before[start]


def display_order_of(track: SourceTrack) -> Order:
    """Return what tells the order in which the pictures of a track are shown. Empty packets are left out: their
    timestamps belong to no frame."""
    times = [pts for pts, size in zip(track.pts, track.size, strict=True) if size]
    known = [pts for pts in times if pts is not None]
    complete = len(known) == len(times)
    monotone = complete and all(one <= two for one, two in pairwise(known))
    if not track.reorders or (track.reorder_depth == 0 and monotone):
        return Order.FLAT
    if track.codec in ANCHORED:
        return Order.ANCHOR
    if not complete or (monotone and track.reorder_depth > 0):
        return Order.UNKNOWN
    return Order.PTS


def clean_cuts(track: SourceTrack) -> bytearray:
    """Return, for each packet and for the end, 1 if a cut before it is clean, else 0.

    A cut is clean if every picture before it is shown before every picture behind it. None is between two fields.
    """
    count = len(track)
    if track.order is Order.FLAT:
        clean = bytearray(b"\1") * (count + 1)
    elif track.order is Order.ANCHOR:
        clean = bytearray([*track.anchor, 1])
    elif track.order is Order.PTS:
        clean = _clean_by_pts(track)
    else:
        clean = bytearray([*(access >= Access.OPEN for access in track.access), 1])
    for index, second in enumerate(track.second):
        if second:
            clean[index] = 0
    clean[0] = 1
    return clean


def _clean_by_pts(track: SourceTrack) -> bytearray:
    """Return 1 for each packet, and for the end, where max(pts before) < min(pts from here on), else 0."""
    clean = bytearray(len(track) + 1)
    clean[-1] = 1
    latest: list[int | None] = [None]
    for pts, size in zip(track.pts, track.size, strict=True):
        before = latest[-1]
        latest.append(before if pts is None or not size else pts if before is None else max(before, pts))
    earliest: int | None = None
    for index in range(len(track) - 1, -1, -1):
        pts = track.pts[index]
        if pts is not None and track.size[index]:
            earliest = pts if earliest is None else min(earliest, pts)
        before = latest[index]
        clean[index] = before is None or earliest is None or before < earliest
    return clean


def display_ranks(track: SourceTrack, start: int, stop: int) -> list[int] | None:
    """Return for each shown packet of a cleanly cut range its place in the order of display; None if nothing tells
    it."""
    indices = [index for index in range(start, stop) if track.shown[index]]
    if track.order is Order.UNKNOWN:
        return None
    if track.order is Order.PTS and len({track.pts[index] for index in indices}) < len(indices):
        return None  # of equal times none is first
    if track.order is Order.ANCHOR:
        indices = _anchors_late(track, indices)
    elif track.order is Order.PTS:
        indices.sort(key=lambda index: track.pts[index] or 0)
    place = {index: rank for rank, index in enumerate(indices)}
    return [place[index] for index in sorted(indices)]


def _anchors_late(track: SourceTrack, indices: list[int]) -> list[int]:
    """Return packets in the order of display: an anchor is shown just before the next one, and what is coded between
    the two is shown before it."""
    ordered: list[int] = []
    held: list[int] = []
    for index in indices:
        if track.anchor[index]:
            ordered += held
            held = [index]
        else:
            ordered.append(index)
    return ordered + held


def preroll_start(track: SourceTrack, start: int) -> int:
    """Return the packet from which on a fresh decoder must be fed to decode a clean range that begins at `start`
    right."""
    points = track.access_points
    at = bisect_right(points, start) - 1
    if start == 0 or at < 0:
        return 0
    access = track.access[points[at]]
    steps = 0
    if access == Access.OPEN and points[at] == start:
        steps = STEPS_BACK_OPEN
    elif access == Access.WEAK:
        steps = STEPS_BACK_WEAK
    for _ in range(steps):
        at -= 1
        if at < 0:
            return 0
        if track.access[points[at]] == Access.CLOSED:
            break
    return points[at]


@dataclass(frozen=True, slots=True)
class Cut:
    """One chunk as packet indices: preroll [preroll, start), own [start, stop); [preroll, skip) are references only."""

    preroll: int
    skip: int
    start: int
    stop: int


def cut(track: SourceTrack, start: int, stop: int, context_frames: int) -> Cut:
    """Return the cleanly cut range [start, stop), with a preroll that also gives the `context_frames` shown before it.

    The preroll is that of the last clean cut that has so many frames between itself and `start`: all context frames
    come behind that cut.
    """
    behind = start
    while behind > 0 and track.frame_count(behind, start) < context_frames:
        behind -= 1
        while not track.clean[behind]:
            behind -= 1
    return Cut(preroll_start(track, behind), _first_context_packet(track, behind, start, context_frames), start, stop)


def _first_context_packet(track: SourceTrack, behind: int, start: int, context_frames: int) -> int:
    """Return the first packet, in decode order, of the `context_frames` that are shown last before `start`."""
    if context_frames == 0:
        return start
    ranks = display_ranks(track, behind, start)
    if ranks is None:
        return behind
    indices = [index for index in range(behind, start) if track.shown[index]]
    needed = len(ranks) - context_frames
    return min((index for index, rank in zip(indices, ranks, strict=True) if rank >= needed), default=start)
