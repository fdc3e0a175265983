"""Which container an output gets: the first of its codec's that harms least what the source has beside the video."""

from __future__ import annotations

from collections.abc import Iterable

from moviola.media.annotations import SUFFIX
from moviola.media.material import NO_VIDEO, Encoder, Source, header
from moviola.media.video.codecs import codec_of
from moviola.media.video.containers import CONTAINERS, HARM, Container, Way
from moviola.media.video.headers import VideoSplice
from moviola.media.video.writing.rehearsal import rehearsal


def container_of(source: VideoSplice, encoder: Encoder) -> Container:
    """Return the container of an output of this source: the one that was asked for, or else the one that harms it
    least, the first of equals. Raise ValueError for one that does not hold the codec."""
    names = codec_of(encoder).containers
    if not encoder.container:
        return _kindest(source, names)
    if encoder.container not in names:
        raise ValueError(f"no output of {encoder.codec} can be in {encoder.container!r}, only in {', '.join(names)}")
    return CONTAINERS[encoder.container]


def ending(source: Source, encoder: Encoder) -> str:
    """Return `extension` of an output of this source."""
    return extension(header(VideoSplice, source.splice), encoder)


def others(chosen: Container, encoder: Encoder) -> list[Container]:
    """Return the other containers that hold the codec."""
    return [CONTAINERS[name] for name in codec_of(encoder).containers if name != chosen.format]


def _kindest(source: VideoSplice, names: Iterable[str]) -> Container:
    """Return the container that harms least. Streams that are left out count before those that are decoded or
    simplified, and these before tags and flags. Behind a container that keeps all, no further one is tried."""
    harms: dict[str, tuple[int, int, int]] = {}
    for name in names:
        tried = rehearsal(CONTAINERS[name], source)
        lost = [HARM[way] for way in tried.ways.values()]
        harms[name] = lost.count(HARM[Way.LEFT_OUT]), lost.count(HARM[Way.DECODED]), len(tried.changes)
        if tried.keeps_all:
            break
    return CONTAINERS[min(harms, key=harms.__getitem__)]


def extension(source: VideoSplice, encoder: Encoder) -> str:
    """Return the file name extension, with its dot, of an output of this source; without a video that of its
    annotations."""
    if encoder.codec == NO_VIDEO:
        return SUFFIX
    return container_of(source, encoder).extension
