"""A video file as a Source and chunks of packets; nothing is decoded but the first frame.

What travels in a Source of kind "video". Every fraction is [numerator, denominator]; every time is in the
stream's `time_base`.

`Source.process`: all that a worker needs beside a chunk
    codec                   FFmpeg's decoder name
    extradata, codec_tag, width, height, pix_fmt, bits_per_coded_sample, reorder_depth, color_range,
    color_primaries, color_trc, colorspace
                            as a CodecContext needs them to decode bare packets
    time_base, rate         of the source; rate is never empty
    first_pts               when its first frame is shown, or nil
    orientation             [transpose, flip_x, flip_y]: how a decoded picture is turned before any filter
    display_width, display_height, sample_aspect
                            of a picture so turned; sample_aspect is nil where the file does not tell
    context_frames          how many frames each chunk's lead-in gives before its own ones, unless the video begins
                            later
    stages                  true: several workers may share a chain (moviola/media/video/stages.py)

`Source.splice`: all that the splicer needs beside the results
    container               FFmpeg's name of the source's format
    time_base, rate         as above: result times are in this base
    width, height, sample_aspect
                            of the turned picture, before filters
    colour                  {range, primaries, transfer, matrix} as FFmpeg numbers them
    frame_count             how many packets give a frame (a few of them may turn out not to)
    pts_complete            whether every one of these has a timestamp; if not, time is frame index / rate
    first_pts, last_end     where the shown frames begin and end (the last pts and its duration), or nil
    metadata, chapters      of the file; chapters are {id, start, end, time_base, metadata}
    stream                  {language, disposition, metadata} of the filtered stream
    passthrough             [{stream, type, codec, time_base, template, template_format, language, metadata,
                            disposition}], `stream` counts from 1 as Chunk.stream does;
                            see passthrough.describe for the template

Facts are for people and for the metrics; `_facts` lists them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import xxhash

from moviola.media.bundle import pack
from moviola.media.errors import UnreadableSource
from moviola.media.material import Chunk, Cutting, Material, Source, encodable
from moviola.media.video import KIND
from moviola.media.video.cut import Cut, SourceTrack, display_ranks
from moviola.media.video.lossless import LosslessSplitter
from moviola.media.video.opening import opened, packets_of
from moviola.media.video.passthrough import Carrier, packet_entry
from moviola.media.video.plan import lead_in_cost, plan
from moviola.media.video.scan import Scan, scan

_READ_SIZE = 1024 * 1024


def split(material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """Cut the only file of a video as `split_file` does."""
    return split_file(
        material.path,
        chunk_frames=cutting.chunk_frames,
        context_frames=cutting.context_frames,
        passthrough=cutting.passthrough,
    )


def split_file(
    path: str | Path, *, chunk_frames: int | None = None, context_frames: int = 0, passthrough: bool = True
) -> tuple[Source, Iterator[Chunk]]:
    """Cut a video file into chunks that decode by themselves to what the whole file decodes to.

    `chunk_frames` asks for so many frames a chunk (at least 1; the next clean cut decides), None for the automatic
    rule of `plan`. `context_frames` is how many earlier frames the job's most demanding output needs. Without
    `passthrough` the other streams are left behind.

    The file is read three times, to hash it, to find its structure, and, as the iterator is consumed, to send it;
    it is never held in memory. Chunks come in about the order of the file. What cannot be cut safely is encoded
    anew without loss, and `facts["lossless_reencode"]` says why.

    Raise UnreadableSource, also from the iterator if the file changes meanwhile; ValueError for `chunk_frames` < 1.
    """
    if chunk_frames is not None and chunk_frames < 1:
        raise ValueError(f"chunks cannot have {chunk_frames} frames; ask for at least 1")
    path = Path(path)
    found = scan(path)
    if not passthrough:
        found = replace(found, passthrough=[], passthrough_numbers={})
    chosen = plan(
        found.track,
        found.decoder["width"],
        found.decoder["height"],
        chunk_frames=chunk_frames,
        context_frames=context_frames,
    )
    facts = _facts(found, chosen.cuts)
    decoder, chunks = found.decoder, Splitter(found, chosen.cuts).chunks()
    if chosen.refusal:
        splitter = LosslessSplitter(found, chunk_frames, context_frames)
        decoder, chunks = splitter.decoder_fields, splitter.chunks()
        facts |= splitter.facts(chosen.refusal)
    source = Source(
        kind=KIND.name,
        name=encodable(path.name),
        fingerprint=fingerprint_of(path),
        facts=facts,
        process=_process(found, decoder, context_frames),
        splice=_splice(found),
        stream_count=1 + len(found.passthrough),
    )
    return source, chunks


def fingerprint_of(path: Path) -> str:
    """xxh3_128 over a file's bytes, in hex."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_READ_SIZE):
            digest.update(block)
    return digest.hexdigest()


