"""One mode of a comparison, as the comparing process sees it: starts the mode's process, has it do rounds, and
measures them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from moviola.base import processes
from moviola.base.vocabulary import Verb
from moviola.comparison.messages import Assignment, Failure, Finished, Progress, Ready, Work
from moviola.comparison.meter import Meter
from moviola.comparison.records import Mode, Round
from moviola.comparison.request import Request
from moviola.comparison.whereabouts import Whereabouts
from moviola.session import rpc
from moviola.session.target import Target
from moviola.wire.errors import WireError

PROGRAM: Final = processes.program("moviola.comparison.measured")


class ModeFailed(Exception):
    """Raised if a mode cannot go on, or its result differs; the text is a sentence."""

    def __init__(self, reason: str, *, is_unreachable: bool = False) -> None:
        super().__init__(reason)
        self.is_unreachable = is_unreachable


class Contestant:
    """One mode; `with` starts its process and ends it.

    Args:
        mode: which.
        request: what is compared.
        cluster: where the cluster's programs are, which the mode `distributed` uses.
        deadline: when it has to be over (s, monotonic); None: never.
        program: what its process runs; the descriptor of its end of the pipe is appended.
    """

    def __init__(
        self,
        mode: Mode,
        request: Request,
        cluster: Whereabouts | None = None,
        deadline: float | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.mode, self._request, self._deadline = mode, request, deadline
        self._cluster = cluster if mode is Mode.DISTRIBUTED else None
        self._program = program
        self._job = ""  # in the cluster, until it is forgotten there
        self._pipe: Connection[Any, Any]

    def __enter__(self) -> Self:
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = processes.start(
                [*self._program, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        try:
            self._send(Assignment(self.mode, self._request))
            self._expect(Ready)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Return the ids of the processes on this machine that are measured: the mode's own and the cluster's
        programs."""
        return (self._process.pid, *(self._cluster.process_ids if self._cluster is not None else ()))

    def work(self, number: int, folder: Path) -> Iterator[float | tuple[Round, Finished]]:
        """Do the job once. Yield how far it is, 0 to 1, now and then, and at last what it took and what came of it.

        Raise ModeFailed.
        """
        with Meter(self.process_ids) as meter:
            self._send(Work(folder))
            while isinstance(said := self._heard(), Progress):
                self._job = said.job or self._job
                yield said.share
        finished = self._checked(said, Finished)
        elsewhere = self._cluster.remote if self._cluster is not None else frozenset[str]()
        reported = sum(seconds for name, seconds in finished.busy_s.items() if name in elsewhere)
        usage = meter.usage
        taken = Round(number, finished.seconds, usage.cpu_seconds + reported, usage.peak_memory, usage.other_cores)
        self._forget()
        yield taken, finished

    def _send(self, message: Any) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._died() from error

    def _expect(self, kind: type[Any]) -> None:
        self._checked(self._heard(), kind)

    def _checked(self, said: Any, kind: type[Any]) -> Any:
        if isinstance(said, Failure):
            raise ModeFailed(f"{self.mode}: {said.reason}", is_unreachable=said.is_unreachable)
        assert isinstance(said, kind), f"{self.mode} said {said!r:.200}, not {kind.__name__}"
        return said

    def _heard(self) -> Any:
        """Return what the process says next. Raise ModeFailed where it ends, or where the time is over."""
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        try:
            if not self._pipe.poll(left):
                raise ModeFailed(
                    f"{self.mode}: the comparison exceeded its time limit of {self._request.limit_s:.0f} s; compare a "
                    "smaller source, or ask for fewer rounds"
                )
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error

    def _died(self) -> ModeFailed:
        return ModeFailed(
            f"{self.mode}: its process ended with {processes.how_it_ended(processes.own_end(self._process))}"
        )

    def _end(self) -> None:
        processes.end(self._process)
        with suppress(OSError):
            self._pipe.close()
        self._forget()

    def _forget(self) -> None:
        """Have the cluster forget the last job and its files."""
        job, self._job = self._job, ""
        if job and self._request.target is not None:
            _forget(self._request.target, job)


def _forget(target: Target, job: str) -> None:
    """Cancel a job of a comparison, and forget its files. A cluster that cannot be reached is passed over."""
    for verb in (Verb.CANCEL, Verb.FORGET_FILES):
        with suppress(WireError, TimeoutError):
            rpc.control(target, job, verb)
