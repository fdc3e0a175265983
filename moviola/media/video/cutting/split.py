"""A video file as a Source and chunks of packets; nothing is decoded but the first frame.

What travels in a Source beside facts stands in moviola/media/video/headers.py.
Facts are for people and for the metrics; `facts_of` lists them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Any

import av

from moviola.base.hashes import xxh3_of
from moviola.base.texts import encodable
from moviola.media.bundle import pack
from moviola.media.fidelity import Fate, bounded, sentences
from moviola.media.material import Chunk, Cutting, Facts, Material, Source
from moviola.media.video import KIND
from moviola.media.video.bundle import (
    DAMAGED,
    DISCARD,
    KEY,
    SECOND_FIELD,
    ChunkTable,
    PacketEntry,
    Range,
    SideData,
    Span,
)
from moviola.media.video.cutting.cut import Cut, SourceTrack, display_ranks
from moviola.media.video.cutting.lossless import LosslessSplitter
from moviola.media.video.cutting.plan import plan, preroll_cost
from moviola.media.video.filtering.damage import recovery_points
from moviola.media.video.headers import REORDERED, DecoderParameters, StreamTags, VideoProcess, VideoSplice
from moviola.media.video.reading.opening import opened
from moviola.media.video.reading.passthrough import Carrier, packet_entry
from moviola.media.video.reading.scan import scan
from moviola.media.video.reading.scanned import Scan, packets_as_scanned


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
        found.decoder.width,
        found.decoder.height,
        chunk_frames=chunk_frames,
        context_frames=context_frames,
    )
    facts = facts_of(found, chosen.cuts)
    decoder, chunks = found.decoder, Splitter(found, chosen.cuts).chunks()
    if chosen.refusal:
        splitter = LosslessSplitter(found, chunk_frames, context_frames)
        decoder, chunks = splitter.decoder, splitter.chunks()
        facts |= splitter.facts(chosen.refusal)
    return source_of(found, decoder, facts, xxh3_of(path), context_frames), chunks


def source_of(found: Scan, decoder: DecoderParameters, facts: Facts, fingerprint: str, context_frames: int) -> Source:
    """Return what travels of a video before its first chunk; `decoder` decodes its chunks."""
    return Source(
        kind=KIND.name,
        name=encodable(found.path.name),
        fingerprint=fingerprint,
        facts=facts,
        process=_process(found, decoder, context_frames).to_wire(),
        splice=_splice(found).to_wire(),
        stream_count=1 + len(found.passthrough),
    )


class Splitter:
    """Reads a scanned file again and hands out its chunks."""

    def __init__(self, found: Scan, cuts: tuple[Cut, ...]) -> None:
        self._scan = found
        self._cuts = cuts
        self._window: deque[tuple[PacketEntry, bytes]] = deque()
        self._window_start = 0

    def chunks(self) -> Iterator[Chunk]:
        """Yield the video's chunks as soon as their last packet is read, and the other streams' between them.

        At most the packets from the next chunk's preroll on are held.
        """
        found = self._scan
        next_cut = packet_index = 0
        with opened(found.path) as (container, stream):
            carrier = Carrier(container, found.passthrough_numbers)
            yield from carrier.attachments()
            for packet in packets_as_scanned(found, container, [stream, *carrier.streams]):
                if packet.stream_index != stream.index:
                    yield from carrier.add(packet)
                    continue
                self._keep(packet)
                packet_index += 1
                if next_cut < len(self._cuts) and packet_index == self._cuts[next_cut].stop:
                    chunk = self._video_chunk(next_cut)
                    next_cut += 1
                    self._forget(next_cut)  # before it is sent: only one of both is held then
                    yield chunk
                    del chunk
        yield from carrier.rest()

    def _keep(self, packet: av.Packet[Any]) -> None:
        entry = packet_entry(packet)
        index = self._window_start + len(self._window)
        if index in self._scan.damaged_packets:
            entry = entry._replace(flags=entry.flags | DAMAGED)
        if self._scan.track.second[index]:
            entry = entry._replace(flags=entry.flags | SECOND_FIELD)
        elif entry.size and not self._scan.track.shown[index]:
            entry = entry._replace(flags=entry.flags | DISCARD)
        self._window.append((entry, bytes(packet)))

    def _forget(self, next_cut: int) -> None:
        if next_cut < len(self._cuts):
            while self._window_start < self._cuts[next_cut].preroll and self._window:
                self._window.popleft()
                self._window_start += 1

    def _video_chunk(self, index: int) -> Chunk:
        cut, track = self._cuts[index], self._scan.track
        held = [self._window[at - self._window_start] for at in range(cut.preroll, cut.stop)]
        entries = [entry for entry, _ in held]
        packets = [data for _, data in held]
        if cut.preroll > 0:
            packets[0] = self._scan.encoder_notes + packets[0]
            side_data = lasting_side_data(self._scan, cut.preroll, entries[0].side_data)
            entries[0] = entries[0]._replace(size=len(packets[0]), side_data=side_data)
        keys = (bool(entry.flags & KEY) for entry in entries)
        table = ChunkTable(
            p=entries,
            own=own_ranges(track, cut),
            preroll=cut.start - cut.preroll,
            skip=cut.skip - cut.preroll,
            first=track.frames_before[cut.start],
            rank=display_ranks(track, cut.start, cut.stop),
            span=self._span(cut),
            recovery=recovery_points(zip(track.access[cut.preroll : cut.stop], keys, strict=True)),
        )
        return Chunk(0, index, track.frame_count(cut.start, cut.stop), pack(table.to_wire(), packets))

    def _span(self, cut: Cut) -> Span | None:
        """Return from when until when the chunk's frames are shown; None where the source has no complete times."""
        track = self._scan.track
        if track.times is None:
            return None
        first, after = track.frames_before[cut.start], track.frames_before[cut.stop]
        return Span(track.times[first], track.times[after] if after < len(track.times) else self._scan.end)


