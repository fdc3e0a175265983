"""One mode of a comparison, in a process of its own, so that none finds the memory and the caches of another.

`python -m moviola.comparison.measured FD` reads an Assignment and then Work from the pipe, does it, tells how far it is
and what came of it, and ends with the pipe. All that comes is pickled by its parent, of the same user and version.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from moviola.base.vocabulary import JobState
from moviola.comparison.messages import Assignment, Failure, Finished, Progress, Ready, Work
from moviola.comparison.records import Mode
from moviola.comparison.request import Request
from moviola.filters.plugin_sources import PluginSources
from moviola.filters.registry import PluginError
from moviola.media.computing import IN_SEQUENCE, Processes, Setup, Threads
from moviola.media.errors import MediaError, UnreadableSource
from moviola.session import local
from moviola.session.destination import Place
from moviola.session.job_settings import JobSettings
from moviola.session.network import Sender
from moviola.session.outcome import Outcome, Status
from moviola.session.preparing import upload_request
from moviola.session.target import Target, as_sentence
from moviola.session.views import JobView

TELL_S: Final = 0.2
"""Seconds between two messages that tell the parent how far a round is."""

Doing = Callable[[Path], Outcome]
"""A function that does the job once, with its files in a folder, and returns how it ended."""


def main(arguments: list[str] | None = None) -> int:
    """Do what comes, and return the exit status."""
    (descriptor,) = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    pipe: Connection[Any, Any] = Connection(int(descriptor))
    with suppress(EOFError, OSError), ExitStack() as stack:  # the parent is gone
        assignment: Assignment = pipe.recv()
        display = _Telling(pipe)
        try:
            doing = prepared(assignment, display, stack)
        except (MediaError, PluginError) as error:
            pipe.send(Failure(str(error)))
            return 1
        pipe.send(Ready())
        while True:
            work: Work = pipe.recv()
            pipe.send(done(doing, work.folder))
    return 0


def prepared(assignment: Assignment, display: _Telling, stack: ExitStack) -> Doing:
    """Return a function that does the job once. What has to end with this process is put into `stack`. Raise
    MediaError, PluginError."""
    request = assignment.request
    PluginSources.read(request.plugins).load()
    material, order = request.material, request.order
    if assignment.mode is Mode.DISTRIBUTED:
        assert request.target is not None
        return _on_cluster(request, request.target, display)
    match assignment.mode:
        case Mode.THREADS:
            computing: Any = stack.enter_context(Threads(request.workers))
        case Mode.PROCESSES:
            setup = Setup(request.plugins, {file.value: file.content for file in order.assets})
            computing = stack.enter_context(Processes(request.workers, setup))
        case _:
            computing = IN_SEQUENCE
    return lambda folder: local.run(material, order, Place(folder), display, local.Way(computing))


def _on_cluster(request: Request, target: Target, display: _Telling) -> Doing:
    settings = JobSettings(new=True)

    def doing(folder: Path) -> Outcome:
        sent = upload_request(request.material, request.order, Place(folder), settings)
        (outcome,) = Sender(target, display).send([sent])
        return outcome

    return doing


def done(doing: Doing, folder: Path) -> Finished | Failure:
    """Do the job once, and return what came of it."""
    started = time.monotonic()
    try:
        outcome = doing(folder)
    except UnreadableSource as error:
        return Failure(str(error))
    seconds = time.monotonic() - started
    if outcome.status not in (Status.DONE, Status.PARTIAL):
        return Failure(as_sentence(outcome.sentence()), outcome.status is Status.UNREACHABLE)
    return finished(outcome, seconds)


def finished(outcome: Outcome, seconds: float) -> Finished:
    """Return what an outcome says, and the metrics that were written with it."""
    metrics = [json.loads(Path(output.metrics_path).read_text(encoding="utf-8")) for output in outcome.outputs]
    busy: dict[str, float] = {}
    for each in metrics:
        for worker in each["workers"]:
            busy[worker["name"]] = busy.get(worker["name"], 0.0) + worker["busy_seconds"]
    is_partial = outcome.state == JobState.PARTIAL
    return Finished(
        seconds=seconds,
        unit=outcome.unit,
        count=max(output.frames_in for output in outcome.outputs),
        chunks=max(each["chunks"]["count"] for each in metrics),
        digests={output.name: output.digest for output in outcome.outputs},
        files={output.name: Path(output.path) for output in outcome.outputs},
        busy_s=busy,
        remarks=[as_sentence(f"In every mode: {outcome.reason}")] if is_partial else [],
    )


class _Telling:
    """A display that tells the parent how far a round is."""

    interval_s = TELL_S

    def __init__(self, pipe: Connection[Any, Any]) -> None:
        self._pipe = pipe
        self._told_at, self._job = float("-inf"), ""

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Tell the parent how far the job is, unless it was told less than TELL_S ago of the same job."""
        for view in views:
            if now - self._told_at >= TELL_S or view.job != self._job:
                self._told_at, self._job = now, view.job
                self._pipe.send(Progress(view.share, view.job))

    def say(self, text: str) -> None:
        """Do nothing: why a round failed is in its outcome."""

    def remark(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


if __name__ == "__main__":
    sys.exit(main())
