"""Whether a filter chain goes together with a video, as far as that is known before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from moviola.filters import registry
from moviola.filters.assets import AssetError
from moviola.filters.base import UnsuitableSize
from moviola.filters.schema import ParameterError
from moviola.media.errors import TooMuchMemory, UnreadableSource
from moviola.media.material import Output, Source, header
from moviola.media.video import memory
from moviola.media.video.headers import VideoProcess


def check(source: Source, outputs: Iterable[Output]) -> None:
    """Raise UnreadableSource if a filter does not take pictures of the size that it gets, or if the pictures that are
    held at a time do not fit into the memory of a worker.

    Filters are checked here up to the first one that only workers have, or can run; the workers check the rest.
    """
    process = header(VideoProcess, source.process)
    for output in outputs:
        largest = max(width * height for width, height in _sizes(source.name, process, output))
        try:
            memory.check(process, output, process.context_frames, largest)
        except TooMuchMemory as error:
            hint = "make the video smaller before you send it, or choose another --codec or --preset"
            raise UnreadableSource(source.name, str(error), hint) from error


def _sizes(name: str, process: VideoProcess, output: Output) -> Iterator[tuple[int, int]]:
    """Yield the source's width and height, and those of what each filter makes, as far as they are known here."""
    known = registry.runnable()
    width, height = process.display_width, process.display_height
    yield width, height
    for step in output.chain:
        if step.name not in known:
            return
        try:
            width, height = registry.make(step).output_size(width, height)
        except AssetError:
            return  # it names a file that the workers serve
        except UnsuitableSize as error:
            raise UnreadableSource(name, f"{step.name}: {error}", "change the filter chain") from error
        except ParameterError as error:
            raise UnreadableSource(name, str(error), "change the filter chain") from error
        yield width, height
