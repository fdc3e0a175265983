"""What a video file's container promises of its length, compared with what can be read of it.

Counts in headers are often wrong or 0, in whole files too. So nothing is missing unless the file is shorter than its
own structure says, or its index names bytes behind its end; only then the counts tell how much that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from moviola.media.fidelity import Fate, Finding
from moviola.media.video.reading.passthrough import called
from moviola.media.wholeness import Wholeness, wholeness

ADVICE: Final = "copy or record it again"

THE_END: Final = "the end"

MAX_NAMED: Final = 8
"""Damaged places of which the times are told: a person looks at a few."""

_INDEXED: Final = "mov,mp4"
"""The beginning of FFmpeg's name of the format whose index has each sample before any of them is read."""

_IN_TICKS: Final = "avi"
"""The format whose count of frames is really one of ticks of the stream's clock."""


def missing_ends(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    others: list[Any],
    counts: Mapping[int, int],
    shown_s: Fraction | None,
    start_s: Fraction,
) -> Iterator[Finding]:
    """Yield what of the filtered stream and of the others is not in the file, though the container promises it.

    Args:
        path: of the file, which has been read to its end.
        container: the open file.
        stream: the filtered one.
        others: those that are carried beside it.
        counts: how many packets were read of each stream, by its index.
        shown_s (s): when the last frame that was read is gone, from the source's beginning on; None where that is not
            known.
        start_s (s): what the source's clock shows at its beginning.

    Raises:
        OSError: the file cannot be read.
    """
    if not is_cut_off(path, container, stream):
        return
    yield _end(container, stream, counts.get(stream.index, 0), shown_s, start_s)
    for other in others:
        promised, found = _promised(container, other), counts.get(other.index, 0)
        if promised > found:
            reason = f"ends early: {promised - found} of {promised} packets are not in the file"
            yield Finding(called(other), Fate.LOST, f"{reason}; {ADVICE}")


def damaged_places(times_s: Sequence[Fraction | None]) -> Finding:
    """Return what is said of packets that are known to be damaged before they are decoded.

    Args:
        times_s (s): for each place, when its first picture is shown; None where that is not known.
    """
    known = [f"{float(time):.1f} s" for time in times_s if time is not None]
    named = ", ".join(known[:MAX_NAMED]) + (", …" if len(known) > MAX_NAMED else "")
    where = f"at {named}" if known else f"in {len(times_s)} places"
    return Finding("the picture", Fate.LOST, f"is damaged in the file {where}, and what follows may differ; {ADVICE}")


def is_cut_off(path: Path, container: InputContainer, stream: VideoStream) -> bool:
    """Return whether a file is shorter than its own structure says. Raise OSError where it cannot be read."""
    if wholeness(path) is Wholeness.CUT_OFF:
        return True
    if not container.format.name.startswith(_INDEXED) or not len(stream.index_entries):
        return False
    last = stream.index_entries[-1]
    return last.pos + last.size > path.stat().st_size


def _promised(container: InputContainer, stream: Any) -> int:
    return stream.frames if container.format.name.startswith(_INDEXED) else 0


def _end(
    container: InputContainer, stream: VideoStream, found: int, shown_s: Fraction | None, start_s: Fraction
) -> Finding:
    promised = _promised(container, stream)
    since = "" if shown_s is None else f", from {float(shown_s):.1f} s on,"
    if promised > found:
        what = f"is missing: {promised - found} of {promised} frames{since} are not in the file"
    elif promised:
        return Finding(THE_END, Fate.CHANGED, f"of the file is missing, though all {promised} frames are in it")
    else:
        promised_s = Fraction(container.duration or 0, av.time_base)
        if container.format.name == _IN_TICKS:  # its duration is guessed from what is there
            promised_s = stream.frames * (stream.time_base or Fraction(1, 25))
        rest = promised_s - start_s - (shown_s or 0)
        known = shown_s is not None and rest > 1 / (stream.average_rate or 25)
        what = f"is missing: {float(rest):.1f} of {float(promised_s):.1f} s{since} are not in the file"
        if not known:
            what = "is missing: the file is shorter than it says, and does not say by how many frames"
    return Finding(THE_END, Fate.LOST, f"{what}; {ADVICE}")
