"""A worker's hot loop for pictures: decode, turn upright, filter, encode, one picture after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

import xxhash
from msgpack import packb
from numpy.typing import NDArray

from moviola.base.vocabulary import Mode, OnError
from moviola.filters.picture import Picture
from moviola.filters.registry import make_chain
from moviola.filters.runner import ChainRunner, FilterError
from moviola.media.bundle import pack, read
from moviola.media.errors import ProcessingFailed, last_line
from moviola.media.fingerprint import fingerprint
from moviola.media.images.bundle import ImageChunk, ImageResult, PictureEntry
from moviola.media.images.carried import Carried, fits
from moviola.media.images.decode import Decoded, Page, decode
from moviola.media.images.encode import Settings, alike, encode, storable
from moviola.media.images.formats import FORMATS, OUTPUT_FORMATS, BrokenImage, written_as
from moviola.media.images.header import Header
from moviola.media.images.pixels import as_picture, as_pixels
from moviola.media.images.readers import read_header
from moviola.media.images.transparency import Mover
from moviola.media.material import MODES, NO_VIDEO, Output, Result
from moviola.media.material import Header as SourceHeader
from moviola.media.report import MAX_ERROR_LENGTH, DecodeError, Fallback, FrameNotes, Lost, Note, Report

BYPASSED: Final = "filters bypassed"
DROPPED: Final = "is left out: its chunk failed"

MAX_RESULT_SIZE: Final = 224 * 1024 * 1024
"""The pictures of one chunk's result: it travels in one payload of at most 256 MiB."""


def process(
    payload: bytes | bytearray | memoryview,
    source_process: SourceHeader,
    output: Output,
    *,
    mode: str = Mode.FILTER,
    on_frame: Callable[[int], None] | None = None,
) -> Result:
    """Filter and encode the pictures of a chunk; `moviola.media.kind.Process` tells what the arguments mean.

    A picture that cannot be decoded, or whose result cannot be stored, is lost, with the reason. `on_frame` is also
    called after each page of a file that has several, with the pictures done so far.

    Raise ValueError for an unknown mode or format, BundleError when the payload is no chunk, ProcessingFailed when a
    filter fails and the output is to fail then, moviola.filters.schema.ParameterError for a chain that cannot be made.
    """
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, not one of {', '.join(MODES)}")
    if output.encoder.format not in ("", *OUTPUT_FORMATS):
        raise ValueError(f"the format is {output.encoder.format!r}, not one of {', '.join(OUTPUT_FORMATS)}")
    return _Work(output, output.mode(mode), on_frame or _nobody).run(payload)


class _Dropped(Exception):
    """A filter failed on this picture, which is to be left out then; the text completes the sentence "photo.jpg …"."""


