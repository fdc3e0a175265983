"""Where a call of the API shows how far it is: nowhere, in a terminal, in a notebook, or to a function."""

from __future__ import annotations

import html
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from moviola.api.progress import Progress
from moviola.session.rates import Rates
from moviola.session.views import Display, JobView

ProgressOption = bool | Callable[[Progress], object] | None
"""True: a bar; False: nothing; a function: it is called; None: a bar where a person looks, nothing elsewhere."""

NOTEBOOK_INTERVAL_S: Final = 0.2
NOTEBOOK_COLUMNS: Final = 100

log = logging.getLogger("moviola")


def display_for(progress: ProgressOption) -> Display:
    """Return what shows a job's progress as it was asked for."""
    if callable(progress):
        return FunctionDisplay(progress)
    if progress is False:
        return SilentDisplay()
    shell = notebook()
    if shell is not None:
        return NotebookDisplay()
    if progress or (sys.stderr is not None and sys.stderr.isatty()):
        from moviola.display import progress as drawn  # noqa: PLC0415 - rich, for those who look
        from moviola.display.terminal import Terminal  # noqa: PLC0415

        return drawn.display_for(Terminal(stderr=True, force_jupyter=False), quiet=False)
    return SilentDisplay()


def notebook() -> Any:
    """Return the notebook that this process computes for; None elsewhere, as in an IPython of a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if shell is not None and "IPKernelApp" in shell.config else None


class SilentDisplay:
    """Shows nothing. What the command would say goes to the log `moviola`."""

    interval_s = 1.0

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """To the log."""
        log.warning("%s", text)

    def remark(self, text: str) -> None:
        """To the log, less loudly."""
        log.info("%s", text)

    def close(self) -> None:
        """Nothing."""


class FunctionDisplay(SilentDisplay):
    """Calls a function with the Progress of each job, again whenever it has changed."""

    interval_s = 0.1

    def __init__(self, function: Callable[[Progress], object]) -> None:
        self._function, self._rates = function, Rates()
        self._last: dict[str, JobView] = {}

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Call the function."""
        rates = self._rates.update(views, now)
        changed = [view for view in views if self._last.get(view.id) != view]
        self._last = {view.id: view for view in views}
        for view in changed:
            self._function(Progress.of(view, rates[view.id]))


class NotebookDisplay(SilentDisplay):
    """A bar for each job below the cell that runs, redrawn in place. It needs IPython, and no widgets."""

    interval_s = NOTEBOOK_INTERVAL_S

    def __init__(self) -> None:
        from moviola.display.bars import live_line  # noqa: PLC0415 - rich, for those who look

        self._line, self._rates = live_line, Rates()
        self._handle: Any = None
        self._shown_at = float("-inf")

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Redraw the bars."""
        if now - self._shown_at < NOTEBOOK_INTERVAL_S:
            return
        self._shown_at = now
        rates = self._rates.update(views, now)
        self._draw("\n".join(self._line(view, rates[view.id], NOTEBOOK_COLUMNS, now).plain for view in views))

    def close(self) -> None:
        """Wipe the bars."""
        if self._handle is not None:
            self._draw("")

    def _draw(self, text: str) -> None:
        shown = {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>" if text else ""}
        if self._handle is None:
            self._handle = sys.modules["IPython"].display.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)
