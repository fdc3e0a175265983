"""A view of the cluster that is drawn anew as it changes, until somebody ends it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from rich.live import Live
from rich.text import Text

from moviola.base.vocabulary import Topic
from moviola.display.terminal import Terminal
from moviola.session.cluster_view import ClusterView
from moviola.session.following import INTERVAL_S, follow
from moviola.session.target import Target
from moviola.wire.errors import Unreachable

Show = Callable[[Terminal, ClusterView], None]


def keep_showing(stdout: Terminal, target: Target, topics: Sequence[Topic], show: Show) -> None:
    """Draw the view each second until Ctrl-C. If `stdout` is no terminal, each view is printed below the one before.

    A middleware that goes away is called until it is back; a terminal shows a note meanwhile. Raises Unreachable if no
    middleware answers at first.
    """
    views = follow(target, topics, INTERVAL_S)
    try:
        first = next(views)
        if isinstance(first, Unreachable):
            raise first
        if not stdout.is_terminal:
            show(stdout, first)
            for view in views:
                if isinstance(view, ClusterView):
                    show(stdout, view)
            return
        with Live(console=stdout, screen=True, auto_refresh=False) as live:
            last = _drawn(stdout, show, first)
            live.update(last, refresh=True)
            for view in views:
                if isinstance(view, Unreachable):
                    note = Text(f"{view} — trying again", style="red")
                    live.update(Text.assemble(note, "\n", last), refresh=True)
                else:
                    last = _drawn(stdout, show, view)
                    live.update(last, refresh=True)
    except KeyboardInterrupt:
        return
    finally:
        views.close()


def _drawn(stdout: Terminal, show: Show, view: ClusterView) -> Text:
    """Return what `show` prints, cut to the lines that the terminal has."""
    canvas = Terminal(
        file=io.StringIO(), force_terminal=True, width=stdout.width, height=stdout.height, color_system="truecolor"
    )
    show(canvas, view)
    assert isinstance(canvas.file, io.StringIO)
    lines = canvas.file.getvalue().splitlines()
    kept = lines[: stdout.height - 1]
    if len(kept) < len(lines):
        kept[-1:] = [f"… {len(lines) - len(kept) + 1} more lines"]
    return Text.from_ansi("\n".join(kept))
