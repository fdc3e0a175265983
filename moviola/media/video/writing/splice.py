"""Joins the results of all chunks and the untouched streams into one file. Nothing is encoded here."""

from __future__ import annotations

import errno
import hashlib
import heapq
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from moviola.base.file_names import for_ffmpeg
from moviola.media.account import Account
from moviola.media.annotations import SUFFIX
from moviola.media.errors import MediaError, SpliceError
from moviola.media.manifest.writer import NOTHING, ManifestWriter
from moviola.media.material import NO_VIDEO, Files, Output, Source, header
from moviola.media.spliced import Details, Spliced
from moviola.media.video.codecs import codec_of
from moviola.media.video.containers import Container, Way
from moviola.media.video.filtering.encode import add_encoded_stream
from moviola.media.video.headers import PassthroughStream, VideoSplice
from moviola.media.video.templates import FILE_ONLY
from moviola.media.video.writing.bookkeeper import Bookkeeper
from moviola.media.video.writing.codec_delay import from_run_up
from moviola.media.video.writing.container_choice import container_of, extension
from moviola.media.video.writing.digest import Digest
from moviola.media.video.writing.file_streams import recorded_packets
from moviola.media.video.writing.output_file import Nowhere, OutputFile
from moviola.media.video.writing.rehearsal import next_way, rehearsal
from moviola.media.video.writing.sound import TooMuchSilence
from moviola.media.video.writing.ticks import base_in, exact_base
from moviola.media.video.writing.tracks import Mux, VideoTrack, passthrough_packets

# Of the disk, not of the streams.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EACCES, errno.EROFS, errno.ENOENT})
_FLOAT_ERROR_S = 1e-9  # of the sum of a few times in seconds


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
    manifest: ManifestWriter = NOTHING,
) -> Spliced:
    """Make `<output>.<suffix>` from result payloads in index order and each passthrough stream's payloads in order.

    All are read lazily, a chunk of each at a time, and again from the start where a stream is refused midway; what
    grows with the length of the video are a few numbers a packet. The container is `container_choice.container_of`. The
    notes that filters attached go to `<output>.annotations.jsonl`, as moviola/media/annotations.py writes them; without
    notes there is no such file. The frames of chunks that are left out, or whose payload is empty, count as lost.
    `details` of what is returned: `container`, `size` in bytes, `duration_s`, `time_error_s`, the largest difference
    between a frame's time in the file and the one it should have, `shift_s`, by how much all streams were moved
    because the source does not begin at zero, `annotation_count`, and what was `found`, by filter.
    Of an output without video the annotations are the main file, there even if it is empty, and the digest is their
    SHA-256; `container`, `duration_s` and `time_error_s` are None.

    Raise ForeignExtradata for a chunk of another encoder, SpliceError when the results make no file, BundleError for
    a broken payload, OSError when the disk does not take it.
    """
    facts = header(VideoSplice, source.splice)
    if output.encoder.codec == NO_VIDEO:
        return _attempt(files, facts, output, results, passthrough, manifest, {}, [])
    container = container_of(facts, output.encoder)
    ways = dict(rehearsal(container, facts).ways)
    said: list[str] = []
    while True:
        try:
            return _attempt(files, facts, output, results, passthrough, manifest, ways, said)
        except StreamRefused as refused:
            stream = refused.stream
            ways[stream.stream] = next_way(container, stream, ways[stream.stream])
            then = "its sound is stored decoded" if ways[stream.stream] is Way.DECODED else "it is left out"
            if ways[stream.stream] is Way.REPACKED:
                then = "its packets hold one frame each instead"
            said.append(f"{stream.label} {refused.reason}: {then}")


