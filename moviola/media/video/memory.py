"""How much memory the pictures of a video take, known before any of it is taken, and what may be taken at most.

Figures are bytes a pixel, measured with clips of 2 to 8 megapixels (tests/media/video/test_memory.py measures again).
"""

from __future__ import annotations

from math import ceil
from typing import Final

from av.video.format import VideoFormat

from moviola.media.errors import TooMuchMemory
from moviola.media.material import NO_VIDEO, Output
from moviola.media.video.codecs import codec_of
from moviola.media.video.headers import DecoderParameters

MAX_PIXELS: Final = 1 << 27
"""In one picture: 134 million, as of images. Twice what the largest formats of cameras have (12K, 80 million)."""

MAX_MEMORY: Final = 12 * 1024**3
"""Bytes that the pictures of one task may take by the estimate: 8K with 10 bits, through HEVC and H.264, takes 9 GiB. A
client refuses more before it sends; a worker may take less (see `set_limit`)."""

OVERHEAD: Final = 192 * 1024**2
"""Bytes of a worker's limit that are not for pictures: libraries, chunks that wait, results on their way."""

_DECODED: Final = {
    "h264": 22,
    "hevc": 22,
    "vvc": 22,
    "vp8": 14,
    "vp9": 14,
    "libvpx": 28,
    "libvpx-vp9": 28,
    "libdav1d": 14,
    "av1": 14,
}
"""Frames that a decoder holds, with its tables: those it may refer to (16 in H.264) and those being put in order."""

_DECODED_OTHERS: Final = 4
_PASSING: Final = 6  # frames on their way: recycled outputs, one being drawn, one being encoded
_FILTERED: Final = 24.0  # bytes a pixel that a filter works with: three channels of float64

_BORDER: Final = 128  # pixels: decoders round sides up to 64, some of them twice

_MORE: Final = "; start workers with a larger --memory-limit, or with fewer processes"

_limit = MAX_MEMORY


def set_limit(bytes_of_process: int) -> None:
    """Bound what this process takes on: its pictures may need what is left of its memory, and never more than
    MAX_MEMORY."""
    global _limit  # noqa: PLW0603 - a setting of the process
    _limit = min(MAX_MEMORY, max(1, bytes_of_process - OVERHEAD))


def estimate(process: DecoderParameters, output: Output, context_frames: int, pixels_out: int) -> int:
    """Return the bytes that a task's pictures take at most.

    Args:
        process: `Source.process`: the size and the format of what is decoded.
        context_frames: earlier frames that the chain looks back at.
        pixels_out: of the largest picture that its filters make.
    """
    pixels = _pixels(process)
    sample = _bytes_a_pixel(process.pix_fmt or "yuv420p")
    held = _DECODED.get(process.codec, _DECODED_OTHERS) + context_frames + _PASSING
    encoded = 0.0 if output.encoder.codec == NO_VIDEO else codec_of(output.encoder).held(output.encoder)
    passing = _PASSING * sample + _FILTERED + encoded * sample / _bytes_a_pixel("yuv420p")
    return ceil(pixels * held * sample + max(pixels_out, pixels) * passing)


def check(process: DecoderParameters, output: Output, context_frames: int, pixels_out: int) -> int:
    """Return how many pixels a picture of the source may really have, whatever its description says.

    Raise TooMuchMemory where already what is described takes more than there is.
    """
    pixels, needed = _pixels(process), estimate(process, output, context_frames, pixels_out)
    size = f"{process.width}x{process.height}"
    if pixels > MAX_PIXELS:
        raise TooMuchMemory(
            f"its pictures of {size} have {pixels / 1e6:.0f} million pixels, and the limit is {MAX_PIXELS / 1e6:.0f} "
            "million"
        )
    if needed > _limit:
        raise TooMuchMemory(
            f"its pictures of {size} that are held at a time take up to {needed / 2**30:.1f} GiB of memory, and the "
            f"limit here is {_limit / 2**30:.1f} GiB" + (_MORE if _limit < MAX_MEMORY else "")
        )
    return max(_aligned(process), min(MAX_PIXELS, pixels * _limit // needed))


def _pixels(process: DecoderParameters) -> int:
    return max(1, process.width * process.height)


def _aligned(process: DecoderParameters) -> int:
    """Return the pixels of a picture with the borders for which decoders take memory."""
    return (process.width + _BORDER) * (process.height + _BORDER)


def _bytes_a_pixel(pixel_format: str) -> float:
    try:
        return max(1.0, VideoFormat(pixel_format).padded_bits_per_pixel / 8)
    except ValueError:  # of a peer that names none of ours: the widest there is
        return 16.0
