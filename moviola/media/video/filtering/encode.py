"""How an output's frames are encoded: one way to set an encoder up, for the worker who encodes and for the splicer
who opens the same encoder only for its headers. Equal settings and equal libraries give equal headers.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache

from av import Codec as LibraryCodec
from av.codec import CodecContext
from av.codec.codec import PixFmtLoss, find_best_pix_fmt_of_list
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.stream import VideoStream

from moviola.media.material import Encoder
from moviola.media.video.codecs import CODECS, Codec, FieldMarks, codec_of
from moviola.media.video.fields import CODES
from moviola.media.video.frame_format import BT601, RANGE_FULL, RANGE_LIMITED, ChromaLocation, Colour, FrameFormat

# Rates outside are a container's invention (1 ms ticks taken for frames, a slide show's average). They only set
# the encoder's index time base and its level; the file's times come from the source.
MIN_RATE, MAX_RATE = Fraction(1, 10), Fraction(1000)
RATE_UNKNOWN = Fraction(25)

NO_TRANSPARENCY = "no transparency"
"""What a sentence says of a pixel format that has none, where the source's has some."""


def encodable(frames: FrameFormat, encoder: Encoder) -> tuple[FrameFormat, list[str]]:
    """Return the format nearest to `frames` that the encoder takes, and a sentence for each thing that is lost.

    The source's pixel format is kept wherever the encoder supports it, depth and full range included.
    """
    codec = codec_of(encoder)
    pix_fmt, colour, warnings = _pixel_format(frames, codec)
    width, height = codec.size(frames.width, frames.height, pix_fmt)
    if frames.fields and codec.field_marks is not FieldMarks.CONTAINER:
        height = sum(codec.size(width, lines, pix_fmt)[1] for lines in ((height + 1) // 2, height // 2))
    if (width, height) != (frames.width, frames.height):
        warnings.append(
            f"{codec.name} cannot hold {frames.width}x{frames.height} in {pix_fmt}: the last row or column is "
            f"repeated, giving {width}x{height}"
        )
    aspect = frames.pixel_aspect
    if codec.max_aspect and aspect and max(aspect.numerator, aspect.denominator) > codec.max_aspect:
        warnings.append(f"{codec.name} rounds the pixel aspect {aspect} to {codec.max_aspect.bit_length()} bits")
    if aspect is not None and aspect <= 0:
        aspect = None
    place = _chroma_location(frames, pix_fmt)
    if place and not (place in codec.chroma_places and _subsampling(pix_fmt) == (2, 2)):
        place = ChromaLocation.USUAL
        warnings.append(
            f"{codec.name} cannot record that the chroma samples of {pix_fmt} lie at the {frames.chroma_location}"
        )
    chosen = replace(
        frames,
        width=width,
        height=height,
        pix_fmt=pix_fmt,
        rate=codec.rate(_usual_rate(frames.rate)),
        pixel_aspect=aspect,
        colour=colour,
        chroma_location=place,
    )
    return chosen, warnings


def open_encoder(encoder: Encoder, frames: FrameFormat) -> VideoCodecContext:
    """Return an open encoder for frames of exactly this format, with pts 0, 1, 2 … in units of `1 / frames.rate`.

    Raise av.FFmpegError when the library refuses the settings.
    """
    codec = codec_of(encoder)
    context = CodecContext.create(codec.encoder, "w")
    assert isinstance(context, VideoCodecContext)
    _configure(context, codec, encoder, frames)
    context.open()
    return context


def add_encoded_stream(container: OutputContainer, encoder: Encoder, frames: FrameFormat) -> VideoStream:
    """Add a stream to `container` whose headers are those of `open_encoder(encoder, frames)`, and return it."""
    codec = codec_of(encoder)
    stream = container.add_stream(codec.encoder, rate=frames.rate)
    assert isinstance(stream, VideoStream)
    _configure(stream.codec_context, codec, encoder, frames)
    if tag := codec.tags.get(container.format.name):
        stream.codec_context.codec_tag = tag
    return stream


def _configure(context: VideoCodecContext, codec: Codec, encoder: Encoder, frames: FrameFormat) -> None:
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
    if frames.fields:
        context.field_order = CODES[frames.fields]
        if codec.field_marks is not FieldMarks.CONTAINER:
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    context.options = dict(codec.options(encoder, frames))
    if frames.chroma_location:
        context.options["chroma_sample_location"] = frames.chroma_location.value
    if codec.quantiser is not None:
        # With qscale FFmpeg takes each frame's own quality, which PyAV cannot set; the bounds do.
        context.flags |= Flags.qscale
        context.qmin = context.qmax = context.global_quality = codec.quantiser(encoder.crf)


def _chroma_location(frames: FrameFormat, chosen: str) -> ChromaLocation:
    """Return where chroma samples lie once frames have the pixel format `chosen`: where they lay, or, if there are
    more or fewer of them then, at the usual place."""
    return frames.chroma_location if _subsampling(frames.pix_fmt) == _subsampling(chosen) else ChromaLocation.USUAL


def _subsampling(pix_fmt: str) -> tuple[int, int]:
    """Return how many luma samples there are for one of chroma, across and down."""
    form = VideoFormat(pix_fmt, 16, 16)
    if form.is_rgb or len(form.components) < 3:
        return 1, 1
    return 16 // form.chroma_width(), 16 // form.chroma_height()


@cache
def _supported(encoder: str) -> tuple[str, ...]:
    formats = LibraryCodec(encoder, "w").video_formats or ()
    return tuple(each.name for each in formats if not _has_alpha(each) or _opens(encoder, each.name))


def _has_alpha(form: VideoFormat) -> bool:
    return any(each.is_alpha for each in form.components)


def _opens(encoder: str, pix_fmt: str) -> bool:
    """Return whether an encoder really takes a format that it lists: x265 may be built without transparency."""
    context = CodecContext.create(encoder, "w")
    assert isinstance(context, VideoCodecContext)
    context.width = context.height = 64
    context.pix_fmt, context.time_base, context.thread_count = pix_fmt, Fraction(1, 25), 1
    try:
        context.open()
    except FFmpegError:
        return False
    return True


def _pixel_format(frames: FrameFormat, codec: Codec) -> tuple[str, Colour, list[str]]:
    source, colour = frames.pix_fmt, frames.colour
    supported = _supported(codec.encoder)
    if source in supported:
        return source, colour, []
    plain = source.replace("yuvj", "yuv", 1)
    if plain != source and plain in supported and codec.range_is_tag:
        return plain, Colour(RANGE_FULL, colour.primaries, colour.transfer, colour.matrix), []
    has_alpha = source != "pal8" and _has_alpha(VideoFormat(source))
    best, loss = find_best_pix_fmt_of_list(supported, source, has_alpha)
    chosen = best.name if best is not None else "yuv420p"
    lost = _losses(loss) or _gain(source, chosen)
    others = " or ".join(each.name for each in CODECS.values() if source in _supported(each.encoder))
    instead = f"; --codec {others} keeps it" if others else ""
    warnings = [f"{codec.name} cannot hold {source}: converted to {chosen} ({lost}){instead}"] if lost else []
    return chosen, _colour_after(source, chosen, colour), warnings


def _losses(loss: PixFmtLoss) -> str:
    words = {
        PixFmtLoss.RESOLUTION: "less chroma resolution",
        PixFmtLoss.DEPTH: "fewer bits",
        PixFmtLoss.ALPHA: NO_TRANSPARENCY,
        PixFmtLoss.CHROMA: "no colour",
        PixFmtLoss.COLORSPACE: "other colour space or range",
    }
    lost = [word for flag, word in words.items() if loss & flag]
    return ", ".join(lost)


def _gain(source: str, chosen: str) -> str:
    """Return what a conversion makes up where the chosen format has chroma samples that the source has not; else
    nothing."""
    formats = VideoFormat(source), VideoFormat(chosen)
    if any(each.is_rgb or len(each.components) < 3 for each in formats):
        return ""
    return "chroma between its samples is interpolated" if _subsampling(source) != _subsampling(chosen) else ""


def _colour_after(source: str, chosen: str, colour: Colour) -> Colour:
    """Return the colour tags that are true after conversion: range and matrix change if RGB or full range is given
    up."""
    was_rgb, is_rgb = VideoFormat(source).is_rgb, VideoFormat(chosen).is_rgb
    if source.startswith("yuvj"):
        return Colour(RANGE_LIMITED, colour.primaries, colour.transfer, colour.matrix)
    if was_rgb and not is_rgb:
        return Colour(RANGE_LIMITED, colour.primaries, colour.transfer, BT601)
    return colour


def _usual_rate(rate: Fraction) -> Fraction:
    if rate <= 0:
        rate = RATE_UNKNOWN
    return min(MAX_RATE, max(MIN_RATE, rate))
