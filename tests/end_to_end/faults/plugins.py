"""Filters as users might write them, that misbehave on one frame. `python -m worker --plugins` loads this file."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from moviola.filters.base import Filter, parameter
from moviola.filters.picture import Picture

MAX_FRAME = 10**9
PACE_S = 0.05


@dataclass(frozen=True)
class _OnOneFrame(Filter):
    """The picture as it is; something happens on one frame."""

    frame: int = parameter(0, minimum=0, maximum=MAX_FRAME, help="on which")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        if picture.index == self.frame:
            self.misbehave()
        return picture

    def misbehave(self) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Raises(_OnOneFrame):
    name: ClassVar[str] = "raises"
    summary: ClassVar[str] = "raises on one frame"

    def misbehave(self) -> None:
        raise ValueError(f"frame {self.frame} is not to my taste")


@dataclass(frozen=True)
class Aborts(_OnOneFrame):
    name: ClassVar[str] = "aborts"
    summary: ClassVar[str] = "takes its process down on one frame"

    def misbehave(self) -> None:
        os.abort()


@dataclass(frozen=True)
class Hangs(_OnOneFrame):
    name: ClassVar[str] = "hangs"
    summary: ClassVar[str] = "never ends on one frame"

    def misbehave(self) -> None:
        threading.Event().wait()


@dataclass(frozen=True)
class Paced(Filter):
    """For tests that must know that a job is not over, where a worker that makes no progress would be given up: each
    frame takes a while until somebody makes the file."""

    name: ClassVar[str] = "paced"
    summary: ClassVar[str] = "takes its time on each frame until a file is there"
    path: str = parameter("", help="the file")

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        if not Path(self.path).exists():
            threading.Event().wait(PACE_S)
        return picture


@dataclass(frozen=True)
class Gate(_OnOneFrame):
    """For tests that must know where a worker is: it stays at the gate until somebody makes the file."""

    name: ClassVar[str] = "gate"
    summary: ClassVar[str] = "waits on one frame until a file is there"
    path: str = parameter("", help="the file")

    def misbehave(self) -> None:
        pause = threading.Event()
        while not Path(self.path).exists():
            pause.wait(0.01)


@dataclass(frozen=True)
class Turnstile(_OnOneFrame):
    """For tests that must know which workers are at work: each task says in the folder that it has come, and goes on
    when somebody has made its pass."""

    name: ClassVar[str] = "turnstile"
    summary: ClassVar[str] = "waits on one frame until a pass for this very task is there"
    folder: str = parameter("", help="where tasks say that they have come, and find their passes")

    def misbehave(self) -> None:
        ticket = Path(self.folder) / f"{os.getpid()}-{time.monotonic_ns()}.waits"
        ticket.touch()
        pause = threading.Event()
        while not ticket.with_suffix(".pass").exists():
            pause.wait(0.01)
