"""An upload that is sent on while it comes: its first chunks are in the cluster before its last byte is here.

Only a few uploads are sent on in this way at a time, and few of one user, because each holds a thread for as long as
its sender takes. All others are received whole first. So are files that cannot be cut before their end, and files that
may continue an unfinished job, because only the whole content tells which job that is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyio import CapacityLimiter, to_thread

from moviola.base.texts import encodable
from moviola.base.vocabulary import Verb
from moviola.filters.chain import ChainError
from moviola.filters.schema import ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.growing import BrokenOff, ComesLast, GrowingFile
from moviola.media.preflight import preflight
from moviola.session.arriving import ArrivingReader
from moviola.session.job_session import FINAL_STATES
from moviola.session.job_settings import JobSettings
from moviola.session.target import Target
from moviola.web.orders import prepare_arriving, settings_from
from moviola.web.places import Places
from moviola.web.problems import Problem, away
from moviola.web.receiving import Upload
from moviola.web.sending import Sending, record_of
from moviola.wire.errors import WireError
from moviola.wire.limits import MIB
from moviola.wire.messages import Job

if TYPE_CHECKING:
    from moviola.web.access import User
    from moviola.web.gateway import Gateway

log = logging.getLogger("web")

MIN_SIZE: Final = 2 * MIB
"""Bytes of an upload that is worth it: what is smaller is here at once."""

MAX_ARRIVING: Final = 4
"""Uploads that are sent on while they come, at a time: each holds a thread, and a window of chunks."""

MAX_OF_USER: Final = 2
"""Of these, those of one user: one slow network does not take the places of all."""

CANCEL_S: Final = 0.5
"""How long a broken upload waits for the cluster to forget its job. If the gateway dies, the cluster forgets the job by
itself after a while."""

WHOLE_FIRST: Final = (Problem, WireError, ChainError, ParameterError, UnreadableSource, ComesLast, OSError, ValueError)
"""Why an upload is received whole first; what is wrong with it is told then."""


@dataclass(slots=True)
class ArrivingPlaces:
    """The uploads of a gateway that are sent on while they come.

    Attributes:
        threads: bounds those that read them.
    """

    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MAX_ARRIVING))
    _taken: Places = field(default_factory=lambda: Places(MAX_ARRIVING, MAX_OF_USER))
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, user: str) -> bool:
        """Take a place for an upload of a user; return False where none is free."""
        return self._taken.take(user)

    def give_back(self, user: str) -> None:
        """Give back the place of an upload that is over."""
        self._taken.give_back(user)
        self._left.set()

    async def wait_until_empty(self) -> None:
        """Wait until no upload is under way any more, for CANCEL_S at most. Called when the gateway ends, which breaks
        uploads off: in this time they have their jobs forgotten."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_S):
                while self._taken.taken:
                    self._left.clear()
                    await self._left.wait()


@dataclass(frozen=True, slots=True)
class Sent:
    """A job that all of an upload is in, and what is lost on its way, in sentences."""

    job: Job
    remarks: list[str]


class ArrivingUpload:
    """Sends an upload on while it comes, in a task of its own.

    Args:
        gateway: of the request.
        user: who sends it.
        upload: its fields.
        growing: its file.
    """

    def __init__(self, gateway: Gateway, user: User, upload: Upload, growing: GrowingFile) -> None:
        self._gateway, self._user, self._upload, self.growing = gateway, user, upload, growing
        self._sending: Sending | None = None
        self._reader: ArrivingReader | None = None
        self._task = asyncio.create_task(self._go())

    async def sent(self) -> Sent | None:
        """Call when the whole body has come. Return the job that the upload has become; None where it could not be sent
        while it came, and is still to be sent as a whole."""
        self.growing.end()
        sent = await self._task
        if sent is None:
            await self._forget_job()
        return sent

    @property
    def remark(self) -> str:
        """A sentence for the sender if chunks were sent already, but the end of the file showed that it is to be cut
        otherwise, so it is sent anew as a whole; else empty."""
        if self._reader is None or not self._reader.is_other:
            return ""
        was = "its end showed that it must be cut in another way than its beginning said, so all of it was sent again"
        return f"{self.growing.path.name}: {was}"

    async def abandon(self) -> None:
        """Stop sending, and have the cluster forget the job: the upload was broken off, or is not wanted."""
        self.growing.break_off()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._forget_job()

    async def _go(self) -> Sent | None:
        gateway, threads = self._gateway, self._gateway.arriving.threads
        try:
            view = await gateway.mirror_of(self._user).current()
            settings, _ = settings_from(self._upload.fields, JobSettings)
            name = encodable(self.growing.path.name)
            mine = (job for job in view.jobs.values() if job.user == self._user.name and job.name == name)
            if not settings.new and any(job.state not in FINAL_STATES for job in mine):
                return None
            known = view.known_filters()
            request, reader = await to_thread.run_sync(
                prepare_arriving, self._upload, self.growing, known, limiter=threads
            )
            self._reader = reader
            target = Target(gateway.target.address, gateway.target.family, gateway.target.secret, self._user.name)
            self._sending = Sending(target, request, gateway.memory)
            run = await self._sending.go(threads)
        except BrokenOff:
            return None
        except WHOLE_FIRST as error:
            log.info("%s is sent as a whole: %s", self.growing.path.name, error)
            return None
        remarks = preflight(reader.source, request.submission.order.outputs).remarks()
        return Sent(record_of(run), [*run.session.remarks, *(f"{request.name}: {each}" for each in remarks)])

    async def _forget_job(self) -> None:
        """Cancel the job that the upload has begun to be, and have it forgotten: nothing will ever complete it."""
        job = "" if self._sending is None else self._sending.job
        if not job:
            return
        try:
            async with asyncio.timeout(CANCEL_S):
                for verb in (Verb.CANCEL, Verb.FORGET):
                    await self._gateway.caller.control(self._user.name, job, verb)
        except (WireError, TimeoutError) as error:
            log.warning("job %s, whose upload is broken, could not be cancelled: %s", job, error)
        self._gateway.mirror_of(self._user).forget(job)


@asynccontextmanager
async def arriving(
    gateway: Gateway, user: User, upload: Upload, path: Path, length: str
) -> AsyncIterator[ArrivingUpload | None]:
    """Give the block what sends an upload on while the block receives it; None where it has to be received whole first.

    Where the block does not come to its end, nothing of the upload stays in the cluster.

    Args:
        gateway: of the request.
        user: who sends it.
        upload: its fields.
        path: of the file that the block writes.
        length: the request's Content-Length.
    """
    is_known = length.isdecimal() and int(length) >= MIN_SIZE and bool(path.suffix)
    if not is_known or not gateway.arriving.take(user.name):
        yield None
        return
    try:
        one = ArrivingUpload(gateway, user, upload, GrowingFile(path, int(length)))
        try:
            yield one
        except asyncio.CancelledError:  # the gateway is stopped
            await one.abandon()
            raise away("This gateway is stopped before all of the upload has come; send it again") from None
        except BaseException:
            await one.abandon()
            raise
    finally:
        gateway.arriving.give_back(user.name)
