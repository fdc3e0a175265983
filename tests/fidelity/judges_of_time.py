"""Frames, times, sound and subtitles: how many there are, and when."""

from __future__ import annotations

from collections import Counter
from typing import Final

from tests.fidelity import by_pyav
from tests.fidelity.by_pyav import Track
from tests.fidelity.facts import COVER, Stream
from tests.fidelity.pair import Pair
from tests.fidelity.verdicts import Fate, Verdict, joined

TIME_TOLERANCE_S: Final = 0.0011
"""Half a millisecond of rounding at either end: Matroska counts milliseconds."""

PLACEHOLDERS: Final = 2
"""Packets without bytes that a header counts and nobody reads."""

MISSING_S: Final = 1.0
"""Of what a header promises: longer than any frame or packet lasts by itself, but for slides."""

HEADERS: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "flv", "mxf", "asf"})
"""Formats whose header says how long the file is; of others that is computed from what is there."""

DURATION_TOLERANCE_S: Final = 0.06
"""A packet of sound more or less, at either end."""


def frames(pair: Pair) -> Verdict:
    """Frames are counted as they are decoded from either file; what a header promises besides must have been said."""
    count, made = len(pair.before.times), len(pair.after.times)
    video = next(iter(pair.source.of_type("video")), None)
    if video is None:
        return Verdict("frames", Fate.NOTHING)
    text = f"{count} → {made}"
    damaged = r"damage|decode|truncat|ends early|missing|cut off|incomplete|corrupt|broken|patched|lost"
    if count != made:
        return pair.judged("frames", False, text, damaged)
    if pair.before.errors and pair.answer.state != "partial":
        return pair.judged("frames", False, f"{text}, {pair.before.errors} packets of the source are damaged", damaged)
    if video.promised > _counted(pair) + PLACEHOLDERS and "matroska" not in pair.source.format:
        return pair.judged(
            "frames", False, f"{text}, {pair.before.packets} packets of {video.promised} promised", damaged
        )
    if missing := _missing(pair):
        return pair.judged(
            "frames", False, f"{text}, the last {missing:.1f} s of what the header promises are not there", damaged
        )
    return Verdict("frames", Fate.KEPT, text)


def _counted(pair: Pair) -> int:
    """Return how many packets of the video there are, as a header counts them: an AVI's counts ticks of its clock, of
    which those have no packet in which the frame before stays."""
    before = pair.before
    if pair.source.format != "avi" or not (before.times and before.last_duration):
        return before.packets
    return max(before.packets, round(before.times[-1] / before.last_duration) + 1)


def _missing(pair: Pair) -> float:
    """Return how much of the promised duration nothing is there for (seconds): an end that was cut off."""
    known = ("video", "audio", COVER, "attachment")
    if any(stream.type not in known for stream in pair.source.streams) or pair.source.format not in HEADERS:
        return 0.0
    times = [time for track in pair.before.tracks for time in track.times if time is not None]
    times += [time + pair.before.last_duration for time in pair.before.times[-1:]]
    missing = pair.source.duration - max(times, default=0.0)  # counted from zero
    return missing if missing > MISSING_S else 0.0


def times(pair: Pair) -> Verdict:
    """The largest difference between the times of a frame before and after, each counted from the first frame."""
    before, after = _from_start(pair.before.times), _from_start(pair.after.times)
    if not before:
        return Verdict("times", Fate.NOTHING)
    error = max((abs(one - other) for one, other in zip(before, after, strict=False)), default=0.0)
    text = f"{error * 1000:.1f} ms" + (f", {pair.before.breaks} breaks of the clock" if pair.before.breaks else "")
    is_kept = error <= TIME_TOLERANCE_S and not pair.before.breaks
    return pair.judged("times", is_kept, text, r"clock|time ?stamp|\btimes?\b|rebased|rate|frames (was|were) lost")


def duration(pair: Pair) -> Verdict:
    """The container's duration against the source's, or against what the source's streams come to."""
    span = pair.before.times[-1] + pair.before.last_duration - pair.before.times[0] if pair.before.times else 0.0
    source, output = pair.source.duration, pair.output.duration
    frame = max(pair.before.last_duration, DURATION_TOLERANCE_S)
    kept = any(abs(each - output) <= frame for each in (source, pair.source.start + source, span, _span(pair)) if each)
    pattern = r"clock|lasts|duration|truncat|ends early|edit|rebased|cut|damage|missing"
    return pair.judged("duration", kept, f"{source:.3f} → {output:.3f} s", pattern)


