"""Joins the results of all chunks and the untouched streams into one file. Nothing is encoded here."""

from __future__ import annotations

import errno
import hashlib
import heapq
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from moviola.media.account import Account
from moviola.media.annotations import SUFFIX
from moviola.media.errors import SpliceError
from moviola.media.material import NO_VIDEO, Files, Output, Source, header
from moviola.media.spliced import Details, Spliced
from moviola.media.video.bookkeeper import Bookkeeper
from moviola.media.video.codecs import codec_of
from moviola.media.video.container_choice import Way, add_untouched, container_of, extension, way_into
from moviola.media.video.containers import Container
from moviola.media.video.digest import Digest, video_packets
from moviola.media.video.encode import add_encoded_stream
from moviola.media.video.headers import Chapter, PassthroughStream, StreamTags, VideoSplice
from moviola.media.video.sound import add_decoded, decoded_packets
from moviola.media.video.templates import FILE_ONLY, template_stream
from moviola.media.video.tracks import Mux, VideoTrack, converted, passthrough_packets, untouched

# Of the disk, not of the streams.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EACCES, errno.EROFS, errno.ENOENT})

# Tags that describe the source's container or its tracks, and would be wrong of the new one.
_STALE_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "handler_name", "vendor_id", "rotate")
_STALE_TAGS_OF_MKV = ("duration", "bps", "number_of_frames", "number_of_bytes", "_statistics_")


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
) -> Spliced:
    """Make `<output>.<suffix>` from result payloads in index order and each passthrough stream's payloads in order.

    All are read once and lazily, a chunk of each at a time; what grows with the length of the video are a few numbers
    a packet. The container is `containers.container_of(source, output.encoder)`. The notes that filters attached go to
    `<output>.annotations.jsonl`, as moviola/media/annotations.py writes them; without notes there is no such file. The
    frames of chunks that are left out, or whose payload is empty, count as lost.
    `details` of what is returned: `container`, `size` in bytes, `duration_s`, `time_error_s`, the largest difference
    between a frame's time in the file and the one it should have, `shift_s`, by how much all streams were moved
    because the source does not begin at zero, and `annotation_count`.
    Of an output without video the annotations are the main file, there even if it is empty, and the digest is their
    SHA-256; `container`, `duration_s` and `time_error_s` are None.

    Raise ForeignExtradata for a chunk of another encoder, SpliceError when the results make no file, BundleError for
    a broken payload, OSError when the disk does not take it.
    """
    facts = header(VideoSplice, source.splice)
    main, notes = (f"{output.name}{suffix}" for suffix in (extension(facts.passthrough, output.encoder), SUFFIX))
    with files.partial(notes).open("w", encoding="utf-8") as file:
        book = Bookkeeper(facts, output, file)
        track = VideoTrack(facts, output, results, book.add)
        splicer = None
        if output.encoder.codec == NO_VIDEO:
            track.skim()
        else:
            splicer = _Splicer(files.partial(main), facts, output, book.account)
            splicer.run(track, passthrough)
    book.close()
    details, digest = splicer.checked(track) if splicer is not None else _details_of_notes(files.partial(notes))
    if splicer is not None and not book.annotations.line_count:
        files.withdraw(notes)
    details |= {
        "shift_s": float(_shift_s(facts)),
        "annotation_count": book.annotations.line_count,
    }
    return Spliced(book.account, digest, main, details, analysis=book.annotations.summary.to_json())


def _details_of_notes(path: Path) -> tuple[Details, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"container": None, "size": path.stat().st_size, "duration_s": None, "time_error_s": None}, digest


