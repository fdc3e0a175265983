"""Which container an output gets: the first of its codec's that carries every stream beside the video."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import av

from media.material import Encoder, Source


@dataclass(frozen=True, slots=True)
class Container:
    """A muxer of FFmpeg. `subtitles` are the text formats it takes by conversion: codec → (codec, bit-stream filter).

    `time_step_s` is the grain of its times, 0 where they can be exact.
    """

    format: str
    extension: str
    subtitles: Mapping[str, tuple[str, str]]
    time_step_s: float = 0.0

    def carries(self, codec: str) -> bool:
        """Whether packets of this codec can be stored, by conversion of subtitles if need be."""
        return codec in self.subtitles or _supports(self.format, codec)


_TO_MOV_TEXT = {
    "subrip": ("mov_text", "text2movsub"),
    "srt": ("mov_text", "text2movsub"),
    "text": ("mov_text", "text2movsub"),
}
MP4 = Container("mp4", ".mp4", _TO_MOV_TEXT)
MOV = Container("mov", ".mov", _TO_MOV_TEXT)
MKV = Container("matroska", ".mkv", {"mov_text": ("subrip", "mov2textsub")}, time_step_s=0.001)

# MP4 plays everywhere and keeps times exact; MOV takes telephone and 8-bit sound; Matroska nearly all else.
CONTAINERS = {"h264": (MP4, MOV, MKV), "mpeg4": (MP4, MOV, MKV), "ffv1": (MKV,)}


def container_of(source: Source, encoder: Encoder) -> Container:
    """The container an output of this source gets: the one with the fewest streams left out, the first of equals."""
    codecs = [stream["codec"] for stream in source.splice["passthrough"]]
    return min(CONTAINERS[encoder.codec], key=lambda each: sum(not each.carries(codec) for codec in codecs))


def extension(source: Source, encoder: Encoder) -> str:
    """The file name extension, with its dot, of an output of this source: ``.mp4``, ``.mov`` or ``.mkv``."""
    return container_of(source, encoder).extension


def left_out(source: Source, encoder: Encoder) -> list[dict[str, Any]]:
    """The entries of `source.splice["passthrough"]` that the output cannot hold."""
    chosen = container_of(source, encoder)
    return [stream for stream in source.splice["passthrough"] if not chosen.carries(stream["codec"])]


@cache
def _supports(container_format: str, codec: str) -> bool:
    """FFmpeg's own answer, from its table of codec tags."""
    with av.open(io.BytesIO(), "w", format=container_format) as container:
        try:
            container.add_mux_stream(codec)
        except ValueError:
            return False
    return True