class _Work:
    """One chunk's way through decoder, filters and encoder."""

    def __init__(self, output: Output, mode: str, on_frame: Callable[[int], None]) -> None:
        self._output = output
        self._mode = mode
        self._is_encoded = output.encoder.codec != NO_VIDEO
        self._on_frame = on_frame
        self._chain = make_chain(output.chain)
        self._mover = Mover(self._chain)
        self._parts: list[bytes] = []
        self._entries: list[PictureEntry] = []
        self._report = Report(0, 0)
        self._done = 0

    def run(self, payload: bytes | bytearray | memoryview) -> Result:
        chunk, files = read(ImageChunk, payload)
        count = len(chunk.p)
        self._report = report = Report(chunk.first, count, count, fingerprint=fingerprint())
        for index, ((_, _, problem), data) in enumerate(zip(chunk.p, files, strict=True), report.first):
            try:
                self._picture(index, problem, data)
            except (BrokenImage, _Dropped) as lost:
                report.lost.append(Lost(index, str(lost)))
            self._done += 1
            self._on_frame(self._done)
        result = ImageResult(
            self._entries, [entry.name for entry in chunk.p], report, [entry.size for entry in chunk.p]
        )
        return Result(
            payload=pack(result.to_wire(), self._parts),
            fingerprint=report.fingerprint,
            frames_in=report.frames_in,
            frames_out=report.frames_out,
            fallback_frames=len(report.fallback),
            lost_frames=len(report.lost),
            damaged_frames=len(report.damaged),
            content=self._content(),
        )

    def _picture(self, index: int, problem: str, data: memoryview) -> None:
        """Process one file, from its bytes to those of its result."""
        if self._mode == Mode.DROP:
            raise _Dropped(DROPPED)
        if problem:
            raise BrokenImage(problem)
        began = perf_counter()
        header = read_header(data)
        decoded = decode(data, header)
        made = _Made(header, self._output, index)
        for number, page in enumerate(self._timed(decoded), 1):
            self._page(made, page, number)
            self._on_frame(self._done)
        if self._is_encoded:
            self._store(made, decoded.loop_count)
        report = self._report
        report.frames_out += 1
        report.latency_ms.append((perf_counter() - began) * 1000)
        if made.notes:
            report.notes.append(FrameNotes(index, made.notes))
        if made.unfiltered:
            report.fallback.append(Fallback(index, *made.unfiltered))
        if decoded.damage:
            report.damaged.append(index)
            report.decode_errors.append(DecodeError(index - report.first, decoded.damage))
            report.decode_error_count += 1
        self._warn(*made.remarks, decoded.remark)

    def _timed(self, decoded: Decoded) -> Iterator[Page]:
        """Yield the pages, and count the time of their decoding in the report."""
        while True:
            began = perf_counter()
            page = next(decoded.pages, None)
            self._report.seconds.decode += perf_counter() - began
            if page is None:
                return
            yield page

    def _page(self, made: _Made, page: Page, number: int) -> None:
        """Run a page through the chain, and make what comes out ready to be encoded."""
        seconds = self._report.seconds
        began = perf_counter()
        source = as_picture(page.colour, made.index)
        converted = perf_counter()
        picture, alpha = self._through(made, source, page.alpha)
        filtered = perf_counter()
        for note in picture.notes:
            made.notes.append(dict(note) if len(made.header.pages) == 1 else {"page": number, **note})
        if self._is_encoded:
            made.add(as_pixels(picture), alpha, page.duration_ms)
        seconds.convert += converted - began
        seconds.filter += filtered - converted
        seconds.encode += perf_counter() - filtered

    def _through(self, made: _Made, source: Picture, alpha: NDArray[Any] | None) -> tuple[Picture, NDArray[Any] | None]:
        """Return what the chain makes of a picture, and its transparency, moved as the picture was; where a filter
        fails, what the policy puts in their place."""
        if self._mode == Mode.BYPASS:
            made.unfiltered = ("", BYPASSED)
            return self._instead(source, alpha)
        try:
            picture = ChainRunner(self._chain).run(source)  # one that has seen no other picture
            if alpha is not None:
                alpha = self._mover.run(alpha, made.index)
            return picture, alpha
        except FilterError as error:
            if self._output.on_error == OnError.FAIL:
                raise ProcessingFailed([made.index], error.filter_name, error.trace) from error
            self._report.tell_failure(made.index, error.filter_name, error.trace)
            cause = last_line(error.trace)[:MAX_ERROR_LENGTH]
            if self._output.on_error == OnError.DROP:
                raise _Dropped(f"is left out: {error.filter_name}: {cause}") from error
            made.unfiltered = (error.filter_name, cause)
            return self._instead(source, alpha)

    def _instead(self, source: Picture, alpha: NDArray[Any] | None) -> tuple[Picture, NDArray[Any] | None]:
        """Return the picture as it was, or a black one without transparency, which would show outlines."""
        return (source.black(), None) if self._output.on_error == OnError.BLACK else (source, alpha)

    def _store(self, made: _Made, loop_count: int) -> None:
        """Encode what became of a file, and add it to the result, all of it or nothing. Raise BrokenImage if it has
        no room."""
        began = perf_counter()
        files = made.files(loop_count)
        size = sum(len(data) for _, data in files)
        room = MAX_RESULT_SIZE - sum(len(part) for part in self._parts)
        self._report.seconds.encode += perf_counter() - began
        if size > room:
            raise BrokenImage(
                f"encodes to {size / 2**20:.1f} MiB; only {room / 2**20:.1f} MiB are left in this chunk's result; send "
                "it as JPEG or WebP, or ask for fewer images a chunk"
            )
        for page, data in files:
            self._entries.append(PictureEntry(len(data), made.index, page, made.format))
            self._parts.append(data)

    def _warn(self, *remarks: str) -> None:
        """Add remarks to the warnings, each once and not for every picture: a folder has thousands alike."""
        warnings = self._report.warnings
        warnings += [remark for remark in dict.fromkeys(remarks) if remark and remark not in warnings]

    def _content(self) -> int:
        """Return a checksum of the files and the notes. The rest of the report is left out, because it has times."""
        hashed = xxhash.xxh3_64(packb(self._report.notes))
        for part in self._parts:
            hashed.update(part)
        return hashed.intdigest() >> 1


