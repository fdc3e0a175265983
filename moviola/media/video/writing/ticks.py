"""How fine the times in a file are: as the source's, or coarser where a file of boxes could not tell a long pause.

FFmpeg's muxer of MP4 and QuickTime counts from one packet to the next, and from when a picture is decoded until it is
shown, with 31 bits. A packet behind a longer pause it puts one tick behind the one before.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from moviola.media.material import Output
from moviola.media.video.containers import Container
from moviola.media.video.grid import grid_of
from moviola.media.video.headers import REORDERED, VideoSplice

MAX_SPAN: Final = 2**31 - 2
"""Ticks that FFmpeg's muxer counts at most."""


def exact_base(source: VideoSplice, output: Output) -> Fraction:
    """Return the unit, in seconds, in which the times of an output's frames are whole numbers."""
    grid = grid_of(output, source)
    return source.time_base if grid is None else grid.time_base


def base_in(container: Container, source: VideoSplice, output: Output) -> Fraction:
    """Return the unit, in seconds, of the times that a container is given of an output's frames."""
    base, grid = exact_base(source, output), grid_of(output, source)
    step_s = base
    if grid is not None:
        span_s = REORDERED / grid.rate
    elif source.longest_span:
        span_s, step_s = source.longest_span * base, (source.time_base * source.time_step) or base
    else:
        span_s = REORDERED / source.rate
    if not container.is_boxes or span_s * base.denominator <= MAX_SPAN:
        return base
    return Fraction(1, fitting(step_s.denominator, span_s))


def resolution(container: Container, source: VideoSplice, output: Output) -> Fraction | None:
    """Return of what, in seconds, all times in a file are multiples; None where it tells each as it is."""
    base = base_in(container, source, output)
    return container.resolution if base == exact_base(source, output) else base


def fitting(ticks: int, span_s: Fraction) -> int:
    """Return how many ticks a second are few enough for so long a span: all, or a round part of them."""
    while ticks > 1 and span_s * ticks > MAX_SPAN:
        ticks //= next((each for each in (10, 2, 3, 5) if ticks % each == 0), 2)
    return ticks