class Splitter:
    """Reads a scanned file again and hands out its chunks."""

    def __init__(self, found: Scan, cuts: tuple[Cut, ...]) -> None:
        self._scan = found
        self._cuts = cuts
        self._window: deque[tuple[list[Any], bytes]] = deque()
        self._window_start = 0

    def chunks(self) -> Iterator[Chunk]:
        """Video chunks as soon as their last packet is read, the other streams' between them.

        At most the packets from the next chunk's lead-in on are held.
        """
        found = self._scan
        carrier = Carrier(found.passthrough_numbers)
        next_cut = packet_index = 0
        with opened(found.path) as (container, stream):
            others = [container.streams[index] for index in found.passthrough_numbers]
            for packet in packets_of(container, [stream, *others]):
                if packet.stream_index != stream.index:
                    yield from carrier.add(packet)
                    continue
                self._window.append((packet_entry(packet), bytes(packet)))
                packet_index += 1
                if next_cut < len(self._cuts) and packet_index == self._cuts[next_cut].stop:
                    yield self._video_chunk(next_cut)
                    next_cut += 1
                    self._forget(next_cut)
        if packet_index != len(found.track):
            raise UnreadableSource(found.path, "the file changed while it was read", "send it again")
        yield from carrier.rest()

    def _forget(self, next_cut: int) -> None:
        if next_cut < len(self._cuts):
            while self._window_start < self._cuts[next_cut].lead and self._window:
                self._window.popleft()
                self._window_start += 1

    def _video_chunk(self, index: int) -> Chunk:
        cut, track = self._cuts[index], self._scan.track
        held = [self._window[at - self._window_start] for at in range(cut.lead, cut.stop)]
        entries = [list(entry) for entry, _ in held]
        packets = [data for _, data in held]
        if cut.lead > 0:
            packets[0] = self._scan.encoder_notes + packets[0]
            entries[0][0] = len(packets[0])
            entries[0][5] = lasting_side_data(self._scan, cut.lead, entries[0][5])
        table = {
            "p": entries,
            "own": own_ranges(track, cut),
            "lead": cut.start - cut.lead,
            "skip": cut.skip - cut.lead,
            "first": track.frames_before[cut.start],
            "rank": display_ranks(track, cut.start, cut.stop),
            "span": self._span(cut),
        }
        return Chunk(0, index, track.frame_count(cut.start, cut.stop), pack(table, packets))

    def _span(self, cut: Cut) -> list[int] | None:
        """From when until when the chunk's frames are shown; None where the source has no complete times."""
        track = self._scan.track
        if track.times is None:
            return None
        first, after = track.frames_before[cut.start], track.frames_before[cut.stop]
        return [track.times[first], track.times[after] if after < len(track.times) else self._scan.end]


def own_ranges(track: SourceTrack, cut: Cut) -> list[list[int]]:
    """The packets of a chunk whose frames it emits, as ranges counted from the chunk's first packet."""
    ranges: list[list[int]] = []
    for index in range(cut.start, cut.stop):
        if not track.shown[index]:
            continue
        at = index - cut.lead
        if ranges and ranges[-1][1] == at:
            ranges[-1][1] = at + 1
        else:
            ranges.append([at, at + 1])
    return ranges


def lasting_side_data(found: Scan, index: int, own: list[list[Any]] | None) -> list[list[Any]] | None:
    """Side data of packet `index`, with the newest of each lasting kind from before it where it has none itself."""
    newest = {one.kind: one.data for one in found.lasting if one.index < index}
    newest |= dict(own or [])
    return [[kind, data] for kind, data in newest.items()] or None


def _fraction(value: Fraction | None) -> list[int] | None:
    return None if value is None else [value.numerator, value.denominator]


def _shown_aspect(found: Scan) -> Fraction | None:
    aspect = found.sample_aspect
    return 1 / aspect if aspect and found.orientation.transpose else aspect


def _process(found: Scan, decoder: dict[str, Any], context_frames: int) -> dict[str, Any]:
    width, height = found.orientation.size(found.decoder["width"], found.decoder["height"])
    return decoder | {
        "time_base": _fraction(found.time_base),
        "rate": _fraction(found.rate),
        "first_pts": found.first_pts,
        "context_frames": context_frames,
        "stages": True,
        "orientation": found.orientation.to_wire(),
        "display_width": width,
        "display_height": height,
        "sample_aspect": _fraction(_shown_aspect(found)),
    }


def _splice(found: Scan) -> dict[str, Any]:
    track = found.track
    width, height = found.orientation.size(found.decoder["width"], found.decoder["height"])
    return {
        "container": found.container,
        "time_base": _fraction(found.time_base),
        "rate": _fraction(found.rate),
        "width": width,
        "height": height,
        "sample_aspect": _fraction(_shown_aspect(found)),
        "colour": {
            "range": found.decoder["color_range"],
            "primaries": found.decoder["color_primaries"],
            "transfer": found.decoder["color_trc"],
            "matrix": found.decoder["colorspace"],
        },
        "frame_count": track.frames_before[-1],
        "pts_complete": track.times is not None,
        "first_pts": found.first_pts,
        "last_end": found.last_end,
        "metadata": found.metadata,
        "chapters": found.chapters,
        "stream": {
            "language": found.language,
            "disposition": found.disposition,
            "metadata": found.stream_metadata,
        },
        "passthrough": found.passthrough,
    }


def _facts(found: Scan, cuts: tuple[Cut, ...]) -> dict[str, Any]:
    decoder, track = found.decoder, found.track
    frame_count = track.frames_before[-1]
    lead_in_frames, lead_in_bytes = lead_in_cost(track, cuts)
    return {
        "container": found.container,
        "codec": decoder["codec"],
        "profile": found.profile,
        "pix_fmt": decoder["pix_fmt"],
        "width": decoder["width"],
        "height": decoder["height"],
        "sample_aspect": str(found.sample_aspect) if found.sample_aspect else None,
        "orientation": found.orientation.describe(),
        "rate": str(found.rate),
        "frame_count": frame_count,
        "duration_s": found.duration_s if found.duration_s is not None else float(frame_count / found.rate),
        "keyframe_count": found.key_count,
        "bit_rate": found.bit_rate,
        "streams": found.streams,
        "chunk_count": len(cuts),
        "lead_in_frames": lead_in_frames,
        "lead_in_bytes": lead_in_bytes,
        "lead_in_share": round(lead_in_frames / frame_count, 4),
        "damaged": found.damaged,
        "lossless_reencode": None,
        "warnings": found.warnings,
        "metadata": found.description,
    }
