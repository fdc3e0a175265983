"""Templates of streams that are not filtered: files in memory that came over the network, opened as nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from moviola.media.errors import SpliceError

TEMPLATE_FORMATS: Final = ("matroska", "mov", "nut", "mpegts", "avi")
"""Tried in this order; the first that gives a stream's parameters back unchanged is taken. None of them refers to
other files."""

CARRIED: Final = ("audio", "subtitle", "data")

# What FFmpeg assumes of sound that only says how many channels it has; MP4 wants them named.
_LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

NO_PROTOCOLS: Final = {"protocol_whitelist": "none"}
"""A demuxer that would open a file or a socket of its own is refused it; in memory nothing forbids that by itself."""

FILE_ONLY: Final = {"protocol_whitelist": "file", "pattern_type": "none"}
"""The same for a file on the disk, which is opened by a protocol itself. And its name is no pattern: for a
picture that is called "a%d.png" FFmpeg would read "a1.png"."""


def open_template(form: str, template: bytes) -> InputContainer:
    """Return a template opened in its format, which is never guessed: a text would be taken for a playlist.

    Raise SpliceError when it is none of ours, or no file of its format.
    """
    if form not in TEMPLATE_FORMATS:
        known = ", ".join(TEMPLATE_FORMATS)
        raise SpliceError(f"a stream's template has the format {form!r:.40}; it must have one of {known}")
    try:
        return av.open(BytesIO(template), "r", format=form, options=dict(NO_PROTOCOLS))
    except (av.FFmpegError, ValueError) as error:
        raise SpliceError(f"a stream's template is not a {form} file: {getattr(error, 'strerror', error)}") from None


@contextmanager
def template_stream(form: str, template: bytes) -> Iterator[Stream]:
    """Return the stream that a template of a format describes, as headers.PassthroughStream has them.

    Raise SpliceError when there is none.
    """
    with open_template(form, template) as container:
        if len(container.streams) != 1:
            raise SpliceError(f"a stream's template has {len(container.streams)} streams; it must have one")
        stream = container.streams[0]
        if stream.type not in CARRIED:
            raise SpliceError(f"a stream's template is of type {stream.type}; {' and '.join(CARRIED)} are carried")
        yield stream


def add_untouched(file: OutputContainer, template: Stream) -> Stream:
    """Add a stream to `file` for the packets of `template`, and return it; raise ValueError if the format does not
    know the codec."""
    stream = file.add_stream_from_template(template)
    if isinstance(stream, AudioStream):
        name_channels(stream)
    return stream


def name_channels(stream: AudioStream) -> None:
    """Give the channels of a sound, if they have no names, the usual names for so many."""
    layout = stream.codec_context.layout
    if "channels" in layout.name and layout.nb_channels in _LAYOUTS:
        stream.codec_context.layout = _LAYOUTS[layout.nb_channels]


def header_takes(container_format: str, given: Stream) -> bool:
    """Return True if the muxer writes a header for such a stream. That does not say whether it takes its packets."""
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
