"""How large the chunks of a video are: a rule that looks at the source alone, never at who will do the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from moviola.media.video.cutting.cut import Cut, Order, SourceTrack, cut

# Below this a chunk's first frame, an intra picture, and its preroll cost more than they spread over workers.
CHUNK_FRAMES = 64
# So many chunks of whole GOPs are work enough; with fewer, GOPs are cut inside.
CHUNK_COUNT_MIN = 6
# m pieces of one GOP cost (m - 1) / 2 extra decodes of it: 8 cost 3.5.
MAX_PIECES = 8
# Of the last group of many, this part is a chunk of its own. It is handed out last, because the longest of the last few
# chunks goes first, and fills up what the workers' ends differ by, which is best at a quarter if that is anything up to
# a group. It is cut from the group's beginning, where it repeats the least.
TAIL_PART = 4
# Own frames of a chunk: a minute at 30 frames/s; what a lost worker has to do again, and the length of its report.
MAX_CHUNK_FRAMES = 2048
# Own bytes of a chunk, and pixels (about 2000 frames of 1080p): spool, memory and patience of one worker.
MAX_CHUNK_SIZE = 32 * 1024 * 1024
MAX_CHUNK_PIXELS = 2**32
# Own bytes and preroll together: what is sent at once, well below the 256 MiB that the wire carries.
MAX_PAYLOAD_SIZE = 192 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """The chunks of a stream in order; `refusal` says why these cannot be sent as they are, or is empty."""

    cuts: tuple[Cut, ...]
    refusal: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one chunk of this source may hold."""

    frames: int
    size: int = MAX_CHUNK_SIZE

    @classmethod
    def of(cls, width: int, height: int) -> Limits:
        """Return the limits for pictures of this size in pixels."""
        return cls(max(1, min(MAX_CHUNK_FRAMES, MAX_CHUNK_PIXELS // max(1, width * height))))

    def exceeded(self, frame_count: int, byte_count: int) -> bool:
        """Return whether so many frames or bytes are more than a chunk may hold. A single frame never is: it cannot be
        made smaller."""
        return frame_count > 1 and (frame_count > self.frames or byte_count > self.size)


def plan(
    track: SourceTrack, width: int, height: int, *, chunk_frames: int | None = None, context_frames: int = 0
) -> Plan:
    """Cut greedily after `chunk_frames` frames, or by the automatic rule if that is None.

    `width` and `height` in pixels; `context_frames` as the job's most demanding output needs them.
    """
    limits = Limits.of(width, height)
    if chunk_frames is None:
        starts = automatic_starts(track, limits)
    else:
        starts = greedy_starts(track, min(chunk_frames, limits.frames), limits, lambda index: bool(track.clean[index]))
    stops = [*starts[1:], len(track)]
    cuts = tuple(cut(track, start, stop, context_frames) for start, stop in zip(starts, stops, strict=True))
    return Plan(cuts, next(_refusals(track, cuts, limits), ""))


def settled(
    track: SourceTrack, width: int, height: int, *, chunk_frames: int | None = None, context_frames: int = 0
) -> tuple[Cut, ...]:
    """Return the first chunks of a stream whose beginning `track` is, as `plan` will cut all of it.

    They are those that more packets change only where these show that the stream is another than its beginning says,
    such as by times that go back far: whoever uses them compares them with the plan of the whole.
    """
    chosen = plan(track, width, height, chunk_frames=chunk_frames, context_frames=context_frames)
    if chosen.refusal or track.order is Order.UNKNOWN:
        return ()
    until = len(track)
    while until > 0 and track.frame_count(until, len(track)) < CHUNK_FRAMES:
        until -= 1  # what is shown before these may still come
    if chunk_frames is None:
        groups = _whole_groups(track, Limits.of(width, height))
        if len(groups) < CHUNK_COUNT_MIN + 2:  # the last two may be none
            return ()
        until = min(until, groups[-2])
    return tuple(one for one in chosen.cuts if one.stop <= until)


def greedy_starts(track: SourceTrack, frame_count: int, limits: Limits, allowed: Callable[[int], bool]) -> list[int]:
    """Return the starts of chunks. A chunk ends at the next allowed packet once it has `frame_count` frames or half of
    the bytes it may have."""
    starts = [0]
    for index in range(1, len(track)):
        start = starts[-1]
        full = track.frame_count(start, index) >= frame_count or track.byte_count(start, index) * 2 >= limits.size
        if full and track.frame_count(start, index) and allowed(index):
            starts.append(index)
    if len(starts) > 1 and track.frame_count(starts[-1], len(track)) == 0:
        starts.pop()
    return starts


def automatic_starts(track: SourceTrack, limits: Limits) -> list[int]:
    """Return the starts of chunks: of whole GOPs, joined, if these are chunks enough; otherwise, and where one is too
    large, of equal pieces of them.

    A part of the last one is cut off, if it is long enough, so that workers end together, as in guided self-scheduling
    (Polychronopoulos and Kuck, IEEE Transactions on Computers, 1987). More pieces would cost more than that saves.
    """
    usual = min(CHUNK_FRAMES, limits.frames)
    groups = _whole_groups(track, limits)
    if len(groups) > 1 and track.frame_count(groups[-1], len(track)) * 2 < usual:
        groups.pop()  # a short rest costs a chunk of its own and spreads nothing
    stops = [*groups[1:], len(track)]
    has_enough = len(groups) >= CHUNK_COUNT_MIN
    starts: list[int] = []
    for start, stop in zip(groups, stops, strict=True):
        frame_count, byte_count = track.frame_count(start, stop), track.byte_count(start, stop)
        offsets: list[int] = []
        if not has_enough or limits.exceeded(frame_count, byte_count):
            count = _piece_count(frame_count, byte_count, usual, limits)
            offsets = [frame_count * piece // count for piece in range(1, count)]
        elif start == groups[-1] and frame_count >= 2 * usual:
            offsets = [frame_count // TAIL_PART]
        starts += _pieces(track, start, stop, offsets)
    return starts


def _whole_groups(track: SourceTrack, limits: Limits) -> list[int]:
    """Return the starts of whole GOPs, joined until there are enough frames."""
    usual = min(CHUNK_FRAMES, limits.frames)
    return greedy_starts(track, usual, limits, lambda index: bool(track.access[index] and track.clean[index]))


def _piece_count(frame_count: int, byte_count: int, usual: int, limits: Limits) -> int:
    by_limits = max(-(-frame_count // limits.frames), -(-byte_count // limits.size))
    return max(1, min(MAX_PIECES, max(frame_count // usual, by_limits)))


def _pieces(track: SourceTrack, start: int, stop: int, offsets: list[int]) -> Iterator[int]:
    """Yield the starts of pieces: the first, and those after so many frames, each moved on to the next clean cut."""
    yield start
    first = track.frames_before[start]
    index = start + 1
    for offset in offsets:
        wanted = first + offset
        while index < stop and (track.frames_before[index] < wanted or not track.clean[index]):
            index += 1
        if index >= stop or track.frame_count(index, stop) == 0:
            return
        yield index
        index += 1


def _refusals(track: SourceTrack, cuts: tuple[Cut, ...], limits: Limits) -> Iterator[str]:
    """Yield why the chunks cannot be sent as they are: one is larger than it may be, and cutting it is not
    possible."""
    for one in cuts:
        frame_count, byte_count = track.frame_count(one.start, one.stop), track.byte_count(one.start, one.stop)
        payload_size = track.byte_count(one.preroll, one.stop)
        if limits.exceeded(frame_count, byte_count):
            yield (
                f"{frame_count} frames ({byte_count} bytes) from packet {one.start} on cannot be cut safely "
                f"into chunks of at most {limits.frames} frames and {limits.size} bytes"
            )
        if payload_size > MAX_PAYLOAD_SIZE and one.preroll < one.start:
            yield (
                f"the chunk at packet {one.start} needs a preroll of {track.byte_count(one.preroll, one.start)} bytes, "
                f"more than is sent at once ({MAX_PAYLOAD_SIZE} bytes)"
            )


def preroll_cost(track: SourceTrack, cuts: tuple[Cut, ...]) -> tuple[int, int]:
    """Return how many frames and bytes all prerolls together add to the stream."""
    frames = sum(track.frame_count(one.preroll, one.start) for one in cuts)
    return frames, sum(track.byte_count(one.preroll, one.start) for one in cuts)
