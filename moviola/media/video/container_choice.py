"""Which container an output gets: the first of its codec's that carries every stream beside the video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from io import BytesIO
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from moviola.media.annotations import SUFFIX
from moviola.media.material import NO_VIDEO, Encoder, Source, header
from moviola.media.video.codecs import codec_of
from moviola.media.video.containers import CONTAINERS, Container
from moviola.media.video.headers import PassthroughStream, VideoSplice
from moviola.media.video.templates import template_stream

# What FFmpeg assumes of sound that only says how many channels it has; MP4 wants them named.
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
# The answers for a job's streams, which several outputs and both sides of it ask for.
_MAX_ANSWERS = 64


class Way(Enum):
    """How a stream that is not filtered gets into a container."""

    UNTOUCHED = "untouched"
    CONVERTED = "converted"  # text subtitles in another notation
    DECODED = "decoded"  # sound as PCM, where no container that suits the video takes it as it is
    LEFT_OUT = "left out"


_HARM: Final = {Way.UNTOUCHED: 0, Way.CONVERTED: 0, Way.DECODED: 1, Way.LEFT_OUT: 2}
"""How much of a stream is lost; a conversion of text subtitles loses nothing."""


def way_into(container: Container, stream: PassthroughStream) -> Way:
    """Return how a stream gets into a container."""
    if stream.codec in container.subtitles:
        return Way.CONVERTED
    form, template = stream.template_format, stream.template
    if _takes(container.format, form, template):
        return Way.UNTOUCHED
    return Way.DECODED if _decodable(form, template) else Way.LEFT_OUT


def container_of(streams: Sequence[PassthroughStream], encoder: Encoder) -> Container:
    """Return the container of an output whose source has these other streams: the one that was asked for, or else the
    one that changes the fewest of them, the first of equals. Raise ValueError for one that does not hold the codec."""
    names = codec_of(encoder).containers
    if not encoder.container:
        return _kindest(streams, names)
    if encoder.container not in names:
        raise ValueError(f"no output of {encoder.codec} can be in {encoder.container!r}, only in {', '.join(names)}")
    return CONTAINERS[encoder.container]


def ending(source: Source, encoder: Encoder) -> str:
    """Return `extension` of an output of this source."""
    return extension(header(VideoSplice, source.splice).passthrough, encoder)


def kinder(chosen: Container, stream: PassthroughStream, encoder: Encoder) -> list[Container]:
    """Return the containers of the same codec that harm a stream less than `chosen` does."""
    others = [CONTAINERS[name] for name in codec_of(encoder).containers if name != chosen.format]
    harm = _HARM[way_into(chosen, stream)]
    return [each for each in others if _HARM[way_into(each, stream)] < harm]


def _kindest(streams: Sequence[PassthroughStream], names: Iterable[str]) -> Container:
    def harm(container: Container) -> tuple[int, int]:
        ways = [way_into(container, stream) for stream in streams]
        return ways.count(Way.LEFT_OUT), ways.count(Way.DECODED)

    return min((CONTAINERS[name] for name in names), key=harm)


def extension(streams: Sequence[PassthroughStream], encoder: Encoder) -> str:
    """The file name extension, with its dot, of such an output; without a video that of its annotations."""
    if encoder.codec == NO_VIDEO:
        return SUFFIX
    return container_of(streams, encoder).extension


def add_untouched(file: OutputContainer, template: Stream) -> Stream:
    """A stream of `file` for the packets of `template`; raise ValueError where the format does not know the codec."""
    stream = file.add_stream_from_template(template)
    if isinstance(stream, AudioStream):
        name_channels(stream)
    return stream


def name_channels(stream: AudioStream) -> None:
    """Give sound of so many unnamed channels their usual names."""
    layout = stream.codec_context.layout
    if "channels" in layout.name and layout.nb_channels in _LAYOUTS:
        stream.codec_context.layout = _LAYOUTS[layout.nb_channels]


@lru_cache(_MAX_ANSWERS)
def _takes(container_format: str, form: str, template: bytes) -> bool:
    with template_stream(form, template) as given:
        return takes(container_format, given)


def takes(container_format: str, given: Stream) -> bool:
    """Return True if the muxer writes a header for such a stream: its codec table alone does not tell."""
    file = av.open(BytesIO(), "w", format=container_format, container_options={"strict": "experimental"})
    try:
        add_untouched(file, given)
        file.start_encoding()
        accepts = True
    except (ValueError, av.FFmpegError):
        accepts = False
    try:
        file.close()
    except av.FFmpegError:
        pass  # some headers need a packet to be finished, which says nothing here
    return accepts


@lru_cache(_MAX_ANSWERS)
def _decodable(form: str, template: bytes) -> bool:
    with template_stream(form, template) as given:
        return isinstance(given, AudioStream) and given.codec_context is not None
