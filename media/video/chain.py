"""Whether a filter chain goes together with a video, as far as that is known before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable

from filters import registry
from filters.assets import AssetError
from filters.base import UnsuitableSize
from filters.schema import ParameterError
from media.errors import UnreadableSource
from media.material import Output, Source


def check(source: Source, outputs: Iterable[Output]) -> None:
    """Whether the filters take pictures of the size they get; raise UnreadableSource with what is wrong.

    From the first filter on that only workers have, they check it.
    """
    known = registry.names()
    for output in outputs:
        width, height = source.process["display_width"], source.process["display_height"]
        for step in output.chain:
            if step.name not in known:
                break
            try:
                width, height = registry.make(step).output_size(width, height)
            except AssetError:
                break  # it names a file that the workers serve
            except UnsuitableSize as error:
                raise UnreadableSource(source.name, f"{step.name}: {error}", "change the filter chain") from error
            except ParameterError as error:
                raise UnreadableSource(source.name, str(error), "change the filter chain") from error
