"""A video file while it is written: its streams, tags, chapters and the files within it.

The splicer writes outputs by it, and rehearsal.py writes the beginning of one, to see what a container holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import fields
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from moviola.base.file_names import for_ffmpeg
from moviola.media.video.containers import CONVERSIONS, Container, Way
from moviola.media.video.headers import ATTACHMENT, COVER, Chapter, PassthroughStream, StreamTags, VideoSplice
from moviola.media.video.mov_boxes import Box, to_front
from moviola.media.video.tags import CREATED, LANGUAGE, lasting, named, stream_tags
from moviola.media.video.templates import add_untouched, template_stream
from moviola.media.video.writing.codec_delay import as_heard, delayed
from moviola.media.video.writing.mov_tags import COVERS, Cover, TrackFacts, add_tags, describe_tracks
from moviola.media.video.writing.sound import add_decoded, decoded_packets
from moviola.media.video.writing.ticks import fitting
from moviola.media.video.writing.tracks import Mux
from moviola.media.video.writing.ways import as_shown, converted, repacked, untouched

_NO_DELAY: Final = Fraction(0)
_DEFAULT: Final = int(av.stream.Disposition.default)
_LOCATION: Final = "location"
_LOCATION_AGAIN: Final = "location-eng"
"""FFmpeg tells a location in the atom `©xyz` twice, the second time with its language."""

_COVER_FILES: Final = {
    "mjpeg": ("cover.jpg", "image/jpeg"),
    "png": ("cover.png", "image/png"),
    "bmp": ("cover.bmp", "image/bmp"),
    "gif": ("cover.gif", "image/gif"),
    "tiff": ("cover.tiff", "image/tiff"),
    "webp": ("cover.webp", "image/webp"),
}
"""Name and type that a cover picture gets if it has none, by its codec; Matroska's specification names the file so."""


