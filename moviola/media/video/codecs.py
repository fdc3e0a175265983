"""The codecs that outputs can be encoded with: one record each, with all that it takes to make and play such outputs.

Importing this module loads no FFmpeg, so that a client can list codecs and check options without it. The functions of
a record that need FFmpeg import it when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Final

from moviola.media.material import Encoder
from moviola.media.video.frame_format import IN_H264, IN_MATROSKA, ChromaLocation, FrameFormat

MAX_CRF: Final = 51
"""The worst quality that can be asked for. The scale is that of H.264: the quantiser's step doubles every 6."""

# Each preset of x264 and x265, from the fastest on, and how many frames x264 holds with it: those it looks ahead,
# B-frames, references, and four more.
_X264_FRAMES: Final = {
    "ultrafast": 5, "superfast": 8, "veryfast": 18, "faster": 29, "fast": 39, "medium": 50, "slow": 62, "slower": 76,
    "veryslow": 88, "placebo": 96,
}  # fmt: skip
_X264_FRAME: Final = 4.2  # bytes a pixel of each: planes, those between pixels, and a small copy

PRESETS: Final = tuple(_X264_FRAMES)
"""From the fastest on; the slower, the smaller the files."""

# What x265 holds with each preset, in bytes a pixel; measured with 100 frames of 1.5 megapixels, and a tenth more.
_X265_HELD: Final = {
    "ultrafast": 85.0, "superfast": 110.0, "veryfast": 150.0, "faster": 150.0, "fast": 150.0, "medium": 175.0,
    "slow": 200.0, "slower": 340.0, "veryslow": 340.0, "placebo": 500.0,
}  # fmt: skip

# x265 refuses sides that are shorter than its smallest coding tree unit.
_X265_SIDE_MIN: Final = 16

# RFC 9043 4.9: slices side by side and below each other; four let four threads decode, fewer suit more sizes.
_FFV1_SLICES: Final = (4, 6, 9, 1, 2)

# ISO/IEC 14496-2, vop_time_increment_resolution: 16 bits.
_MAX_MPEG4_TICKS: Final = 65535
# ISO/IEC 14496-2, par_width and par_height: 8 bits.
_MAX_MPEG4_ASPECT: Final = 255


def _any_size(width: int, height: int, _pix_fmt: str) -> tuple[int, int]:
    return width, height


def _any_rate(rate: Fraction) -> Fraction:
    """Return the nearest rate whose parts FFmpeg's 32-bit fractions have room for."""
    return rate.limit_denominator(2**20)


