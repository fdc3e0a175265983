"""How a program waits: for one job, with a bar and a deadline, and for all jobs that it submitted in a `with` block."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from moviola.api.display import ProgressOption, display_for
from moviola.api.errors import Timeout
from moviola.session.views import JobView


class Waited(Protocol):
    """A job that can be waited for."""

    @property
    def is_settled(self) -> bool:
        """True when it need not be waited for any more: it ended well, or `wait` has told how it ended."""

    def wait(self) -> object:
        """Wait until it has ended. Raises what it ended with."""


class Watched(Protocol):
    """A job that is carried on in another thread, as one that waits sees it."""

    @property
    def is_over(self) -> bool:
        """True when nothing more will be known of it."""

    @property
    def view(self) -> JobView | None:
        """How far the job is, as displays take it; None before anything is known."""

    def wait_for_news(self, seen: JobView | None, timeout_s: float | None = None) -> None:
        """Wait until the job is over or its view is another one than `seen`, for at most `timeout_s` seconds."""


_Job = TypeVar("_Job", bound=Waited)


class Submissions(Generic[_Job]):
    """The jobs that were submitted to one object and are to be waited for, oldest first.

    All methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._jobs: list[_Job] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[_Job]:
        with self._lock:
            return iter(list(self._jobs))

    def add(self, job: _Job) -> None:
        """Take note of a job, once, and let go of those that are settled: a program may submit jobs for months."""
        with self._lock:
            self._jobs = [each for each in self._jobs if each is not job and not each.is_settled]
            self._jobs.append(job)


class Block(ABC):
    """An object whose jobs are waited for when its `with` block is left, unless an exception leaves it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self.close()

    def wait(self) -> None:
        """Wait for all jobs that were submitted here. Raises the first failure that nobody has heard of."""
        failure: Exception | None = None
        for job in self._submissions():
            if job.is_settled:
                continue
            try:
                job.wait()
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    @abstractmethod
    def _submissions(self) -> Iterable[Waited]:
        """Return the jobs that were submitted here, oldest first; those that are settled may be left out."""

    @abstractmethod
    def close(self) -> None:
        """Leave at once."""


def changes(watched: Watched) -> Iterator[JobView]:
    """Yield a job's view whenever it is another one than before, until the job is over."""
    seen: JobView | None = None
    while not watched.is_over:
        watched.wait_for_news(seen)
        if watched.view is not None and watched.view != seen:
            seen = watched.view
            yield seen


def wait_until_over(job: object, watched: Watched, timeout: float | None, progress: ProgressOption) -> None:
    """Wait until a job is over, and show meanwhile how far it is.

    Args:
        job: it is named, as `repr` does it, in what is raised.
        watched: what is known of it.
        timeout: in seconds; None waits as long as it takes.
        progress: as in `moviola.process`, but nothing is shown by default.

    Raises:
        Timeout: it goes on.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    display = display_for(progress)
    try:
        while not watched.is_over:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Timeout(f"{job!r} has not ended within {timeout} s; it goes on")
            watched.wait_for_news(watched.view, display.interval_s if left is None else min(display.interval_s, left))
            if watched.view is not None:
                display.show([watched.view], time.monotonic())
    finally:
        display.close()
