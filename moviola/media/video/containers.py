"""The containers that outputs can get: one record each, which has all that the program knows of it.

Importing this module loads no FFmpeg. Which codecs a container holds is in the codecs' records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import lcm
from typing import Final

from moviola.media.video.grid import MAX_TIMESCALE


class Way(Enum):
    """How a stream that is not filtered gets into a container, the least harm first."""

    UNTOUCHED = "untouched"
    REPACKED = "repacked"  # one frame a packet, where the source has several
    CONVERTED = "converted"  # text subtitles in another notation
    SIMPLIFIED = "simplified"  # text subtitles in one that has no place for all that they tell
    DECODED = "decoded"  # sound without loss of what its decoder gives
    LEFT_OUT = "left out"


HARM: Final = {
    Way.UNTOUCHED: 0,
    Way.REPACKED: 0,
    Way.CONVERTED: 0,
    Way.SIMPLIFIED: 1,
    Way.DECODED: 1,
    Way.LEFT_OUT: 2,
}
"""How much of a stream is lost; neither other packets nor another notation of plain texts lose anything."""

CONVERSIONS: Final = (Way.CONVERTED, Way.SIMPLIFIED)
"""What is done is the same; what is lost is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """All that the program knows of a container.

    Attributes:
        format: the name of FFmpeg's muxer.
        extension: of file names, with its dot.
        aliases: other extensions that mean this container.
        noun: what people call such a file, with its article.
        converted_subtitles: text formats that it takes by conversion: codec → (codec there, bit-stream filter).
        options: the muxer's options, for video in such ticks a second beside sound of these sample rates.
        resolution: of its times, in seconds; None where it has that of the source.
        has_edits: an edit list says that sound before zero is not heard; else the stream's CodecDelay does.
        keeps_aspect: it tells the pixel aspect, whatever the codec's own headers do.
        decoded: how sound is stored that it does not take as it is: a codec without loss and its sample format, by the
            sample format of the decoder; "" for any other.
        keeps_new_headers: those that come beside a packet, as where a sound changes its channels midway.
        avoided: codecs that FFmpeg writes into it in a form that many players do not know, by their names' beginnings.
        is_boxes: it consists of boxes, whose index is put to the front when it is finished
            (moviola/media/video/mov_boxes.py).
        holds_files: attachments, such as fonts, and cover pictures of any format; else covers in
            moviola.media.video.writing.mov_tags.COVERS alone.
    """

    format: str
    extension: str
    noun: str
    converted_subtitles: Mapping[str, tuple[str, str]]
    options: Callable[[int, Iterable[int]], Mapping[str, str]]
    aliases: tuple[str, ...] = ()
    resolution: Fraction | None = None
    has_edits: bool = True
    keeps_aspect: bool = True
    decoded: Mapping[str, tuple[str, str]]
    keeps_new_headers: bool = False
    avoided: tuple[str, ...] = ()
    is_boxes: bool = False
    holds_files: bool = False

    def avoids(self, codec: str) -> bool:
        """Return True for a codec that many players do not know in this container."""
        return codec.startswith(self.avoided)

    def decoded_as(self, sample_format: str) -> tuple[str, str]:
        """Return the codec and sample format that keep what a decoder of this sample format gives."""
        return self.decoded.get(sample_format, self.decoded[""])


def _mov_options(ticks: int, sample_rates: Iterable[int]) -> dict[str, str]:
    """Return options with which the starts of all tracks are exact, as far as 31 bits allow."""
    scale = ticks
    for rate in sample_rates:
        if lcm(scale, rate) <= MAX_TIMESCALE:
            scale = lcm(scale, rate)
    return {
        "video_track_timescale": str(ticks),
        "movie_timescale": str(scale),
        "strict": "experimental",  # TrueHD
    }


def _matroska_options(_ticks: int, _sample_rates: Iterable[int]) -> dict[str, str]:
    return {"avoid_negative_ts": "disabled", "cues_to_front": "1"}


_SUBRIP = ("mov_text", "text2movsub")
_TO_MOV_TEXT = {"subrip": _SUBRIP, "srt": _SUBRIP, "text": _SUBRIP}

_PCM = {"": ("pcm_s16le", "s16"), "s32": ("pcm_s32le", "s32"), "flt": ("pcm_f32le", "flt"), "dbl": ("pcm_f32le", "flt")}
_ALAC = {"": ("alac", "s16p"), "s32": ("alac", "s32p"), "flt": ("alac", "s32p"), "dbl": ("alac", "s32p")}
"""ALAC has 24 bits at most, and is what MP4 players know of sound without loss."""

MP4: Final = Container(
    format="mp4",
    extension=".mp4",
    aliases=(".m4v",),
    noun="an MP4",
    converted_subtitles=_TO_MOV_TEXT,
    options=_mov_options,
    decoded=_ALAC,
    keeps_new_headers=True,
    avoided=("pcm_s16", "pcm_s24", "pcm_s32", "pcm_f"),  # as ISO/IEC 23003-5 has it, which older players take for noise
    is_boxes=True,
)
MOV: Final = Container(
    format="mov",
    extension=".mov",
    aliases=(".qt",),
    noun="a QuickTime",
    converted_subtitles=_TO_MOV_TEXT,
    options=_mov_options,
    decoded=_PCM,
    keeps_new_headers=True,
    is_boxes=True,
)
MKV: Final = Container(
    format="matroska",
    extension=".mkv",
    noun="a Matroska",
    converted_subtitles={"mov_text": ("subrip", "mov2textsub")},
    options=_matroska_options,
    resolution=Fraction(1, 1000),
    has_edits=False,
    keeps_aspect=False,
    decoded=_PCM,
    holds_files=True,
)

CONTAINERS: Final[Mapping[str, Container]] = {each.format: each for each in (MP4, MOV, MKV)}
"""By the name of FFmpeg's muxer."""

BY_EXTENSION: Final[Mapping[str, Container]] = {
    extension: each for each in CONTAINERS.values() for extension in (each.extension, *each.aliases)
}
"""By each extension that means it, in lower case."""

UNSUITED: Final[Mapping[str, str]] = {
    ".webm": "a WebM holds VP8, VP9 or AV1 video only, and none of these is written here",
    ".avi": "an AVI cannot tell when each frame is shown",
    ".gif": "a GIF holds 256 colours and no sound",
    ".ts": "an MPEG transport stream has no exact times",
    ".m2ts": "an MPEG transport stream has no exact times",
    ".mpg": "an MPEG program stream holds MPEG-1 and MPEG-2 video only",
    ".mpeg": "an MPEG program stream holds MPEG-1 and MPEG-2 video only",
    ".flv": "a Flash video has times of whole milliseconds and one sound",
    ".wmv": "a Windows Media file holds other codecs",
    ".ogv": "an Ogg holds Theora video only",
}
"""Why no output gets a container that people may name, by its extension."""
