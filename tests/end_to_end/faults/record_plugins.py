"""A record filter as users might write it, that holds a job open. `python -m worker --plugins` loads this file."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from moviola.filters.base import parameter
from moviola.filters.records import Record, RecordFilter


@dataclass(frozen=True)
class Turnstile(RecordFilter):
    """For tests that must know that a job is not over: it stays at one movie until somebody makes the file."""

    name: ClassVar[str] = "turnstile"
    summary: ClassVar[str] = "waits at one movie until a file is there"
    tables: ClassVar[tuple[str, ...]] = ("movies",)
    movie: str = parameter("", help="its title")
    path: str = parameter("", help="the file")

    def keeps(self, record: Record) -> bool:
        pause = threading.Event()
        while record["title"] == self.movie and not Path(self.path).exists():
            pause.wait(0.01)
        return True