def _attempt(
    files: Files,
    facts: VideoSplice,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
    manifest: ManifestWriter,
    ways: Mapping[int, Way],
    said: Iterable[str],
) -> Spliced:
    """Make the files, with the other streams on these ways; what has been `said` of them is among the warnings.

    Raise StreamRefused, and what `splice` raises.
    """
    manifest.restart()
    main, notes = (f"{output.name}{suffix}" for suffix in (extension(facts, output.encoder), SUFFIX))
    if output.encoder.codec == NO_VIDEO:
        base = exact_base(facts, output)
    else:
        base = base_in(container_of(facts, output.encoder), facts, output)
    with files.partial(notes).open("w", encoding="utf-8") as file:
        book = Bookkeeper(facts, output, file, base, manifest)
        track = VideoTrack(facts, output, results, book.add, base)
        splicer = None
        if output.encoder.codec == NO_VIDEO:
            track.skim()
        else:
            for sentence in said:
                book.account.warn(sentence)
            splicer = _Splicer(files.partial(main), facts, output, book.account, ways)
            splicer.run(track, passthrough)
    book.close()
    details, digest = (
        splicer.checked(track, manifest) if splicer is not None else _details_of_notes(files.partial(notes))
    )
    if splicer is not None and not book.annotations.line_count:
        files.withdraw(notes)
    details |= {
        "shift_s": float(_shift_s(facts)),
        "annotation_count": book.annotations.line_count,
        "found": book.annotations.found.to_json(),
    }
    return Spliced(book.account, digest, main, details, analysis=book.annotations.summary.to_json())


def _details_of_notes(path: Path) -> tuple[Details, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"container": None, "size": path.stat().st_size, "duration_s": None, "time_error_s": None}, digest


class StreamRefused(Exception):
    """Raised if a stream that is not filtered cannot go on as it began, as when the muxer does not take one of its
    packets, although it took the first ones; `reason` says so of the stream."""

    def __init__(self, stream: PassthroughStream, reason: str) -> None:
        super().__init__(reason)
        self.stream, self.reason = stream, reason


