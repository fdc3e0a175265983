"""Jobs on an engine that others run, such as a Ray cluster: the engine by its name, and one job shown and summed up.

What an engine takes is in moviola/engines, which is loaded by name when one is asked for: nothing else needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from moviola.base.invocation import typed
from moviola.base.vocabulary import JobState
from moviola.media.computing import Computing
from moviola.media.local import Kept
from moviola.media.material import Material
from moviola.media.preflight import Preflight
from moviola.session import local
from moviola.session.destination import Place
from moviola.session.order import Order, submission_key
from moviola.session.outcome import Outcome, Status
from moviola.session.target import as_sentence
from moviola.session.views import Display

_HOME: Final = "moviola.engines.jobs"


class EngineJob(Computing, AbstractContextManager["EngineJob"], Protocol):
    """One job on an engine (moviola.engines.jobs.EngineJob)."""

    @property
    def id(self) -> str:
        """What people call it."""
        ...

    @property
    def kept(self) -> int:
        """How many results are stored."""
        ...

    @property
    def in_work(self) -> int:
        """How many tasks are on their way."""
        ...

    @property
    def retries(self) -> int:
        """How many tasks were started again."""
        ...

    def begin(self, key: str) -> Kept:
        """Open what is here of a job under this key."""
        ...

    def while_waiting(self, show: Callable[[], None]) -> None:
        """Have this called after each wait for results, also while none come; what it raises ends the job."""
        ...

    def finished(self) -> None:
        """Its files are there."""
        ...


class Engine(AbstractContextManager["Engine"], Protocol):
    """An engine that is connected to (moviola.engines.jobs.Engines)."""

    def job(
        self, outputs: Sequence[str], assets: Mapping[str, bytes], say: Callable[[str], None], *, fresh: bool
    ) -> EngineJob:
        """Return a job to be done."""
        ...


def connected(where: str, plugins: Sequence[Path], state: Path) -> Engine:
    """Return an engine by its name, with the address that may stand behind it.

    Args:
        plugins: files of filters.
        state: the state folder, where results wait.

    Raises:
        moviola.engines.errors.EngineUnavailable: it cannot be used.
        moviola.filters.registry.PluginError: a file of filters cannot be read.
    """
    return cast(Engine, import_module(_HOME).Engines(where, plugins, state))


def run(
    engine: Engine,
    material: Material,
    order: Order,
    place: Place,
    display: Display,
    *,
    fresh: bool = False,
    tell: Callable[[Preflight], None] = lambda _told: None,
) -> Outcome:
    """Do one material on an engine and write results and metrics.

    Args:
        fresh: do not go on with what an earlier command has left of the same job.
        tell: as of moviola.session.local.run.

    Raises:
        moviola.media.errors.UnreadableSource: before anything is written.
        KeyboardInterrupt: somebody has interrupted it; its text says what is kept.
    """
    outputs = [output.name for output in order.outputs]
    assets = {file.value: file.content for file in order.assets}

    def say(sentence: str) -> None:
        display.remark(as_sentence(f"{material.name}: {sentence}"))

    with engine.job(outputs, assets, say, fresh=fresh) as job:
        way = local.Way(
            job,
            job.id,
            lambda source: job.begin(submission_key(source, order)),
            lambda: (job.in_work, job.retries),
            job.while_waiting,
        )
        try:
            outcome = local.run(material, order, place, display, way, tell)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted; {_kept(job)}") from None
        if outcome.status in (Status.DONE, Status.PARTIAL):
            job.finished()
        elif outcome.state == JobState.FAILED and job.kept:
            outcome = replace(outcome, reason=f"{outcome.reason}; {_kept(job)}")
    return outcome


def _kept(job: EngineJob) -> str:
    if not job.kept:
        return "nothing of it is kept"
    results = "1 result is" if job.kept == 1 else f"{job.kept} results are"
    return f"{results} kept: type it again and {typed('send')} goes on with them, or with --new begins anew"
