"""Whether a container holds what a source has beside its video: tried by writing the beginning of an output.

Of each stream that is not filtered the first packets travel in the source's description, so a client and an
aggregator try the same, and come to the same answer before anything is sent and when the file is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from itertools import islice
from typing import Any, Final

import av
import msgpack
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream

from moviola.media.bundle import read
from moviola.media.errors import MediaError
from moviola.media.material import header
from moviola.media.video.bundle import PassthroughTable
from moviola.media.video.containers import CONTAINERS, CONVERSIONS, HARM, Container, Way
from moviola.media.video.headers import PassthroughStream, StreamTags, Tags, VideoSplice
from moviola.media.video.mov_boxes import EMPTY_DESCRIPTION, in_index
from moviola.media.video.tags import LANGUAGE, TIMECODE, lasting, same_tags, stream_tags
from moviola.media.video.templates import NO_PROTOCOLS, template_stream
from moviola.media.video.writing.output_file import DummyVideo, OutputFile, holds_file, is_readable_file
from moviola.media.video.writing.tracks import Mux, passthrough_packets

_MAX_ANSWERS: Final = 64
"""Answers that are remembered: several outputs of a job, and both sides of it, ask the same."""

MAX_DECODED_PACKETS: Final = 1_000
"""The most packets that are written to try whether sound can be stored decoded. A long gap between its first packets is
filled with silence, which may take a million."""

_MPEG_AUDIO: Final = ("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float")

_THE_VIDEO: Final = "the video"

_FLAGS: Final = (
    Disposition.default,
    Disposition.dub,
    Disposition.original,
    Disposition.comment,
    Disposition.lyrics,
    Disposition.karaoke,
    Disposition.forced,
    Disposition.hearing_impaired,
    Disposition.visual_impaired,
    Disposition.clean_effects,
    Disposition.captions,
    Disposition.descriptions,
)
"""Flags that a container may tell of a stream; the others say what it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something of a source that a container does not hold as it is.

    Attributes:
        subject: what it is, for people.
        found: what is there instead; None where nothing is.
    """

    subject: str
    found: str | None

    @property
    def is_of_timecode(self) -> bool:
        """True if it is a change of the video's timecode."""
        return self.subject.lower() == f"tag {TIMECODE} of {_THE_VIDEO}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of writing the beginning of an output.

    Attributes:
        ways: how each stream gets into it, by its number.
        changes: in tags, flags and chapters.
    """

    ways: Mapping[int, Way]
    changes: tuple[Change, ...]

    @property
    def keeps_all(self) -> bool:
        """True if nothing is lost or changed."""
        return not self.changes and not any(HARM[way] for way in self.ways.values())


def rehearsal(container: Container, source: VideoSplice) -> Rehearsal:
    """Return what a container holds of a source at its rate. Raise moviola.media.errors.BadHeader, MediaError."""
    return _rehearsed(container.format, msgpack.packb(source.to_wire()))


@lru_cache(_MAX_ANSWERS)
def _rehearsed(form: str, packed: bytes) -> Rehearsal:
    container, source = CONTAINERS[form], header(VideoSplice, msgpack.unpackb(packed))
    ways = {stream.stream: way_into(container, stream) for stream in source.passthrough}
    try:
        changes = _changes(container, source, ways)
    except (av.FFmpegError, ValueError):  # each is taken, but not all of them together
        ways = _together(container, source, ways)
        changes = _changes(container, source, ways)
    return Rehearsal(ways, tuple(changes))


def _together(container: Container, source: VideoSplice, ways: Mapping[int, Way]) -> dict[int, Way]:
    """Return ways by which all streams go into one file together. A stream that does not go into it with the ones
    before is left out."""
    chosen: dict[int, Way] = {}
    for number, stream in enumerate(source.passthrough, start=1):
        part = replace(source, passthrough=source.passthrough[:number])
        try:
            _changes(container, part, chosen | {stream.stream: ways[stream.stream]})
            chosen[stream.stream] = ways[stream.stream]
        except (av.FFmpegError, ValueError):
            chosen[stream.stream] = Way.LEFT_OUT
    return chosen


def way_into(container: Container, stream: PassthroughStream) -> Way:
    """Return how a stream gets into a container: the way of the least harm on which its first packets are taken."""
    return _way_into(container.format, msgpack.packb(stream.to_wire()))


@lru_cache(_MAX_ANSWERS)
def _way_into(form: str, packed: bytes) -> Way:
    container, stream = CONTAINERS[form], header(PassthroughStream, msgpack.unpackb(packed))
    return next((way for way in _ways(container, stream) if _is_taken(container, stream, way)), Way.LEFT_OUT)


def next_way(container: Container, stream: PassthroughStream, after: Way) -> Way:
    """Return the next way for a stream that has failed on the way `after`, on a packet behind the first ones."""
    ways = list(_ways(container, stream))
    rest = ways[ways.index(after) + 1 :] if after in ways else []
    return next((way for way in rest if _is_taken(container, stream, way)), Way.LEFT_OUT)


def _ways(container: Container, stream: PassthroughStream) -> Iterator[Way]:
    """Yield the ways that come into question, the least harm first."""
    if stream.is_file:
        if holds_file(container, stream) and is_readable_file(stream):
            yield Way.UNTOUCHED
    elif stream.codec in container.converted_subtitles:
        yield Way.SIMPLIFIED if stream.has_markup or stream.overlaps else Way.CONVERTED
    else:
        is_told = stream.changes_at is None or (stream.has_new_headers and container.keeps_new_headers)
        if is_told and not container.avoids(stream.codec):
            yield Way.UNTOUCHED
            yield Way.REPACKED
        yield Way.DECODED


def _is_taken(container: Container, stream: PassthroughStream, way: Way) -> bool:
    """Return True if a file with this stream alone can be written, and what is read back is what was written."""
    if stream.is_file:
        return True
    given = _first_packets(stream)
    with template_stream(stream.template_format, stream.template) as template:
        if way is Way.DECODED and not (isinstance(template, AudioStream) and template.codec_context is not None):
            return False
        codec = _codec_of(template)
    alone = _source_of([stream])
    try:
        buffer = _written(container, alone, {stream.stream: way})
        if stream.type == "data" and container.is_boxes and not _is_described(buffer):
            return False
        with _opened(container, buffer) as file:
            (written,) = file.streams
            if way in (*CONVERSIONS, Way.DECODED):
                return True
            got = [bytes(packet) for packet in file.demux(written) if packet.size]
            return _codec_of(written) == codec and _is_in(given, got)
    except (av.FFmpegError, ValueError, MediaError):
        return False


def _is_described(buffer: BytesIO) -> bool:
    """Return True if a file's track tells what its samples are; FFmpeg writes an empty description of some data."""
    description = next(in_index(buffer, b"trak", b"mdia", b"minf", b"stbl", b"stsd"), b"")
    return len(description) > EMPTY_DESCRIPTION


