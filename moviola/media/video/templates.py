"""Templates of streams that are not filtered: files in memory that came over the network, opened as nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

import av
from av.container import InputContainer
from av.stream import Stream

from moviola.media.errors import SpliceError

TEMPLATE_FORMATS: Final = ("matroska", "mov", "nut", "mpegts", "avi")
"""Tried in this order; the first that gives a stream's parameters back unchanged is taken. None of them refers to
other files."""

CARRIED: Final = ("audio", "subtitle")

NO_PROTOCOLS: Final = {"protocol_whitelist": "none"}
"""A demuxer that would open a file or a socket of its own is refused it; in memory nothing forbids that by itself."""

FILE_ONLY: Final = {"protocol_whitelist": "file"}
"""The same for a file on the disk, which is opened by a protocol itself."""


def open_template(form: str, template: bytes) -> InputContainer:
    """Return a template opened in its format, which is never guessed: a text would be taken for a playlist.

    Raise SpliceError when it is none of ours, or no file of its format.
    """
    if form not in TEMPLATE_FORMATS:
        raise SpliceError(f"a stream's template has the format {form!r:.40}, which is none of those that are opened")
    try:
        return av.open(BytesIO(template), "r", format=form, options=dict(NO_PROTOCOLS))
    except (av.FFmpegError, ValueError) as error:
        raise SpliceError(f"a stream's template is no {form} file: {getattr(error, 'strerror', error)}") from None


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