class _Made:
    """What becomes of one file."""

    def __init__(self, header: Header, output: Output, index: int) -> None:
        self.header = header
        self.index = index
        self.format = written_as(
            header.format, output.encoder.format, is_moving=header.is_moving, is_deep=header.bits > 8
        )
        self.notes: list[Note] = []
        self.unfiltered: tuple[str, str] | None = None
        self.remarks: list[str] = []
        self._quality = output.encoder.quality
        made = FORMATS[self.format]
        self._is_together = made.has_pages or (made.can_move and header.is_moving)
        self._pages: list[NDArray[Any]] = []
        self._durations_ms: list[int] = []
        self._encoded: list[bytes] = []

    def add(self, colour: NDArray[Any], alpha: NDArray[Any] | None, duration_ms: int) -> None:
        """Add the next page, with its transparency where that is possible. Pages that become files of their own are
        encoded at once."""
        kind = FORMATS[self.format]
        if alpha is not None and kind.has_alpha and (alpha.shape != colour.shape[:2] or alpha.dtype != colour.dtype):
            self._say("transparency is left out where a filter made pictures of another size than it says")
            alpha = None
        self._pages.append(storable(colour, alpha, self.format, is_moving=self.header.is_moving))
        self._durations_ms.append(duration_ms)
        if len(self.header.pages) > 1 and not self._is_together:
            self._encoded.append(self._encode(0))

    def files(self, loop_count: int) -> list[tuple[int, bytes]]:
        """Return (page, bytes) of each file; the page is 0 where all is in one file."""
        if self._encoded:
            return list(enumerate(self._encoded, 1))
        return [(0, self._encode(loop_count))]

    def _encode(self, loop_count: int) -> bytes:
        pages, self._pages = self._pages, []
        pages = alike(pages)
        header = self.header
        is_grey = pages[0].ndim == 2 or pages[0].shape[2] == 2
        channels = 1 if is_grey and FORMATS[self.format].has_grey else 3
        done = len(self._encoded)  # pages before these, of files of their own
        first, *later = (
            _fitting(each, channels) for each in header.all_carried[done : done + len(pages)] or [header.carried]
        )
        durations = tuple(self._durations_ms) if len(pages) > 1 and header.is_moving else ()
        lossless = header.format == "webp" and header.is_lossless
        settings = Settings(self._quality, lossless, header.chroma, first, durations, loop_count, tuple(later))
        return encode(pages, self.format, settings)

    def _say(self, remark: str) -> None:
        self.remarks.append(remark)


def _fitting(carried: Carried, channels: int) -> Carried:
    """Return what is carried, without a colour profile that is for other pictures than those of so many channels."""
    return carried if not carried.profile or fits(carried.profile, channels) else replace(carried, profile=b"")


def _nobody(_done: int) -> None:
    """Do nothing: nobody wants to know how far the work is."""