def _span(pair: Pair) -> float:
    """Return from when to when anything of the source is presented (seconds)."""
    times = [time for track in pair.before.tracks if track.type == "audio" for time in track.times if time is not None]
    times += pair.before.times
    return max(times) - min(times) + pair.before.last_duration if times else 0.0


def sound(pair: Pair) -> Verdict:
    """Each sound stream: its packets, or failing that its samples; and where it is, from the first frame on."""
    verdicts = []
    tracks = {track.index: track for track in pair.before.tracks if track.type == "audio"}
    made = [track for track in pair.after.tracks if track.type == "audio"]
    for number, stream in enumerate(pair.source.of_type("audio")):
        track = tracks.get(stream.index)
        if track is None:
            continue
        other = _matching(track, made, number)
        verdicts.append(_one_sound(pair, stream, track, other))
    return joined("sound", verdicts)


def _matching(track: Track, made: list[Track], number: int) -> Track | None:
    """Return the output's stream of the same packets, or that in the same place."""
    same = next((each for each in made if each.whole == track.whole), None)
    return same or (made[number] if number < len(made) else None)


def _one_sound(pair: Pair, stream: Stream, track: Track, other: Track | None) -> Verdict:
    named = rf"stream {stream.index}\b|\bsound\b|audio"
    if other is None:
        return pair.judged("sound", False, f"stream {stream.index} ({stream.codec}) is not there", named)
    text = f"{len(track.digests)} packets"
    if other.whole != track.whole:
        missing = len(set(track.digests) - set(other.digests))
        is_equal = by_pyav.sound(pair.source_path, track.index) == by_pyav.sound(pair.output_path, other.index)
        if not is_equal and missing:
            text = f"{text} → {len(other.digests)}, {missing} of the source's are not there"
            return pair.judged("sound", False, text, named + r"|truncat|damage|edit|clock|cut")
        text = f"{text}, samples equal" if is_equal else f"{text} → {len(other.digests)}"
    offset = _offset(pair, track, other)
    return pair.judged("sound", abs(offset) <= TIME_TOLERANCE_S, f"{text}, {offset * 1000:+.1f} ms", named + "|clock")


def _offset(pair: Pair, track: Track, other: Track) -> float:
    """Return how much further from the first frame the first common packet lies than before (seconds)."""
    if not (pair.before.times and pair.after.times):
        return 0.0
    index = {digest: place for place, digest in reversed(list(enumerate(other.digests)))}
    often = Counter(track.digests)  # silence and joined recordings repeat themselves
    place = next((number for number, each in enumerate(track.digests) if often[each] == 1 and each in index), None)
    first, second = (track.times[:1], other.times[:1]) if place is None else (
        [track.times[place]], [other.times[index[track.digests[place]]]]
    )  # fmt: skip
    if not first or not second or first[0] is None or second[0] is None:
        return 0.0
    return (second[0] - pair.after.times[0]) - (first[0] - pair.before.times[0])


def subtitles(pair: Pair) -> Verdict:
    """Each subtitle stream: how many cues there are, and when."""
    verdicts = []
    before = {track.index: track for track in pair.before.tracks if track.type == "subtitle"}
    after = [track for track in pair.after.tracks if track.type == "subtitle"]
    for number, stream in enumerate(pair.source.of_type("subtitle")):
        track = before.get(stream.index)
        named = rf"stream {stream.index}\b|subtitle"
        if track is None:
            there = number < len(pair.output.of_type("subtitle"))
            verdicts.append(pair.judged("subtitles", there, "an empty stream", named))
            continue
        other = after[number] if number < len(after) else None
        count = len(other.times) if other else 0
        # MP4 writes the time between two cues as a cue without text
        real = count if other is None else len([each for each in other.digests if each != _EMPTY_CUE])
        kept = other is not None and len(track.times) in (count, real)
        verdicts.append(pair.judged("subtitles", kept, f"{stream.codec}: {len(track.times)} → {real} cues", named))
    return joined("subtitles", verdicts)


_EMPTY_CUE: Final = "c4103f122d27677c9db144cae1394a66"
"""The digest of two bytes of zero, a text of no length."""


def _from_start(times: list[float]) -> list[float]:
    return [time - times[0] for time in times]