class OutputFile:
    """A file of a container, as `with` has it; at its end it is complete.

    Args:
        target: its path, or a file in memory.
        container: of it.
        source: of whose streams and tags it is made.
        ticks: of the video's times, a second.
    """

    def __init__(self, target: Path | BinaryIO, container: Container, source: VideoSplice, ticks: int) -> None:
        self._target, self.container, self._source = target, container, source
        self._tracks: list[TrackFacts] = []
        self._covers: list[Cover] = []
        self._unwritten: dict[str, str] = {}
        self._stack = ExitStack()
        options = dict(container.options(ticks, _sample_rates(source)))
        if not isinstance(target, Path):  # a muxer opens a file anew, by its name, to put an index to its front
            options.pop("cues_to_front", None)
        where = for_ffmpeg(target) if isinstance(target, Path) else target
        self.file: OutputContainer = av.open(where, "w", format=container.format, container_options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._stack:
                self.file.close()
        except av.FFmpegError:
            if kind is None:
                raise
        if kind is None and self.container.is_boxes and not isinstance(self._target, Nowhere):
            self._finish()

    def add(
        self,
        facts: PassthroughStream,
        way: Way,
        packets: Iterator[Packet[Any]],
        say: Callable[[str], None],
        delay_s: Fraction = _NO_DELAY,
    ) -> Iterator[Mux]:
        """Add a stream that is not filtered, and return its packets; those of a file within the file are read now.

        What becomes of the stream that only its packets tell, `say` is told. For `delay_s` seconds at its beginning the
        stream is not heard.

        Raise ValueError or av.FFmpegError where the container does not take it.
        """
        if facts.is_file:
            self._add_file(facts, b"".join(bytes(packet) for packet in packets))
            return iter(())
        if way in CONVERSIONS:
            codec, bitstream_filter = self.container.converted_subtitles[facts.codec]
            stream = self.file.add_mux_stream(codec, time_base=self._base_of(facts))
            self.describe(stream, facts)
            return converted(packets, stream, bitstream_filter)
        template = self._stack.enter_context(template_stream(facts.template_format, facts.template))
        if way is Way.DECODED:
            assert isinstance(template, AudioStream)
            sound = add_decoded(self.file, template, self.container)
            self.describe(sound, facts)
            return decoded_packets(packets, template, sound, say)
        told = template
        if delay_s:
            assert isinstance(template, AudioStream)
            told = self._stack.enter_context(delayed(template, delay_s))
        stream = add_untouched(self.file, told)
        stream.time_base = self._base_of(facts)
        self.describe(stream, facts)
        if isinstance(template, AudioStream) and self.container.has_edits:
            packets = as_heard(packets, facts.time_base, template.codec_context.sample_rate)
        if facts.type == "subtitle" and self.container.has_edits:
            packets = as_shown(packets, facts.time_base, (self._source.last_end or 0) * self._source.time_base)
        ready = repacked(packets, template) if way is Way.REPACKED else packets
        return untouched(ready, stream, facts.time_base, is_strict=self.container.is_boxes)

    def _base_of(self, facts: PassthroughStream) -> Fraction:
        """Return the unit of a stream's times that its muxer is asked for. No pause is longer than the video."""
        base = facts.time_base
        if not self.container.is_boxes:
            return base
        ticks = fitting(base.denominator, (self._source.last_end or 0) * self._source.time_base)
        return base if ticks == base.denominator else Fraction(1, ticks)

    def describe(self, stream: Stream, facts: StreamTags | PassthroughStream) -> None:
        """Give a stream, which is the next of the file, the source's tags, language and flags."""
        tags = stream_tags(facts.metadata, facts.language, self.container)
        stream.metadata.clear()
        stream.metadata.update(tags)
        stream.disposition = facts.disposition  # type: ignore[assignment]
        # A subtitle that is not shown unasked; sound and video are left to FFmpeg: one of each has to be played.
        shown = bool(facts.disposition & _DEFAULT) if stream.type == "subtitle" else None
        self._tracks.append(TrackFacts(tags[LANGUAGE], shown, named(tags, CREATED)))

    def tell(self) -> None:
        """Give the file the source's tags and chapters."""
        tags = lasting(self._source.metadata)
        self.file.metadata.update(tags)
        if self.container.is_boxes:
            written = _written(self.container.format, tuple(sorted(tags.items())))
            self._unwritten = {name: text for name, text in tags.items() if name not in written}
            if tags.get(_LOCATION):
                self._unwritten[_LOCATION] = tags[_LOCATION]
                self._unwritten.pop(_LOCATION_AGAIN, None)
        names = [each.name for each in fields(Chapter)]
        chapters = [{name: getattr(chapter, name) for name in names} for chapter in self._source.chapters]
        if chapters:
            self.file.set_chapters(chapters)  # type: ignore[arg-type]

    def _add_file(self, facts: PassthroughStream, data: bytes) -> None:
        if not data:
            return  # in a rehearsal, and where results are tried without the other streams
        if self.container.holds_files:
            name, kind = _COVER_FILES.get(facts.codec, ("file", "application/octet-stream"))
            name, kind = facts.metadata.get("filename", name), facts.metadata.get("mimetype", kind)
            stream = self.file.add_attachment(name, kind, data)
            stream.metadata.update(lasting(facts.metadata) | {"filename": name, "mimetype": kind})
        else:
            self._covers.append(Cover(facts.codec, data))

    def _finish(self) -> None:
        """Put the index before the media, with all that FFmpeg does not write."""

        def edit(moov: Box) -> None:
            describe_tracks(moov, self._tracks)
            add_tags(moov, self._unwritten, self._covers, is_quicktime=self.container.format == "mov")

        if isinstance(self._target, Path):
            with self._target.open("r+b") as file:
                to_front(file, edit)
        else:
            to_front(self._target, edit)


class Nowhere(BytesIO):
    """A file that keeps nothing of what is written, where only the muxer's opinion counts."""

    def __init__(self) -> None:
        super().__init__()
        self._at = self._size = 0

    def write(self, data: Any, /) -> int:
        """Count bytes."""
        self._at += len(data)
        self._size = max(self._size, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place: only note it."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at


def holds_file(container: Container, facts: PassthroughStream) -> bool:
    """Return True if a container keeps this file within the file."""
    return container.holds_files or (facts.type == COVER and facts.codec in COVERS)


def is_readable_file(facts: PassthroughStream) -> bool:
    """Return True if a container that holds files can name this one's type."""
    return facts.type == ATTACHMENT or facts.codec in _COVER_FILES or "mimetype" in facts.metadata


def _sample_rates(source: VideoSplice) -> Iterator[int]:
    for stream in source.passthrough:
        if not stream.is_file:
            with template_stream(stream.template_format, stream.template) as template:
                yield getattr(template.codec_context, "sample_rate", None) or 1


class DummyVideo:
    """A video of one small picture, for trials; timecodes depend on its rate.

    Attributes:
        stream: of the file.
    """

    def __init__(self, file: OutputContainer, rate: Fraction) -> None:
        self.stream = file.add_mux_stream("mpeg4", rate=rate, width=16, height=16, time_base=Fraction(1, 25))

    def packet(self) -> Packet[Any]:
        """Return its only packet."""
        data = _first_picture()
        packet: Packet[Any] = Packet(len(data))
        packet.update(data)
        packet.pts = packet.dts = 0
        packet.duration = 1
        packet.time_base = Fraction(1, 25)
        packet.is_keyframe = True
        packet.stream = self.stream
        return packet


@lru_cache(1)
def _first_picture() -> bytes:
    encoder: Any = av.CodecContext.create("mpeg4", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 16, 16, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame(16, 16, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


@lru_cache(64)
def _written(form: str, tags: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return the names of those tags of a file that FFmpeg's muxer writes, and its demuxer reads, as they are."""
    buffer = BytesIO()
    with av.open(buffer, "w", format=form) as file:
        video = DummyVideo(file, Fraction(25))
        file.metadata.update(dict(tags))
        file.mux_one(video.packet())
    buffer.seek(0)
    with av.open(buffer, "r", format=form, metadata_errors="replace") as file:
        found: Mapping[str, str] = {name.lower(): text for name, text in file.metadata.items()}
    return frozenset(name for name, text in tags if found.get(name.lower()) == text)
