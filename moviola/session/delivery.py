"""A plan carried out, on a cluster or in this process: each source comes to exactly one outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from moviola.base.vocabulary import JobState
from moviola.engines.errors import EngineUnavailable
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import KINDS, verify
from moviola.media.material import Material
from moviola.media.preflight import Preflight
from moviola.session.faults import contained_of
from moviola.session.job_settings import JobSettings
from moviola.session.network import Sender
from moviola.session.outcome import NOT_SENT, Outcome, Remains, Status
from moviola.session.plan import Plan, refusal, size_of
from moviola.session.preparing import upload_request
from moviola.session.remarks import Remarks
from moviola.session.run import UploadRequest
from moviola.session.target import Target
from moviola.session.units import counted
from moviola.session.views import BatchDisplay

if TYPE_CHECKING:
    from moviola.session.engines import Engine

Doing = Callable[..., Outcome]
"""moviola.session.local.run, or the same of an engine."""


class Delivery:
    """Carry out a plan.

    Args:
        settings: of which priority, new, strict and verify_cuts count here; the plan has the others.
        target: the cluster; None to do it in this process, or on an engine.
        detach: leave each job when all of its source is in the cluster.
        engine: connects to the engine whose nodes compute, where one is asked for.
    """

    def __init__(
        self,
        plan: Plan,
        settings: JobSettings,
        target: Target | None,
        display: BatchDisplay,
        *,
        detach: bool = False,
        engine: Callable[[], Engine] | None = None,
    ) -> None:
        self._plan, self._settings, self._target, self._display = plan, settings, target, display
        self._detach, self._engine = detach, engine
        self._waiting = {material: each for material, each in plan.jobs.items() if each.finished is None}
        self._sender: Sender | None = None
        self._remarks = Remarks(display)
        self._sizes = {material: size_of(material) for material in self._waiting} if plan.count > 1 else {}

    def interrupt(self) -> None:
        """Nobody wants to wait any longer. May be called by a signal handler."""
        if self._sender is None:
            raise KeyboardInterrupt
        self._sender.interrupt()

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what came of each source, as it comes; first of those that need not, or cannot, be sent."""
        self._display.begin(self._plan.count, sum(self._sizes.values()))
        for outcome in self._all():
            self._display.ended(outcome)
            yield outcome
        self._remarks.end()

    def _all(self) -> Iterator[Outcome]:
        yield from map(refusal, self._plan.complaints)
        yield from (each.finished for each in self._plan.jobs.values() if each.finished is not None)
        cause = Status.CANCELLED  # of what is never sent
        for outcome in self._send(self._target) if self._target is not None else self._compute():
            cause = Status.UNREACHABLE if outcome.status is Status.UNREACHABLE else cause
            yield outcome
        for material in self._waiting:
            yield self._of(material, Outcome(material.name, "", cause, NOT_SENT, remains=Remains.NOT_SENT))

    def _send(self, target: Target) -> Iterator[Outcome]:
        if self._waiting:
            self._sender = Sender(target, self._display)
            yield from self._sender.send(self._requests())

    def _requests(self) -> Iterator[UploadRequest | Outcome]:
        for material in list(self._waiting):
            destination = self._waiting.pop(material)
            try:
                request = upload_request(
                    material, destination.order, destination.place, self._settings, detach=self._detach
                )
            except UnreadableSource as complaint:
                yield refusal(complaint, self._size(material))
                continue
            if KINDS[material.kind].tells_count and self._plan.count == 1:
                self._display.remark(f"{material.name}: {counted(request.frames, request.unit)}")
            if request.preflight is not None:
                self._remarks.tell(material.name, request.preflight)
            yield replace(request, path=str(material.path), size=self._size(material))

    def _compute(self) -> Iterator[Outcome]:
        from moviola.session import local  # noqa: PLC0415 - numpy and all that a worker loads, which sending does without

        do: Doing = local.run
        with ExitStack() as stack:
            if self._engine is not None and self._waiting:
                from moviola.session import engines  # noqa: PLC0415 - as above

                try:
                    engine = stack.enter_context(self._engine())
                except EngineUnavailable as error:
                    material = next(iter(self._waiting))
                    del self._waiting[material]
                    yield self._of(material, Outcome(material.name, "", Status.UNREACHABLE, NOT_SENT, str(error)))
                    return
                do = partial(engines.run, engine, fresh=self._settings.new)
            yield from self._each(do)

    def _each(self, do: Doing) -> Iterator[Outcome]:
        """Do one source after another."""
        for material in list(self._waiting):
            destination = self._waiting.pop(material)
            try:
                if self._settings.verify_cuts:
                    with contained_of(material):
                        verify(material, destination.order.cutting)
                tell = partial(self._tell, material)
                outcome = do(material, destination.order, destination.place, self._display, tell=tell)
            except UnreadableSource as complaint:
                yield refusal(complaint, self._size(material))
                continue
            except KeyboardInterrupt as interrupt:
                reason = str(interrupt) or "interrupted, and nothing of it is kept"
                yield self._of(material, Outcome(material.name, "", Status.CANCELLED, JobState.CANCELLED, reason))
                return
            yield self._of(material, outcome)

    def _tell(self, material: Material, told: Preflight) -> None:
        """What is known before a source is done here. Raises NotKept."""
        if self._settings.strict:
            told.check_kept(material.path)
        self._remarks.tell(material.name, told)

    def _of(self, material: Material, outcome: Outcome) -> Outcome:
        return replace(outcome, path=str(material.path), size=self._size(material))

    def _size(self, material: Material) -> int:
        return self._sizes.get(material, 0)