def _is_in(given: Sequence[bytes], got: Sequence[bytes]) -> bool:
    """Return True if all bytes that were written have been read back: cut at other places, as PCM is; without what the
    container tells itself, as ADTS headers of AAC; or with empty packets in between, as subtitles in MP4."""
    if b"".join(given) == b"".join(got):
        return True
    rest = iter(got)
    return all(any(data.endswith(other) for other in rest) for data in given)


def _codec_of(stream: Stream) -> str | None:
    """Return the codec's name; the layers of MPEG audio are one, for MP4 does not tell them apart."""
    context = getattr(stream, "codec_context", None)
    name = context.name if context is not None else getattr(stream, "name", None)
    return "mpeg audio" if name in _MPEG_AUDIO else name


def _first_packets(stream: PassthroughStream) -> list[bytes]:
    return [bytes(view) for view in read(PassthroughTable, stream.first)[1] if len(view)]


def _source_of(streams: list[PassthroughStream]) -> VideoSplice:
    """Return a source without a video, with these streams."""
    return VideoSplice(
        container="",
        time_base=Fraction(1, 25),
        rate=Fraction(25),
        width=16,
        height=16,
        sample_aspect=None,
        colour={},
        frame_count=0,
        pts_complete=True,
        time_step=0,
        first_pts=0,
        last_end=1,
        metadata={},
        chapters=[],
        timeline=[],
        stream=StreamTags("und", 0, {}),
        passthrough=streams,
    )


