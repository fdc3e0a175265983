"""`moviola status` as a full screen: what is told each second is drawn, and keys change what is shown."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import FrameType
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from moviola.base.vocabulary import Topic
from moviola.display.keys import Key, Keyboard
from moviola.display.terminal import Terminal
from moviola.session.following import Following
from moviola.session.target import Target
from moviola.wire.events import Readable
from moviola.wire.loop import Loop

from .status_screen.facts import Facts
from .status_screen.layout import most_scrolled, screen

MAX_ROWS: Final = 200
"""The most jobs, and the most workers, that are asked for: more than the tallest screen shows, and few enough to be
sent each second."""

REDRAWN_S: Final = 1.0
"""The screen is drawn again after so long even if nothing has come, because it shows how old its facts are."""

PAGE: Final = 10
"""Rows of a page."""

_SCROLLS: Final[dict[str, int]] = {Key.UP: -1, Key.DOWN: 1, Key.PAGE_UP: -PAGE, Key.PAGE_DOWN: PAGE, "k": -1, "j": 1}


class LiveStatus:
    """Shows the screen until a person ends it.

    Args:
        stdout: a terminal that can move its cursor.
    """

    def __init__(self, stdout: Terminal, target: Target) -> None:
        self._stdout = stdout
        self._following = Following(target, [Topic.OVERVIEW], limit=MAX_ROWS)
        self._facts = Facts(str(target.address), limit=MAX_ROWS)
        self._is_over = self._is_suspended = False

    def run(self) -> None:
        """Show it until `q` or Ctrl-C.

        Raises:
            Refused: the middleware says no.
            Unreachable: none answered at first.
        """
        try:
            with _signals(self._following.loop, self):
                self._await_first()
                while not self._is_over:
                    self._show_until_suspended()
        finally:
            self._following.close()

    def _await_first(self) -> None:
        """Wait for the first answer before the terminal is switched to the full screen. Raise Unreachable if none
        comes, so that a sentence on the usual screen says why."""
        while self._following.view is None and not self._is_over:
            self._following.turn(time.monotonic() + REDRAWN_S)
            if self._following.away:
                raise self._following.unreachable()
        self._take_view()

    def _show_until_suspended(self) -> None:
        loop = self._following.loop
        with ExitStack() as stack:
            keyboard = stack.enter_context(Keyboard())
            if keyboard.fd is not None:
                loop.watch(keyboard.fd)
                stack.callback(loop.unwatch, keyboard.fd)
            self._facts = replace(self._facts, has_keys=keyboard.fd is not None)
            live = stack.enter_context(Live(console=self._stdout, screen=True, auto_refresh=False))
            while not (self._is_over or self._is_suspended):
                live.update(self._picture(), refresh=True)
                for event in self._following.turn(time.monotonic() + REDRAWN_S):
                    if isinstance(event, Readable):
                        self._take_keys(keyboard, loop)
                self._take_view()
        if self._is_suspended:
            self._is_suspended = False
            os.kill(os.getpid(), signal.SIGSTOP)  # Ctrl-Z; it goes on here with SIGCONT

    def _picture(self) -> Group:
        facts = replace(
            self._facts, age_s=max(0.0, time.monotonic() - self._following.seen_at), away=self._following.away
        )
        lines: Sequence[Text] = screen(facts, self._stdout.width, self._stdout.height)
        return Group(*lines)

    def _take_view(self) -> None:
        view = self._following.view
        if view is not self._facts.view:
            if view is not None and view.overview is not None:
                self._facts.throughput.add(view.overview)
            self._facts = replace(self._facts, view=view)

    def _take_keys(self, keyboard: Keyboard, loop: Loop) -> None:
        pressed = keyboard.pressed()
        if pressed is None:  # the terminal is gone
            self._is_over = True
            return
        for key in pressed:
            self.press(key)

    def press(self, key: str) -> None:
        """Do what a key is for. Unknown keys do nothing."""
        facts = self._facts
        if key in ("q", "Q"):
            self._is_over = True
        elif key == " ":
            self._facts = replace(facts, is_paused=not facts.is_paused)
            self._following.is_paused = not facts.is_paused
        elif key == "s":
            self._facts = replace(facts, order=facts.order.next)
        elif key == Key.HOME:
            self._facts = replace(facts, scrolled=0)
        elif key in _SCROLLS:
            scrolled = min(most_scrolled(facts), max(0, facts.scrolled + _SCROLLS[key]))
            self._facts = replace(facts, scrolled=scrolled)

    def end(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle a signal: give the terminal back, and end."""
        self._is_over = True
        self._following.loop.wake()

    def suspend(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle a signal: give the terminal back, and stop the process until the shell continues it."""
        self._is_suspended = True
        self._following.loop.wake()

    def redraw(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle a signal: draw the screen again, because the terminal has another size."""
        self._following.loop.wake()


@contextmanager
def _signals(loop: Loop, status: LiveStatus) -> Iterator[None]:
    """Let signals end, suspend or redraw the screen during the block; put the old handlers back after it."""
    handlers = {
        signal.SIGINT: status.end, signal.SIGTERM: status.end, signal.SIGHUP: status.end,
        signal.SIGTSTP: status.suspend, signal.SIGWINCH: status.redraw,
    }  # fmt: skip
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