class _Splicer:
    """Writes and checks the video file of an output; `account` is added up meanwhile. The other streams go `ways`."""

    def __init__(
        self, path: Path, source: VideoSplice, output: Output, account: Account, ways: Mapping[int, Way]
    ) -> None:
        self._path = path
        self._source = source
        self._output = output
        self._account = account
        self._ways = ways
        self._container: Container = container_of(source, output.encoder)
        self._pts = array("q")

    def run(self, track: VideoTrack, passthrough: Mapping[int, Iterable[bytes]]) -> None:
        """Write all packets. Raise StreamRefused, SpliceError, OSError."""
        try:
            self._mux(track, passthrough)
        except av.FFmpegError as error:
            if error.errno in _DISK_ERRORS:
                raise OSError(error.errno, os.strerror(error.errno), str(self._path)) from error
            self._find_refused(track, passthrough)
            raise SpliceError(f"{self._container.format} does not take these streams: {error}") from error

    def _mux(self, track: VideoTrack, passthrough: Mapping[int, Iterable[bytes]]) -> None:
        frames = track.format()
        with OutputFile(self._path, self._container, self._source, track.time_base.denominator) as output:
            file = output.file
            video = add_encoded_stream(file, self._output.encoder, frames)
            output.describe(video, self._source.stream)
            others = [self._added(output, facts, passthrough) for facts in self._carried(passthrough)]
            output.tell()
            file.start_encoding()
            context = video.codec_context
            delay = max(context.reorder_depth, codec_of(self._output.encoder).reorder_depth)
            packets = track.packets(video, context.extradata or b"", delay)
            for mux in heapq.merge(self._noted(packets), *others, key=_decode_time):
                file.mux_one(mux.packet)

    def _carried(self, passthrough: Mapping[int, Iterable[bytes]]) -> list[PassthroughStream]:
        return [
            facts
            for facts in self._source.passthrough
            if facts.stream in passthrough and self._ways[facts.stream] is not Way.LEFT_OUT
        ]

    def _added(
        self, output: OutputFile, facts: PassthroughStream, payloads: Mapping[int, Iterable[bytes]]
    ) -> Iterator[Mux]:
        warn, way = self._account.warn, self._ways[facts.stream]
        packets = passthrough_packets(payloads[facts.stream], facts, warn)
        if way is Way.DECODED:
            return _decoded(facts, output.add(facts, way, packets, partial(self._tell_change, facts)))
        if self._container.has_edits or facts.type != "audio":
            return output.add(facts, way, packets, warn)
        heard, delay_s = from_run_up(packets, facts.time_base, facts.codec)
        return output.add(facts, way, heard, warn, delay_s)

    def _tell_change(self, facts: PassthroughStream, what: str) -> None:
        if facts.changes_at is None:  # else it was said before
            self._account.warn(f"{facts.label} {what}")

    def _find_refused(self, track: VideoTrack, passthrough: Mapping[int, Iterable[bytes]]) -> None:
        """Raise StreamRefused for the first stream that the muxer does not take by itself: which packet it complained
        of is not known, for it keeps some back."""
        for facts in self._carried(passthrough):
            alone = replace(self._source, passthrough=[facts], chapters=[])
            try:
                with OutputFile(Nowhere(), self._container, alone, track.time_base.denominator) as output:
                    packets = self._added(output, facts, passthrough)
                    output.file.start_encoding()
                    for mux in packets:
                        output.file.mux_one(mux.packet)
            except (av.FFmpegError, ValueError) as error:
                why = str(getattr(error, "strerror", None) or error)
                raise StreamRefused(facts, f"was refused by the {self._container.format} muxer ({why})") from error

    def _noted(self, packets: Iterator[Mux]) -> Iterator[Mux]:
        """Yield packets, and keep the times that their frames must have in the file."""
        for mux in packets:
            assert mux.packet.pts is not None
            self._pts.append(mux.packet.pts)
            yield mux

    def checked(self, track: VideoTrack, manifest: ManifestWriter) -> tuple[Details, str]:
        """Read the finished file, and return its details and its digest. Raise SpliceError if it does not hold every
        frame; a frame at another time than its own is warned of."""
        digest = Digest()
        error_s = 0.0
        count = 0
        for count, (time_s, packet) in enumerate(recorded_packets(self._path, self._container.format, manifest), 1):
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
        if error_s > float(self._container.resolution or 0) / 2 + _FLOAT_ERROR_S:  # rounding was said before
            step = self._container.resolution
            why = f": its times are multiples of {float(step * 1000):g} ms" if step else ""
            warn(f"{self._container.format} moved frames by up to {error_s * 1000:.3f} ms{why}")
        if track.times.moved:
            warn(f"{track.times.moved} frames had the time of the one before or an earlier one: moved by a tick each")
        if self._account.times_repaired:
            warn(f"{self._account.times_repaired} timestamps were not in the order of the frames: sorted")

    def _duration_s(self) -> float:
        with av.open(for_ffmpeg(self._path), format=self._container.format, options=dict(FILE_ONLY)) as file:
            return (file.duration or 0) / av.time_base


def _decoded(facts: PassthroughStream, packets: Iterator[Mux]) -> Iterator[Mux]:
    """Yield packets of sound that is stored decoded. Raise StreamRefused where that takes too much silence, or is not
    possible for another reason that lies in the sound: no job fails of it."""
    try:
        yield from packets
    except TooMuchSilence as error:
        raise StreamRefused(facts, str(error)) from error
    except MediaError:  # of the payloads
        raise
    except ValueError as error:
        raise StreamRefused(facts, f"could not be decoded to its end ({error})") from error


def _shift_s(source: VideoSplice) -> Fraction:
    """Return by how much the source's beginning was moved, in seconds."""
    return source.timeline[0].offset * source.time_base if source.timeline else Fraction(0)


def _decode_time(mux: Mux) -> float:
    return mux.dts_s