class _Splicer:
    """Writes and checks the video file of an output; `account` is added up meanwhile."""

    def __init__(self, path: Path, source: VideoSplice, output: Output, account: Account) -> None:
        self._path = path
        self._source = source
        self._output = output
        self._account = account
        self._container: Container = container_of(source.passthrough, output.encoder)
        self._pts = array("q")

    def run(self, track: VideoTrack, passthrough: Mapping[int, Iterable[bytes]]) -> None:
        """Writes all packets."""
        try:
            self._mux(track, passthrough)
        except av.FFmpegError as error:
            if error.errno in _DISK_ERRORS:
                raise OSError(error.errno, os.strerror(error.errno), str(self._path)) from error
            raise SpliceError(f"{self._container.format} does not take these streams: {error}") from error

    def _mux(self, track: VideoTrack, passthrough: Mapping[int, Iterable[bytes]]) -> None:
        frames = track.format()
        options = dict(self._container.options(track.time_base.denominator, self._sample_rates()))
        with ExitStack() as stack:
            file = stack.enter_context(
                av.open(str(self._path), "w", format=self._container.format, container_options=options)
            )
            video = add_encoded_stream(file, self._output.encoder, frames)
            _describe(video, self._source.stream)
            others = self._add_passthrough(file, stack, passthrough)
            file.metadata.update(_lasting_tags(self._source.metadata))
            self._add_chapters(file)
            file.start_encoding()
            context = video.codec_context
            delay = max(context.reorder_depth, codec_of(self._output.encoder).reorder_depth)
            packets = track.packets(video, context.extradata or b"", delay)
            for mux in heapq.merge(self._noted(packets), *others, key=_decode_time):
                file.mux_one(mux.packet)

    def _noted(self, packets: Iterator[Mux]) -> Iterator[Mux]:
        """Keeps the times that the file must have."""
        for mux in packets:
            assert mux.packet.pts is not None
            self._pts.append(mux.packet.pts)
            yield mux

    def _sample_rates(self) -> Iterator[int]:
        for stream in self._source.passthrough:
            with template_stream(stream.template_format, stream.template) as template:
                yield getattr(template.codec_context, "sample_rate", None) or 1

    def _add_passthrough(
        self, file: OutputContainer, stack: ExitStack, passthrough: Mapping[int, Iterable[bytes]]
    ) -> list[Iterator[Mux]]:
        """A stream of `file` for each that is carried, and its packets."""
        streams = []
        for facts in self._source.passthrough:
            payloads = passthrough.get(facts.stream)
            way = way_into(self._container, facts)
            if payloads is None or way is Way.LEFT_OUT:
                continue
            packets = passthrough_packets(payloads, facts, self._account.warn)
            template = stack.enter_context(template_stream(facts.template_format, facts.template))
            if way is Way.UNTOUCHED:
                stream = add_untouched(file, template)
                stream.time_base = facts.time_base
                streams.append(untouched(packets, stream, facts.time_base))
            elif way is Way.CONVERTED:
                codec, bitstream_filter = self._container.subtitles[facts.codec]
                stream = file.add_mux_stream(codec, time_base=facts.time_base)
                streams.append(converted(packets, stream, bitstream_filter))
            else:
                assert isinstance(template, AudioStream)
                sound = add_decoded(file, template)
                stream = sound
                streams.append(decoded_packets(packets, template, sound))
            _describe(stream, facts)
        return streams

    def _add_chapters(self, file: OutputContainer) -> None:
        names = [each.name for each in fields(Chapter)]
        chapters = [{name: getattr(chapter, name) for name in names} for chapter in self._source.chapters]
        if chapters:
            file.set_chapters(chapters)  # type: ignore[arg-type]

    def checked(self, track: VideoTrack) -> tuple[Details, str]:
        """Reads the finished file: its details, its digest, and whether it holds every frame at its time."""
        digest = Digest()
        error_s = 0.0
        count = 0
        for count, (time_s, packet) in enumerate(video_packets(self._path, self._container.format), start=1):
            digest.add(time_s, packet)
            if count <= len(self._pts) and time_s is not None:
                error_s = max(error_s, abs(float(time_s - self._pts[count - 1] * track.time_base)))
        if count != len(self._pts) or count != self._account.frames_out:
            raise SpliceError(
                f"{self._path.name} holds {count} of {self._account.frames_out} frames; this is a fault of the program"
            )
        self._say(track, error_s)
        return {
            "container": self._container.format,
            "size": self._path.stat().st_size,
            "duration_s": self._duration_s(),
            "time_error_s": error_s,
        }, digest.hexdigest()

    def _say(self, track: VideoTrack, error_s: float) -> None:
        warn = self._account.warn
        if error_s:
            step = self._container.resolution
            why = f": its times are multiples of {float(step * 1000):g} ms" if step else ""
            warn(f"{self._container.format} moved frames by up to {error_s * 1000:.3f} ms{why}")
        if track.times.moved:
            warn(f"{track.times.moved} frames had the time of the one before or an earlier one: moved by a tick each")
        if self._account.times_repaired:
            warn(f"{self._account.times_repaired} timestamps were not in the order of the frames: sorted")

    def _duration_s(self) -> float:
        with av.open(str(self._path), format=self._container.format, options=dict(FILE_ONLY)) as file:
            return (file.duration or 0) / av.time_base


def _shift_s(source: VideoSplice) -> Fraction:
    """By how much the source's beginning was moved, in seconds."""
    return source.timeline[0].offset * source.time_base if source.timeline else Fraction(0)


def _decode_time(mux: Mux) -> float:
    return mux.dts_s


def _describe(stream: Stream, facts: StreamTags | PassthroughStream) -> None:
    stream.metadata.update(_lasting_tags(facts.metadata))
    stream.metadata["language"] = facts.language or "und"  # unsaid, Matroska takes it for English
    stream.disposition = facts.disposition  # type: ignore[assignment]


def _lasting_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in tags.items()
        if name.lower() not in _STALE_TAGS and not name.lower().startswith(_STALE_TAGS_OF_MKV)
    }
