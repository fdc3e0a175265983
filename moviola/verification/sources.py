"""Whether a source is the one of which an output was made, and whether each of its frames is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from moviola.base.hashes import xxh3_of
from moviola.media import kinds
from moviola.media.errors import UnreadableSource
from moviola.media.manifest.reader import NO_TIME, Manifest
from moviola.media.material import Cutting
from moviola.session import sources
from moviola.session.units import counted
from moviola.verification.findings import Fault, Problem, clock, ranges, those, tolerance_s, verb

if TYPE_CHECKING:
    from moviola.media.video.reading.scanned import Scan

SUBJECT = "source"


def compare_source(manifest: Manifest, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with a source: it is another file, or its frames have other times than the manifest tells.

    Raise UnreadableSource.
    """
    materials, complaints = sources.find([path])
    for complaint in complaints:
        raise complaint
    header = manifest.header
    if len(materials) != 1 or materials[0].kind != header.kind:
        found = " and ".join(sorted({kinds.KINDS[each.kind].plural for each in materials}))
        reason = f"the output was made of {kinds.KINDS[header.kind].plural}, and this is {found or 'something else'}"
        raise UnreadableSource(path, reason, f"name the source, which was called {header.source}")
    if manifest.has_frames:
        yield from _video(manifest, path)
    else:
        source, _ = kinds.split(materials[0], Cutting())
        yield from _another(manifest, path, source.fingerprint, source.frame_count)


def _video(manifest: Manifest, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with a video. It is read twice, to find its frames and to hash it, and never cut."""
    from moviola.media.video.reading.scan import scan  # noqa: PLC0415 - FFmpeg, which images and tables do without

    found = scan(path)
    frame_count = found.track.frames_before[-1]
    yield from _another(manifest, path, xxh3_of(path), frame_count)
    if frame_count == manifest.header.source_frames:
        yield from _times(manifest, found)


def _another(manifest: Manifest, path: Path, fingerprint: str, frame_count: int) -> Iterator[Problem]:
    """Yield the problems that show that this is another source: its hash, and how many frames it has."""
    header = manifest.header
    if fingerprint != header.source_xxh3:
        text = f"{path.name} is not the source: its xxh3 is {fingerprint}, and that of the source was"
        yield Problem(Fault.OTHER, SUBJECT, f"{text} {header.source_xxh3}")
    if frame_count != header.source_frames:
        unit = kinds.unit_of(header.kind)
        text = f"{path.name} has {counted(frame_count, unit)}, and the source had {header.source_frames}"
        yield Problem(Fault.OTHER, SUBJECT, text)


def _times(manifest: Manifest, found: Scan) -> Iterator[Problem]:
    """Yield which frames of a video have other times than the manifest tells."""
    from moviola.media.video.reading.timeline import source_time  # noqa: PLC0415 - FFmpeg, as above

    if found.track.times is None:
        return
    stretches = found.timeline.stretches(found.stream_index, found.track.pts)
    times = [source_time(stretches, at) for at in found.track.times]
    told_s, found_s = float(manifest.source_time_base), float(found.time_base)
    tolerance = tolerance_s(manifest.source_time_base, found.time_base)
    wrong = sorted(
        {
            frame
            for frame, at in zip(manifest.source_frames, manifest.source_times, strict=True)
            if at != NO_TIME and (frame >= len(times) or abs(times[frame] * found_s - at * told_s) > tolerance)
        }
    )
    for first, last in ranges(wrong):
        at_s = times[first] * found_s if first < len(times) else 0.0
        text = f"Source {those('frame', first, last)} {verb(first, last)} not shown when the manifest says"
        yield Problem(Fault.RETIMED, SUBJECT, f"{text}: the first at {clock(at_s)}", first, last, at_s, at_s)


def unaccounted(manifest: Manifest, unit: str) -> Iterator[Problem]:
    """Yield which frames of the source the job itself lost, by what the manifest tells."""
    for lost in manifest.lost:
        last = lost.first + lost.frame_count - 1
        text = f"Source {those(unit, lost.first, last)} {verb(lost.first, last)} not in the output: {lost.cause}"
        yield Problem(Fault.LOST, SUBJECT, text, lost.first, last)
    told = sum(lost.frame_count for lost in manifest.lost)
    if manifest.end.lost_frames > told:
        yield from _left_out_chunks(manifest, unit)
    if manifest.has_frames and (missing := _uncounted(manifest)):
        text = f"{counted(missing, f'source {unit}')} {verb(1, missing)} neither in the output nor listed as lost"
        yield Problem(Fault.LOST, SUBJECT, text)


def _left_out_chunks(manifest: Manifest, unit: str) -> Iterator[Problem]:
    """Yield the problem of frames whose whole chunks gave no result."""
    count = manifest.end.lost_frames - sum(lost.frame_count for lost in manifest.lost)
    text = f"{counted(count, f'source {unit}')} {verb(1, count)} not in the output: their chunks gave no result"
    yield Problem(Fault.LOST, SUBJECT, text)


def _uncounted(manifest: Manifest) -> int:
    """Return how many frames that were in a chunk are neither shown, nor lost, nor left out for another frame rate."""
    starts = list(accumulate((chunk.frames_out for chunk in manifest.chunks), initial=0))
    distinct = sum(len(set(manifest.source_frames[start:stop])) for start, stop in pairwise(starts))
    lost = sum(lost.frame_count for lost in manifest.lost)
    frames_in = sum(chunk.frames_in - chunk.left_out for chunk in manifest.chunks)
    return max(0, frames_in - distinct - lost)
