"""How an output's frames are encoded: one way to set an encoder up, for the worker who encodes and for the splicer
who opens the same encoder only for its headers. Equal settings and equal libraries give equal headers.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache, lru_cache

from av import Codec
from av.codec import CodecContext
from av.codec.codec import PixFmtLoss, find_best_pix_fmt_of_list
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.stream import VideoStream

from media.fingerprint import cpu_class
from media.material import Encoder
from media.video.frame_format import BT601, RANGE_FULL, RANGE_LIMITED, Colour, FrameFormat

# The encoder that FFmpeg runs for each codec a user can name.
LIBRARY_ENCODERS = {"h264": "libx264", "mpeg4": "mpeg4", "ffv1": "ffv1"}

CRF_MAX = 51
X264_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)

# RFC 9043 4.9: slices side by side and below each other; four let four threads decode, fewer suit more sizes.
FFV1_SLICES = (4, 6, 9, 1, 2)

# Rates outside are a container's invention (1 ms ticks taken for frames, a slide show's average). They only set
# the encoder's index time base and its level; the file's times come from the source.
RATE_MIN, RATE_MAX = Fraction(1, 10), Fraction(1000)
RATE_UNKNOWN = Fraction(25)

# ISO/IEC 14496-2, vop_time_increment_resolution: 16 bits.
MPEG4_TICKS_MAX = 65535
# ISO/IEC 14496-2, par_width and par_height: 8 bits.
MPEG4_ASPECT_MAX = 255


def encodable(frames: FrameFormat, encoder: Encoder) -> tuple[FrameFormat, list[str]]:
    """The format nearest to `frames` that the encoder takes, and a sentence for each thing that is lost.

    The source's pixel format is kept wherever the encoder supports it, depth and full range included.
    """
    pix_fmt, colour, warnings = _pixel_format(frames, encoder.codec)
    width, height = frames.width, frames.height
    if encoder.codec == "h264" or (encoder.codec == "ffv1" and not _slices(width, height, pix_fmt)):
        width, height = _whole_chroma(width, height, pix_fmt)
        if (width, height) != (frames.width, frames.height):
            warnings.append(
                f"{encoder.codec} cannot hold {frames.width}x{frames.height} in {pix_fmt}: the last row or column is "
                f"repeated, giving {width}x{height}"
            )
    aspect = frames.pixel_aspect
    if encoder.codec == "mpeg4" and aspect and max(aspect.numerator, aspect.denominator) > MPEG4_ASPECT_MAX:
        warnings.append(f"mpeg4 rounds the pixel aspect {aspect} to 8 bits")
    if aspect is not None and aspect <= 0:
        aspect = None
    return FrameFormat(width, height, pix_fmt, _rate(frames.rate, encoder.codec), aspect, colour), warnings


def open_encoder(encoder: Encoder, frames: FrameFormat) -> VideoCodecContext:
    """An open encoder for frames of exactly this format, with pts 0, 1, 2 … in units of `1 / frames.rate`.

    Raise av.FFmpegError when the library refuses the settings.
    """
    context = CodecContext.create(LIBRARY_ENCODERS[encoder.codec], "w")
    assert isinstance(context, VideoCodecContext)
    _configure(context, encoder, frames)
    context.open()
    return context


def add_encoded_stream(container: OutputContainer, encoder: Encoder, frames: FrameFormat) -> VideoStream:
    """A stream of `container` whose headers are those of `open_encoder(encoder, frames)`."""
    stream = container.add_stream(LIBRARY_ENCODERS[encoder.codec], rate=frames.rate)
    assert isinstance(stream, VideoStream)
    _configure(stream.codec_context, encoder, frames)
    return stream


def mpeg4_quantiser(crf: int) -> int:
    """The MPEG-4 quantiser (1 to 31) whose step equals that of H.264 at QP `crf`.

    H.264's step is 1 at QP 4 and doubles every 6; MPEG-4's, with H.263 quantisation, is twice its quantiser.
    """
    return min(31, max(1, round(2 ** ((crf - 4) / 6) / 2)))


def _configure(context: VideoCodecContext, encoder: Encoder, frames: FrameFormat) -> None:
    context.width, context.height = frames.width, frames.height
    context.pix_fmt = frames.pix_fmt
    context.time_base = 1 / frames.rate
    context.framerate = frames.rate
    if frames.pixel_aspect is not None:
        context.sample_aspect_ratio = frames.pixel_aspect
    context.color_range = frames.colour.range
    context.color_primaries = frames.colour.primaries
    context.color_trc = frames.colour.transfer
    context.colorspace = frames.colour.matrix
    context.thread_count = 1
    context.flags |= Flags.global_header
    if encoder.codec == "h264":
        context.options = {"crf": str(encoder.crf), "preset": encoder.preset, **_steady_x264()}
    elif encoder.codec == "mpeg4":
        # With qscale FFmpeg takes each frame's own quality, which PyAV cannot set; the bounds do.
        context.flags |= Flags.qscale
        context.qmin = context.qmax = context.global_quality = mpeg4_quantiser(encoder.crf)
    else:
        slices = _slices(frames.width, frames.height, frames.pix_fmt)
        context.options = {"level": "3", "slices": str(slices or FFV1_SLICES[0]), "slicecrc": "1", "g": "1"}


@cache
def _steady_x264() -> dict[str, str]:
    """Keeps x264 from its AVX-512 code, whose macroblock tree takes in memory that nobody wrote where a row of
    macroblocks is no multiple of 8: of ten equal encodings at 480x360 seven differed, with AVX2 none. At 720p neither
    is the faster. It is given the name of what the machine has, for x264 believes what it is told."""
    return {"x264-params": "asm=AVX2"} if cpu_class().endswith("-avx512bw") else {}


@lru_cache(maxsize=64)
def _slices(width: int, height: int, pix_fmt: str) -> int:
    """Into how many slices FFV1 cuts such frames; 0 when into none of FFV1_SLICES.

    Its slices end between chroma samples, and FFmpeg's encoder refuses numbers for which they do not.
    """
    for count in FFV1_SLICES:
        context = CodecContext.create(LIBRARY_ENCODERS["ffv1"], "w")
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


@cache
def _supported(codec: str) -> tuple[str, ...]:
    return tuple(each.name for each in Codec(LIBRARY_ENCODERS[codec], "w").video_formats or ())


def _pixel_format(frames: FrameFormat, codec: str) -> tuple[str, Colour, list[str]]:
    source, colour = frames.pix_fmt, frames.colour
    supported = _supported(codec)
    if source in supported:
        return source, colour, []
    plain = source.replace("yuvj", "yuv", 1)
    if plain != source and plain in supported and codec == "ffv1":
        return plain, Colour(RANGE_FULL, colour.primaries, colour.transfer, colour.matrix), []
    has_alpha = source != "pal8" and any(each.is_alpha for each in VideoFormat(source).components)
    best, loss = find_best_pix_fmt_of_list(supported, source, has_alpha)
    chosen = best.name if best is not None else "yuv420p"
    lost = _losses(source, chosen, loss)
    warnings = [f"{codec} cannot hold {source}: converted to {chosen} ({lost})"] if lost else []
    return chosen, _colour_after(source, chosen, colour), warnings


def _losses(source: str, chosen: str, loss: PixFmtLoss) -> str:
    words = {
        PixFmtLoss.RESOLUTION: "less chroma resolution",
        PixFmtLoss.DEPTH: "fewer bits",
        PixFmtLoss.ALPHA: "no transparency",
        PixFmtLoss.CHROMA: "no colour",
        PixFmtLoss.COLORSPACE: "other colour space or range",
    }
    lost = [word for flag, word in words.items() if loss & flag]
    return ", ".join(lost)


def _colour_after(source: str, chosen: str, colour: Colour) -> Colour:
    """The tags that are true after conversion: range and matrix change when RGB or full range is given up."""
    was_rgb, is_rgb = VideoFormat(source).is_rgb, VideoFormat(chosen).is_rgb
    if source.startswith("yuvj"):
        return Colour(RANGE_LIMITED, colour.primaries, colour.transfer, colour.matrix)
    if was_rgb and not is_rgb:
        return Colour(RANGE_LIMITED, colour.primaries, colour.transfer, BT601)
    return colour


def _whole_chroma(width: int, height: int, pix_fmt: str) -> tuple[int, int]:
    """Rounded up to whole chroma samples: x264 takes no halves, nor does FFV1 at all sizes."""
    chosen = VideoFormat(pix_fmt, 64, 64)
    across, down = 64 // chosen.chroma_width(64), 64 // chosen.chroma_height(64)
    return -(-width // across) * across, -(-height // down) * down


def _rate(rate: Fraction, codec: str) -> Fraction:
    if rate <= 0:
        rate = RATE_UNKNOWN
    rate = min(RATE_MAX, max(RATE_MIN, rate))
    if codec != "mpeg4":
        return rate.limit_denominator(2**20)
    return 1 / (1 / rate).limit_denominator(MPEG4_TICKS_MAX)
