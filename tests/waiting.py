"""How tests wait for what must come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""How long a test waits for what must come: many times what a busy machine needs."""

PAUSE_S = 0.02
"""Between two looks at what happens elsewhere: often enough to lose no time, seldom enough to take none from it."""

LONGEST_PAUSE_S = 0.1
"""… when it has been looked for a while: a look at a whole cluster costs what is looked at a hundredth of a second."""


class Pauses:
    """Let other processes and threads go on for a moment; each time a little longer."""

    def __init__(self) -> None:
        self._next_s = PAUSE_S / 4

    def __call__(self) -> None:
        threading.Event().wait(self._next_s)
        self._next_s = min(self._next_s * 1.5, LONGEST_PAUSE_S)


def until(
    condition: Callable[[], T | None],
    what: object,
    timeout_s: float = PATIENCE_S,
    *,
    turn: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Wait until a condition holds, and return its value.

    Args:
        condition: asked before each turn and after the last; it holds when its value is true.
        what: what is waited for, to be read when it does not come; a function is asked for it only then.
        timeout_s: how long, in seconds.
        turn: what moves things on between two looks, as the turn of a loop that only the test drives; by default, time.
        clock: tells the time, in seconds.

    Raises:
        AssertionError: it did not come in time.
    """
    deadline = clock() + timeout_s
    turn = Pauses() if turn is None else turn
    while not (value := condition()):
        assert clock() < deadline, f"waited {timeout_s} s in vain: {what() if callable(what) else what}"
        turn()
    return value
