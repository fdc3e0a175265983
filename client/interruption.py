"""Handles Ctrl-C and SIGTERM as a request to stop in good order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """During the block, have the first Ctrl-C or SIGTERM call `interrupt`; a second one does what it did before the
    block, such as end the process."""
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
