"""Remote calls: send the middleware one message and return its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from moviola.base.vocabulary import Notice
from moviola.session.target import Target, hello, nobody_answers
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import Lost, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import Control, ControlWorker, Error, Event, Job, Message, Watch, Welcome

TIMEOUT_S: Final = 10.0
"""What a middleware that is there takes far less than."""

T = TypeVar("T")


def job_details(target: Target, job: str, task: int | None = None, *, log: bool = False) -> Job:
    """Return the record of one job, with its details, and with the story of a chunk's tasks, or with `log` the newest
    of what happened to all its tasks. Raises as `call` does."""
    return call(target, Watch(job, chunk=task, log=log), lambda message: message if isinstance(message, Job) else None)


def job_timeline(target: Target, job: str) -> Job:
    """Return the record of one job, with its details, and with who did which of its tasks and when. Raises as `call`
    does."""
    return call(target, Watch(job, timeline=True), with_timeline)


def with_timeline(message: Message) -> Job | None:
    """Return the record of a job with its timeline; None where the message is another, such as of a change."""
    return message if isinstance(message, Job) and message.details.timeline is not None else None


def control(target: Target, job: str, verb: str, priority: int | None = None) -> str:
    """Have the middleware do something with a job. Return what it did, in a sentence. Raises as `call` does.

    Args:
        priority: as in Control.
    """

    return call(target, Control(job, verb, priority), granted)


def control_worker(target: Target, worker: str, verb: str) -> str:
    """Have the middleware do something with a worker. Return what it did, in a sentence. Raises as `call` does."""
    return call(target, ControlWorker(worker, verb), granted)


def granted(message: Message) -> str | None:
    """Return what was done upon a wish, where a message is the answer to one."""
    return message.text if isinstance(message, Event) and message.kind == Notice.WISH_GRANTED else None


def call(target: Target, request: Message, answer: Callable[[Message], T | None]) -> T:
    """Send one message and return the answer to it.

    Args:
        answer: what a message that comes means; None when it is not the answer.

    Raises:
        Unreachable: no middleware took the connection, or it went before it answered.
        Refused: it said no.
        TimeoutError: it was reached, but did not answer.
    """
    loop = Loop("client", secret=target.secret)
    deadline = time.monotonic() + TIMEOUT_S
    link = loop.dial([target.address], hello(target.user), target.family)
    try:
        while time.monotonic() < deadline:
            for event in loop.turn(deadline):
                match event:
                    case Received(message=Welcome()):
                        loop.send(link, request)
                    case Received(message=Error() as error) | Lost(error=Error() as error):
                        raise Refused(error.code, error.text)
                    case Received(message=message) if (found := answer(message)) is not None:
                        return found
                    case Lost(reason=reason):
                        raise Unreachable(nobody_answers(target.address, reason))
            loop.flush()
    finally:
        loop.shut()
    raise TimeoutError(f"The middleware at {target.address} has not answered in {TIMEOUT_S:.0f} s")
