"""What an output's codec makes of the form of a video's pictures, told before any is encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from moviola.filters import registry
from moviola.filters.assets import AssetError
from moviola.filters.base import UnsuitableSize
from moviola.filters.runner import ChainRunner
from moviola.filters.schema import ParameterError
from moviola.media.fidelity import Fate, Finding
from moviola.media.material import Output
from moviola.media.video.filtering.encode import NO_TRANSPARENCY, encodable
from moviola.media.video.filtering.source_format import colour_after, source_format
from moviola.media.video.frame_format import FrameFormat
from moviola.media.video.headers import VideoProcess


def format_findings(source: VideoProcess, output: Output) -> Iterator[Finding]:
    """Yield what becomes of the pixel format, the size and the pixels' shape, in the words of the worker who does it.

    What filters make that only workers have, or that need a file of theirs, is told by them.
    """
    wanted = _after_filters(source_format(source), output)
    if wanted is not None:
        for sentence in encodable(wanted, output.encoder)[1]:
            codec, _, reason = sentence.partition(" ")
            yield Finding(codec, Fate.LOST if NO_TRANSPARENCY in reason else Fate.CHANGED, reason)


def _after_filters(source: FrameFormat, output: Output) -> FrameFormat | None:
    """Return the format of frames as the encoder gets them; None where that is not known here."""
    if not {step.name for step in output.chain}.issubset(registry.names()):
        return None
    try:
        runner = ChainRunner(registry.make_chain(output.chain))
        width, height = runner.output_size(source.width, source.height)
    except (AssetError, ParameterError, UnsuitableSize):
        return None
    return replace(
        source,
        width=width,
        height=height,
        pixel_aspect=runner.output_pixel_aspect(source.pixel_aspect),
        colour=colour_after(source, (width, height)),
        fields=runner.output_fields(source.fields),
    )