class FieldMarks(Enum):
    """What tells that frames are interlaced, and in which order of fields."""

    FRAME = "each frame by itself"
    STREAM = "all frames, which are marked alike"
    CONTAINER = "the container alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """All that it takes to make and play outputs of a codec.

    Attributes:
        name: what users and messages call it.
        aliases: other names that users may give.
        encoder: the name of FFmpeg's encoder. It lists the pixel formats that it takes.
        containers: by name (moviola/media/video/containers.py), the containers that hold it, the preferred one first.
        options: the encoder's options, as FFmpeg names them, for such frames. With these and one thread, equal frames
            must give equal packets in every process, every packet of one chunk must decode after any other chunk, and
            all chunks must have equal headers.
        quantiser: for an encoder without a CRF, the constant quantiser of the same step; None for all others.
        size: (width, height, pixel format) → the smallest size (width, height), not below the given one, that the
            encoder takes.
        rate: frames/s → the nearest rate that the encoder takes.
        range_is_tag: full-range frames have a plain pixel format ("yuv420p") and a tag, and not one of FFmpeg's own
            formats for them ("yuvj420p").
        max_aspect: the largest number in a pixel aspect, where larger ones are rounded.
        chroma_places: where chroma samples of 4:2:0 may lie so that the codec, or the container for it, tells it.
        keeps_aspect: the codec's own headers tell the pixel aspect, whatever the container does.
        codes_hdr: it codes what HDR10 tells of a video (moviola/media/video/mastering.py).
        field_marks: what tells that frames are interlaced, and in which order.
        reorder_depth: by how many frames the encoder reorders at most, where FFmpeg does not tell it.
        tags: by container, the four characters that name the codec there, where FFmpeg's choice does not suit.
        held: bytes that the encoder holds for each pixel of an 8-bit 4:2:0 frame.
        bare_format: the name of FFmpeg's demuxer of its bare packets, by which results are played in an MP4 while a job
            runs; "" for a codec that cannot be played so.
        has_start_codes: its encoder writes start codes where an MP4 has lengths (ISO/IEC 14496-15).
        in_browsers: a sentence for who wants to watch it in a browser, with the way out; "" where every browser plays
            it.
        presets: those that it knows, from the fastest on; none where it has only one speed.
    """

    name: str
    encoder: str
    containers: tuple[str, ...]
    options: Callable[[Encoder, FrameFormat], Mapping[str, str]]
    held: Callable[[Encoder], float]
    aliases: tuple[str, ...] = ()
    quantiser: Callable[[int], int] | None = None
    size: Callable[[int, int, str], tuple[int, int]] = _any_size
    rate: Callable[[Fraction], Fraction] = _any_rate
    range_is_tag: bool = False
    max_aspect: int | None = None
    keeps_aspect: bool = True
    chroma_places: frozenset[ChromaLocation] = IN_H264
    codes_hdr: bool = False
    field_marks: FieldMarks = FieldMarks.FRAME
    reorder_depth: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    bare_format: str = ""
    has_start_codes: bool = False
    in_browsers: str = ""
    presets: tuple[str, ...] = ()


def mpeg4_quantiser(crf: int) -> int:
    """Return the MPEG-4 quantiser (1 to 31) whose step equals that of H.264 at QP `crf`.

    H.264's step is 1 at QP 4 and doubles every 6; MPEG-4's, with H.263 quantisation, is twice its quantiser.
    """
    return min(31, max(1, round(2 ** ((crf - 4) / 6) / 2)))


def _mpeg4_rate(rate: Fraction) -> Fraction:
    return 1 / (1 / rate).limit_denominator(_MAX_MPEG4_TICKS)


def _x264_options(encoder: Encoder, frames: FrameFormat) -> dict[str, str]:
    """Return x264's options, among them one that keeps it from its AVX-512 code. The macroblock tree of that code
    takes in memory that nobody wrote where a row of macroblocks is no multiple of 8: of ten equal encodings at 480x360
    seven differed, with AVX2 none. At 720p neither is the faster. AVX2 is named only where the machine has it, because
    x264 believes what it is told."""
    from moviola.media.fingerprint import cpu_class  # noqa: PLC0415 - loads FFmpeg

    steady = ["asm=AVX2"] if cpu_class().endswith("-avx512bw") else []
    parameters = ":".join([*steady, *_hdr_options(frames, "mastering-display", "cll")])
    more = {"x264-params": parameters} if parameters else {}
    return {"crf": str(encoder.crf), "preset": encoder.preset, **more}


def _hdr_options(frames: FrameFormat, display: str, light: str) -> list[str]:
    """Return the parameters that tell an encoder HDR10; `display` and `light` are its names for the two parts of
    that."""
    told = [f"{display}={frames.mastering.coded()}"] if frames.mastering else []
    return [*told, f"{light}={frames.light.maximum},{frames.light.average}"] if frames.light else told


def _x264_held(encoder: Encoder) -> float:
    return _X264_FRAMES.get(encoder.preset, max(_X264_FRAMES.values())) * _X264_FRAME


def _x265_options(encoder: Encoder, frames: FrameFormat) -> dict[str, str]:
    """Return x265's options. They pin all that x265 would choose by the machine's cores, keep groups of pictures
    closed, and leave out the SEI in which it tells its settings."""
    steady = "pools=none:frame-threads=1:wpp=0:open-gop=0:info=0:log-level=none"
    parameters = ":".join([steady, *_hdr_options(frames, "master-display", "max-cll")])
    return {"crf": str(encoder.crf), "preset": encoder.preset, "x265-params": parameters}


def _x265_size(width: int, height: int, pix_fmt: str) -> tuple[int, int]:
    return _whole_chroma(max(width, _X265_SIDE_MIN), max(height, _X265_SIDE_MIN), pix_fmt)


def _x265_held(encoder: Encoder) -> float:
    return _X265_HELD.get(encoder.preset, max(_X265_HELD.values()))


def _ffv1_options(_encoder: Encoder, frames: FrameFormat) -> dict[str, str]:
    slices = _ffv1_slices(frames.width, frames.height, frames.pix_fmt) or _FFV1_SLICES[0]
    return {"level": "3", "slices": str(slices), "slicecrc": "1", "g": "1"}


def _ffv1_size(width: int, height: int, pix_fmt: str) -> tuple[int, int]:
    return (width, height) if _ffv1_slices(width, height, pix_fmt) else _whole_chroma(width, height, pix_fmt)


def _whole_chroma(width: int, height: int, pix_fmt: str) -> tuple[int, int]:
    """Return the size rounded up to whole chroma samples."""
    from av.video.format import VideoFormat  # noqa: PLC0415 - see the module's docstring

    chosen = VideoFormat(pix_fmt, 64, 64)
    across, down = 64 // chosen.chroma_width(64), 64 // chosen.chroma_height(64)
    return -(-width // across) * across, -(-height // down) * down


@lru_cache(maxsize=64)
def _ffv1_slices(width: int, height: int, pix_fmt: str) -> int:
    """Return into how many slices FFV1 cuts such frames; 0 when into none of _FFV1_SLICES.

    Its slices end between chroma samples, and FFmpeg's encoder refuses numbers for which they do not.
    """
    from av.codec import CodecContext  # noqa: PLC0415 - see the module's docstring
    from av.error import FFmpegError  # noqa: PLC0415
    from av.video.codeccontext import VideoCodecContext  # noqa: PLC0415

    for count in _FFV1_SLICES:
        context = CodecContext.create("ffv1", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, pix_fmt
        context.time_base = Fraction(1, 25)
        context.options = {"level": "3", "slices": str(count)}
        try:
            context.open()
        except FFmpegError:
            continue
        return count
    return 0


_ALL_PLAY: Final = ("mp4", "mov", "matroska")
"""MP4 plays everywhere and keeps times exact; MOV takes telephone and 8-bit sound; Matroska all kinds of subtitles."""

_AS_H264: Final = "sent again with codec=h264 it plays everywhere"

H264: Final = Codec(
    name="h264",
    encoder="libx264",
    containers=_ALL_PLAY,
    options=_x264_options,
    size=_whole_chroma,
    codes_hdr=True,
    field_marks=FieldMarks.STREAM,
    bare_format="h264",
    has_start_codes=True,
    presets=PRESETS,
    held=_x264_held,
)
HEVC: Final = Codec(
    name="hevc",
    aliases=("h265",),
    encoder="libx265",
    containers=_ALL_PLAY,
    options=_x265_options,
    size=_x265_size,
    codes_hdr=True,
    field_marks=FieldMarks.CONTAINER,
    reorder_depth=2,
    tags={"mp4": "hvc1", "mov": "hvc1"},
    bare_format="hevc",
    has_start_codes=True,
    in_browsers=f"Only some browsers play HEVC; {_AS_H264}",
    presets=PRESETS,
    held=_x265_held,
)
MPEG4: Final = Codec(
    name="mpeg4",
    aliases=("mp4v",),
    encoder="mpeg4",
    containers=_ALL_PLAY,
    options=lambda _encoder, _frames: {},
    quantiser=mpeg4_quantiser,
    rate=_mpeg4_rate,
    max_aspect=_MAX_MPEG4_ASPECT,
    chroma_places=frozenset(),
    bare_format="m4v",
    in_browsers=f"No browser plays MPEG-4 part 2, though other players do; {_AS_H264}",
    held=lambda _encoder: 6.0,
)
FFV1: Final = Codec(
    name="ffv1",
    encoder="ffv1",
    containers=("matroska",),
    options=_ffv1_options,
    size=_ffv1_size,
    range_is_tag=True,
    keeps_aspect=False,
    chroma_places=IN_MATROSKA,
    in_browsers="An MP4 cannot hold ffv1, and no browser plays it: get the finished file, or send the source again "
    "with codec=h264",
    held=lambda _encoder: 32.0,
)

CODECS: Final[Mapping[str, Codec]] = {each.name: each for each in (H264, HEVC, MPEG4, FFV1)}
"""By name. To add a codec is to add its record here; CONTRIBUTING.md tells how."""

NAMES: Final[Mapping[str, str]] = {
    **{name: name for name in CODECS},
    **{alias: each.name for each in CODECS.values() for alias in each.aliases},
}
"""All names that users may give, and the codec's name for each."""


def codec_of(encoder: Encoder) -> Codec:
    """Return the record of an encoder's codec. Raise ValueError when there is none of that name."""
    try:
        return CODECS[encoder.codec]
    except KeyError:
        raise ValueError(f"there is no codec {encoder.codec!r}, only {', '.join(CODECS)}") from None
