"""Ctrl-C and SIGTERM, as a wish rather than as an accident."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `interrupt` the first time; the second time they end the process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(_number: int, _frame: FrameType | None) -> None:
        restore()
        interrupt()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()


def loaded() -> None:
    """A program has been loaded: Ctrl-C raises KeyboardInterrupt again (see client/__init__.py)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