def own_ranges(track: SourceTrack, cut: Cut) -> list[Range]:
    """Return the packets of a chunk whose frames it emits, as ranges counted from the chunk's first packet."""
    ranges: list[Range] = []
    for index in range(cut.start, cut.stop):
        if not track.shown[index]:
            continue
        at = index - cut.preroll
        if ranges and ranges[-1].stop == at:
            ranges[-1] = Range(ranges[-1].start, at + 1)
        else:
            ranges.append(Range(at, at + 1))
    return ranges


def lasting_side_data(found: Scan, index: int, own: list[SideData] | None) -> list[SideData] | None:
    """Return the side data of packet `index`, with the newest of each lasting kind from before it where it has none
    itself."""
    newest = {one.kind: one.data for one in found.lasting if one.index < index}
    newest |= dict(own or [])
    return [SideData(kind, data) for kind, data in newest.items()] or None


def _shown_aspect(found: Scan) -> Fraction | None:
    aspect = found.sample_aspect
    return 1 / aspect if aspect and found.orientation.transpose else aspect


def _process(found: Scan, decoder: DecoderParameters, context_frames: int) -> VideoProcess:
    width, height = found.orientation.size(found.decoder.width, found.decoder.height)
    return VideoProcess(
        **{each.name: getattr(decoder, each.name) for each in fields(DecoderParameters)},
        time_base=found.time_base,
        rate=found.rate,
        first_pts=found.first_pts,
        context_frames=context_frames,
        stages=True,
        orientation=found.orientation,
        display_width=width,
        display_height=height,
        sample_aspect=_shown_aspect(found),
        fields=found.fields,
        mastering=found.mastering,
        light=found.light,
        chroma_location=found.chroma_location,
    )


def _splice(found: Scan) -> VideoSplice:
    track, decoder = found.track, found.decoder
    width, height = found.orientation.size(decoder.width, decoder.height)
    return VideoSplice(
        container=found.container,
        time_base=found.time_base,
        rate=found.rate,
        width=width,
        height=height,
        sample_aspect=_shown_aspect(found),
        colour={
            "range": decoder.color_range,
            "primaries": decoder.color_primaries,
            "transfer": decoder.color_trc,
            "matrix": decoder.colorspace,
        },
        frame_count=track.frames_before[-1],
        pts_complete=track.times is not None,
        time_step=gcd(*(track.times or ())),
        first_pts=found.first_pts,
        last_end=found.last_end,
        timeline=found.timeline.stretches(found.stream_index, track.pts),
        metadata=found.metadata,
        chapters=found.chapters,
        stream=StreamTags(found.language, found.disposition, found.stream_metadata),
        passthrough=found.passthrough,
        longest_span=_longest_span(found),
        cropping=None if found.cropping is None else found.cropping.turned(found.orientation),
    )


def _longest_span(found: Scan) -> int:
    """Return `VideoSplice.longest_span`."""
    if not found.track.known_times:
        return 0
    times = [*found.track.known_times, found.end]
    later = [*times[REORDERED:], *times[-1:] * REORDERED]
    return max(after - before for before, after in zip(times, later, strict=False))


def facts_of(found: Scan, cuts: tuple[Cut, ...]) -> Facts:
    """Return what people and the metrics are told of a video."""
    decoder, track = found.decoder, found.track
    frame_count = track.frames_before[-1]
    preroll_frames, preroll_bytes = preroll_cost(track, cuts)
    return {
        "container": found.container,
        "codec": decoder.codec,
        "profile": found.profile,
        "pix_fmt": decoder.pix_fmt,
        "width": decoder.width,
        "height": decoder.height,
        "sample_aspect": str(found.sample_aspect) if found.sample_aspect else None,
        "orientation": found.orientation.describe(),
        "rate": str(found.rate),
        "frame_count": frame_count,
        "duration_s": found.duration_s if found.duration_s is not None else float(frame_count / found.rate),
        "keyframe_count": found.key_count,
        "bit_rate": found.bit_rate,
        "streams": found.streams,
        "chunk_count": len(cuts),
        "chunk_frames": max(track.frame_count(each.start, each.stop) for each in cuts),
        "hidden_frames": sum(size > 0 for size in track.size) - frame_count - sum(track.second),
        "preroll_frames": preroll_frames,
        "preroll_bytes": preroll_bytes,
        "preroll_share": round(preroll_frames / frame_count, 4),
        "damaged": any(each.fate is Fate.LOST for each in found.damage),
        "damage": list(sentences(each for each in found.damage if each.fate is Fate.LOST)),
        "lossless_reencode": None,
        "findings": [each.to_wire() for each in bounded([*found.damage, *found.findings])],
        "metadata": found.description,
    }
