"""The first chunks of a video file that still comes: cut as all of it will be, as far as its beginning tells.

Two readers go through the file, each waiting for what has not come yet. One looks at packets, as
moviola/media/video/reading/scan.py does. The other follows with the chunks that are settled by then, so that neither
holds more than a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from moviola.media.growing import GrowingFile
from moviola.media.material import Chunk, Cutting, Material, Source
from moviola.media.video.cutting.cut import Cut
from moviola.media.video.cutting.plan import settled
from moviola.media.video.cutting.split import Splitter, facts_of, source_of
from moviola.media.video.reading.opening import first_frame, opened, packets_of
from moviola.media.video.reading.scan import Scanner
from moviola.media.video.reading.scanned import FirstFrame, Scan

FIRST_LOOK = 16
"""Packets that are read before the first look whether any chunk is settled."""

LOOK_AGAIN = 1.25
"""By what factor the packets grow from one look to the next, so that all looks together cost only some times the
last."""


def front(material: Material, growing: GrowingFile, cutting: Cutting) -> tuple[Source, Iterator[Chunk]] | None:
    """Return what the beginning of a video tells of it, and the chunks that are settled by that, as they come.

    None where the whole file came before anything was settled. Once the whole file is there, no more chunks are settled
    here. Streams that are not filtered have no chunks here.
    """
    looks = _looks(growing, cutting)
    first = next(looks, None)
    if first is None:
        return None
    found, cuts = first
    source = source_of(found, found.decoder, facts_of(found, cuts), "", cutting.context_frames)
    return source, _FrontSplitter(found, cuts, growing, looks).chunks()


def _looks(growing: GrowingFile, cutting: Cutting) -> Iterator[tuple[Scan, tuple[Cut, ...]]]:
    """Yield what is known whenever more chunks are settled: the scan so far, and the cuts of these chunks."""
    first = FirstFrame.of(first_frame(growing))
    count = 0
    with opened(growing) as (container, stream):
        scanner = Scanner(growing.path, container, stream, first)
        next_look = FIRST_LOOK
        for packets in scanner.packets():
            if growing.is_whole:
                return
            if packets < next_look or not scanner.knows_streams:
                continue
            next_look = round(packets * LOOK_AGAIN)
            found = scanner.found()
            if not cutting.passthrough:
                found = replace(found, passthrough=[], passthrough_numbers={})
            cuts = settled(
                found.track,
                found.decoder.width,
                found.decoder.height,
                chunk_frames=cutting.chunk_frames,
                context_frames=cutting.context_frames,
            )
            if len(cuts) > count:
                count = len(cuts)
                yield found, cuts


class _FrontSplitter(Splitter):
    """Reads behind the scan that still goes on, and hands out the video's chunks that are settled."""

    def __init__(
        self,
        found: Scan,
        cuts: tuple[Cut, ...],
        growing: GrowingFile,
        looks: Iterator[tuple[Scan, tuple[Cut, ...]]],
    ) -> None:
        super().__init__(found, cuts)
        self._growing, self._looks = growing, looks

    def chunks(self) -> Iterator[Chunk]:
        """Yield chunks until no more are settled; the iterator waits for the file."""
        next_cut = packet_count = 0
        with opened(self._growing) as (container, stream):
            for packet in packets_of(container, [stream]):
                self._keep(self._scan.timeline.move(packet, packet_count))
                packet_count += 1
                if packet_count < self._cuts[next_cut].stop:
                    continue
                chunk = self._video_chunk(next_cut)
                next_cut += 1
                self._forget(next_cut)
                yield chunk
                del chunk
                if next_cut == len(self._cuts):
                    if not self._look():
                        return
                    self._forget(next_cut)

    def _look(self) -> bool:
        """Have the scan go on until more chunks are settled; return whether there are any."""
        look = next(self._looks, None)
        if look is not None:
            self._scan, self._cuts = look
        return look is not None