def _written(
    container: Container, source: VideoSplice, ways: Mapping[int, Way], *, with_video: bool = False
) -> BytesIO:
    """Return the beginning of an output."""
    buffer = BytesIO()
    with OutputFile(buffer, container, source, source.time_base.denominator) as output:
        runs: list[Iterator[Mux]] = []
        video = DummyVideo(output.file, source.rate) if with_video else None
        if video is not None:
            output.describe(video.stream, source.stream)
        for stream in source.passthrough:
            way = ways[stream.stream]
            if way is not Way.LEFT_OUT:
                payloads = [stream.first] if stream.first else []
                packets = passthrough_packets(payloads, stream, _unsaid)
                run = output.add(stream, way, packets, _unsaid)
                runs.append(islice(run, MAX_DECODED_PACKETS) if way is Way.DECODED else run)
        output.tell()
        output.file.start_encoding()
        if video is not None:
            output.file.mux_one(video.packet())
        for mux in heapq.merge(*runs, key=lambda one: one.dts_s):
            output.file.mux_one(mux.packet)
    return buffer


def _unsaid(_: str) -> None:
    """Say nothing: in a trial."""


def _opened(container: Container, buffer: BytesIO) -> InputContainer:
    buffer.seek(0)
    return av.open(buffer, "r", format=container.format, metadata_errors="replace", options=dict(NO_PROTOCOLS))


def _changes(container: Container, source: VideoSplice, ways: Mapping[int, Way]) -> list[Change]:
    """Return what of the tags, flags and chapters is not read back as it was written."""
    with _opened(container, _written(container, source, ways, with_video=True)) as file:
        changes = [
            Change(f"tag {name}", found) for name, found in same_tags(lasting(source.metadata), file.metadata).items()
        ]
        carried = [one for one in source.passthrough if ways[one.stream] is not Way.LEFT_OUT and not one.is_file]
        given: list[tuple[str, StreamTags | PassthroughStream]] = [(_THE_VIDEO, source.stream)]
        given += [(one.label, one) for one in carried]
        for (label, facts), stream in zip(given, file.streams, strict=False):
            changes += _stream_changes(label, facts, stream, container)
        titles = [chapter.metadata.get("title") for chapter in source.chapters]
        found_titles = [chapter["metadata"].get("title") for chapter in file.chapters()]
        changes += _chapter_changes(titles, found_titles)
    return changes


def _chapter_changes(titles: Sequence[str | None], found: Sequence[str | None]) -> Iterator[Change]:
    if len(found) < len(titles):
        yield Change(f"{len(titles) - len(found)} of {len(titles)} chapters", None)
    elif any(title and title != other for title, other in zip(titles, found, strict=False)):
        yield Change("titles of chapters", "cut or changed")


def _stream_changes(
    label: str, facts: StreamTags | PassthroughStream, stream: Any, container: Container
) -> Iterator[Change]:
    wanted: Tags = stream_tags(facts.metadata, facts.language, container)
    if wanted[LANGUAGE] == "und":
        del wanted[LANGUAGE]
    for name, found in same_tags(wanted, stream.metadata).items():
        yield Change(f"{name} of {label}" if name in (LANGUAGE, "title") else f"tag {name} of {label}", found)
    for flag in _FLAGS:
        if facts.disposition & flag and not stream.disposition & flag:
            yield Change(f"flag {flag.name} of {label}", None)
