"""What is said of sources before they are sent: once each, and at the end of a batch of how many it was true."""

from __future__ import annotations

from collections import Counter
from typing import Final

from moviola.media.preflight import Preflight
from moviola.session.units import counted
from moviola.session.views import Display

MAX_REMARKS: Final = 1_000
"""Different remarks that are counted in one batch: each is a line that somebody reads. Those beyond are told and not
counted."""


class Remarks:
    """Tell what of each source is not kept, each sentence at the first source that it is true of."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._sources: Counter[str] = Counter()  # by remark

    def tell(self, name: str, told: Preflight) -> None:
        """Say what is not kept of a source of this name."""
        for remark in told.remarks():
            if remark not in self._sources:
                self._display.remark(f"{name}: {remark}")
            if remark in self._sources or len(self._sources) < MAX_REMARKS:
                self._sources[remark] += 1

    def end(self) -> None:
        """Say each remark that was true of several sources once more, with how many. Call it after the last source."""
        for remark, count in self._sources.items():
            if count > 1:
                self._display.remark(f"{remark} (the same for {counted(count, 'source')})")
