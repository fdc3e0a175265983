"""The shell around the dispatcher: it feeds it what the loop brings and carries out what it commands.

The order of every turn is the middleware's promise: payloads to the spool, facts to the ledger, commit, and only then
does anything leave. Deletion goes the other way round: forgotten in the ledger, committed, then freed in the spool.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from moviola.base.vocabulary import ErrorCode
from moviola.storage.crashes import counting_crashes, half_done_by, jobs_at_work
from moviola.storage.errors import SpoolFull
from moviola.storage.privacy import make_private_folder
from moviola.storage.spool import Location, Spool
from moviola.storage.turn import Turn
from moviola.wire import events as wire
from moviola.wire.descriptors import OUT_OF_ROOM
from moviola.wire.lease_tags import KEY_SIZE
from moviola.wire.limits import ASSET_PREFIX, MIB
from moviola.wire.loop import Loop
from moviola.wire.outbox import FileSlice

from .dispatcher import Dispatcher
from .events import (
    Check,
    ChunkLost,
    Close,
    Command,
    Damaged,
    Event,
    ForgetFilter,
    ForgetJob,
    ForgetStore,
    FoundDamaged,
    FoundWhole,
    FreeChunk,
    FreeJob,
    FreeStage,
    Left,
    Log,
    MemberMessage,
    NotKept,
    Recall,
    Recalled,
    SaveFilter,
    SaveJob,
    SaveStore,
    Send,
    SendChunk,
    SendStage,
    SpoolChunk,
    SpoolStage,
    StageKept,
    StageLost,
    StageNotKept,
    Tick,
    Unsent,
)
from .job_record import JobRecord
from .job_request import JobRequest
from .ledger import MiddlewareLedger
from .model.job import Job
from .model.rules import Rules
from .settings import Settings

log = logging.getLogger("middleware")

ROOM_INTERVAL_S: Final = 0.25
"""How often the disk is asked for its room; between, what was written is subtracted."""

MAX_UNREAD: Final = 1 * MIB
"""Bytes queued for a client above which it is told nothing more before it has read: one that was stopped while it
watches, or that sits behind a slow line. What it asks for at once may be more."""


def new_id(name: str) -> str:
    """A job's id: readable, safe as a folder's name, and unique even among jobs long forgotten, whose folders stay."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(name).stem).strip("-_")[:40] or "job"
    return f"{stem}-{secrets.token_hex(6)}"


def new_journal(epoch: int) -> str:
    """Return a name for the events of this start: the epoch, and what tells it from one over other stored state."""
    return f"{epoch}.{secrets.token_hex(4)}"


def new_key() -> bytes:
    """Return a new job's key for the tags of its leases."""
    return secrets.token_bytes(KEY_SIZE)


class Server:
    """A running middleware.

    Args:
        loop: listening already.
        ledger, spool: of this process alone.
        clock: monotonic seconds; `unix_offset_s` makes unix time of them.
        make_id: a new job's id from its source's name.
        make_journal: the name of this start's events, from its epoch.
    """

    def __init__(
        self,
        rules: Rules,
        loop: Loop,
        ledger: MiddlewareLedger,
        spool: Spool,
        *,
        clock: Callable[[], float] = time.monotonic,
        unix_offset_s: float = 0.0,
        make_id: Callable[[str], str] = new_id,
        make_journal: Callable[[int], str] = new_journal,
    ) -> None:
        self._loop, self._ledger, self._spool, self._clock = loop, ledger, spool, clock
        self._locations: dict[str, dict[tuple[int, int], tuple[Location, int]]] = {}  # by job, then (stream, index)
        self._stages: dict[str, dict[tuple[int, int], tuple[Location, int]]] = {}  # by job, then (track, index)
        self._turn = Turn(spool, ledger, loop.flush)
        self._stopping = False
        self._room_bytes, self._room_asked_at = 0, float("-inf")
        epoch = ledger.raise_epoch()
        self.dispatcher = Dispatcher(
            epoch=epoch,
            rules=rules,
            new_id=make_id,
            new_key=new_key,
            unix_offset_s=unix_offset_s,
            journal=make_journal(epoch),
        )
        self._restore()

    def _restore(self) -> None:
        known: dict[str, list[Location]] = {}
        chunks = list(self._ledger.chunks())
        streams = {job: request.stream_count for job, request, _ in self._ledger.jobs()}
        keys = [_assets_of(job) if stream >= streams.get(job, 1) else job for job, stream, *_ in chunks]
        for key, (*_, location) in zip(keys, chunks, strict=True):
            if location is not None:
                known.setdefault(key, []).append(location)
        lost = {(key, location) for key, locations in self._spool.recover(known).items() for location in locations}
        kept = []
        for key, (job, stream, index, frames, xxh3, location) in zip(keys, chunks, strict=True):
            if (key, location) in lost:
                log.warning("job %s chunk %d of stream %d is gone from the spool", job, index, stream)
                self._ledger.forget_chunk(job, stream, index)
                continue
            kept.append((job, stream, index, frames, None if location is None else location.size, xxh3))
            if location is not None:
                self._locations.setdefault(job, {})[stream, index] = (location, xxh3)
        self.dispatcher.restore(
            self._ledger.jobs(), kept, self._ledger.filters(), self._ledger.stores(), self._ledger.crashes()
        )

    def stop(self) -> None:
        """Ends `run` after the current turn; signal handlers may call it."""
        self._stopping = True
        self._loop.wake()

    def run(self) -> None:
        """Serves until `stop`. Raises HalfDone when a turn could not be ended: nothing of it is committed or sent."""
        with counting_crashes(self._ledger.count_crash, Job):
            while not self._stopping:
                self.turn()
        self._loop.shut()
        self._spool.close()
        self._ledger.close()

    def turn(self) -> None:
        """Waits for what happens next and does all that follows from it."""
        deadline = self.next_deadline()
        events = self._loop.turn(deadline)
        if not events and self._nothing_is_due(deadline):
            return self._loop.flush()
        for event in events:
            if not self._loop.holds(event):
                self._handle(event)
        self._tell_of_lost_files()
        self._carry_out(self._ask(Tick(self._room(), self._loop.arriving, self._behind())))
        self._turn.end()

    def _nothing_is_due(self, deadline: float | None) -> bool:
        """Return True if the turn was only about strangers: connections that say nothing, or a byte now and then. There
        may be thousands of them, and the dispatcher has nothing to do with them."""
        cluster, arriving = self.dispatcher.cluster, self._loop.arriving
        is_late = deadline is not None and self._clock() >= deadline
        concerns = not (arriving.isdisjoint(cluster.workers) and arriving.isdisjoint(cluster.aggregators))
        return self._loop.has_read_only and not is_late and not concerns

    def next_deadline(self) -> float | None:
        """When the next turn must come at the latest."""
        deadlines = (self.dispatcher.next_deadline(), self._ledger.next_deadline())
        return min((one for one in deadlines if one is not None), default=None)

    def _ask(self, event: Event) -> list[Command]:
        """Return the dispatcher's commands for an event. If the dispatcher raises, the peer that sent the event is
        closed; where half a change may be left, HalfDone is raised, which ends the process."""
        try:
            return self.dispatcher.handle(event, self._clock())
        except Exception as error:
            log.exception("a bug: handling %.2000r raised", event)
            jobs = [*_jobs_named(event), *jobs_at_work(error, Job)]
            half_done = self.dispatcher.half_done() or self._disagreement()
            if half_done or not isinstance(event, MemberMessage | Damaged):
                raise half_done_by(log, event, error, half_done, jobs) from error
            host = self._loop.peer_host(event.peer)
            log.error("peer %d at %s is closed for it; nothing was changed, so this process goes on", event.peer, host)
            text = "handling this message failed here, which is a bug (see the log)"
            return [*self._ask(Left(event.peer, text)), Close(event.peer, ErrorCode.FAILED, text)]

    def _disagreement(self) -> str:
        """Where the dispatcher's memory and what is spooled differ; empty where they agree."""
        for job in self.dispatcher.cluster.open.values():
            chunks = {(stream.number, index) for stream in job.streams for index in stream.here}
            stages = {(track.number, index) for track in job.tracks for index in track.intermediates}
            if chunks != self._locations.get(job.id, {}).keys() or stages != self._stages.get(job.id, {}).keys():
                return f"the spool and the memory disagree about what is stored of job {job.id}"
        return ""

    def _handle(self, event: wire.NetworkEvent) -> None:
        if isinstance(event, wire.Lost):
            self._carry_out(self._ask(Left(event.connection, event.reason, event.job)))
        elif isinstance(event, wire.Unsent):
            log.error("%d: %s", event.connection, event.reason)
            self._carry_out(self._ask(Unsent(event.connection, event.message, event.reason)))
        elif isinstance(event, wire.Damaged):
            self._carry_out(self._ask(Damaged(event.connection, event.message)))
        elif isinstance(event, wire.Received):
            log.debug("< %d %s", event.connection, event.message)
            host = self._loop.peer_host(event.connection)
            told = MemberMessage(event.connection, event.message, len(event.payload), event.xxh3, host)
            self._carry_out(self._ask(told), event)

    def _room(self) -> int:
        now = self._clock()
        if now > self._room_asked_at + ROOM_INTERVAL_S:
            self._room_bytes, self._room_asked_at = self._spool.room_bytes, now
        return self._room_bytes

    def _behind(self) -> frozenset[wire.ConnectionId]:
        """Who does not read what it is told, or has chunks still on their way to it."""
        return self._loop.behind(MAX_UNREAD)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, commands: list[Command], event: wire.Received | None = None) -> None:
        for command in commands:
            answer = self._do(command, event)
            if answer is not None:
                self._carry_out(self._ask(answer))

    def _do(self, command: Command, event: wire.Received | None) -> Event | None:
        match command:
            case Send(peer, message):
                log.debug("> %d %s", peer, message)
                self._loop.send(peer, message)
            case SendChunk(peer, message, job, stream, index):
                log.debug("> %d %s", peer, message)
                location, xxh3 = self._locations[job][stream, index]
                self._loop.send(peer, message, FileSlice(*self._spool.slice(location)), xxh3)
            case SendStage(peer, message, job, track, index):
                log.debug("> %d %s", peer, message)
                location, xxh3 = self._stages[job][track, index]
                self._loop.send(peer, message, FileSlice(*self._spool.slice(location)), xxh3)
            case SpoolChunk():
                assert event is not None
                return self._spool_chunk(command, event)
            case SpoolStage():
                assert event is not None
                return self._spool_stage(command, event)
            case Check():
                return self._check(command)
            case FreeStage(job, track, index):
                location, _ = self._stages[job].pop((track, index))
                self._turn.free_location(location)
            case SaveJob(job, record, request):
                self._ledger.save_job(job, record, request)
            case Recall(job):
                return Recalled(command, *self._saved(job))
            case SaveStore(store, name, digest):
                self._ledger.save_store(store, name, digest)
            case ForgetStore(store):
                self._ledger.forget_store(store)
            case FreeChunk(job, stream, index):
                location, _ = self._locations[job].pop((stream, index))
                self._ledger.give_up_chunk(job, stream, index)
                self._turn.free_location(location)
            case FreeJob(job):
                self._free_job(job)
            case ForgetJob(job):
                self._ledger.forget_job(job)
            case SaveFilter(name, schema):
                self._ledger.save_filter(name, schema)
            case ForgetFilter(name):
                self._ledger.forget_filter(name)
            case Close(peer, code, text, job):
                log.info("= %d closed: %s %s", peer, code, text)
                self._loop.close(peer, code, text, job)
            case Log(text):
                log.info("%s", text)
        return None

    def _saved(self, job: str) -> tuple[JobRequest | None, JobRecord | None]:
        """Return what the ledger has of a job: what was asked for, and what came of it."""
        try:
            return self._ledger.job(job) or (None, None)
        except ValueError as error:
            log.warning("job %s cannot be read in the ledger: %s", job, error)
            return None, None

    def _spool_chunk(self, command: SpoolChunk, event: wire.Received) -> NotKept | None:
        if command.value and ASSET_PREFIX + hashlib.sha256(event.payload).hexdigest() != command.value:
            reason = f"the file sent as {command.value} has another content hash"
            return NotKept(command, reason, ErrorCode.CORRUPT)
        try:
            location = self._spool.append(_assets_of(command.job) if command.value else command.job, event.payload)
        except (SpoolFull, OSError) as error:
            self._room_asked_at = float("-inf")
            return NotKept(command, f"the chunk could not be kept: {error}")
        self._room_bytes -= location.size
        self._locations.setdefault(command.job, {})[command.stream, command.index] = (location, event.xxh3)
        self._ledger.add_chunk(command.job, command.stream, command.index, command.frame_count, event.xxh3, location)
        return None

    def _spool_stage(self, command: SpoolStage, event: wire.Received) -> StageKept | StageNotKept:
        """Put what a stage made into the spool: into segments of its own, which nobody knows after a restart, and into
        room that no chunk gets, so that a spool full of chunks does not wait for itself."""
        cluster = self.dispatcher.cluster
        held_bytes = max(self._spool.limit_bytes, self._spool.used_bytes - cluster.staged_bytes)
        limit_bytes = held_bytes + cluster.rules.stage_bytes
        try:
            location = self._spool.append(_stages_of(command.job), event.payload, limit_bytes=limit_bytes)
        except (SpoolFull, OSError) as error:
            self._room_asked_at = float("-inf")
            return StageNotKept(command, f"what lies between two workers could not be kept: {error}")
        self._room_bytes -= location.size
        stages = self._stages.setdefault(command.job, {})
        before = stages.get((command.track, command.index))
        if before is not None:
            self._turn.free_location(before[0])
        stages[command.track, command.index] = (location, event.xxh3)
        return StageKept(command, location.size)

    def _check(self, check: Check) -> FoundWhole | FoundDamaged:
        """Compare the spool's copy of a payload that arrived damaged with its checksum. This is done only if somebody
        complained: else it would cost each payload a copy and a checksum in the one thread (see ARCHITECTURE)."""
        held, number = (self._stages, check.track) if check.is_stage else (self._locations, check.stream)
        location, xxh3 = held[check.job][number, check.index]
        try:
            if self._spool.checksum(location) == xxh3:
                return FoundWhole(check)
        except OSError as error:
            log.warning("job %s chunk %d cannot be read: %s", check.job, check.index, error.strerror or error)
            if error.errno in OUT_OF_ROOM:
                return FoundWhole(check)  # nobody knows; it is sent again
        return FoundDamaged(check)

    def _tell_of_lost_files(self) -> None:
        """Forget payloads whose spool files were removed while we run: a restart would not find them."""
        lost = self._spool.take_lost()
        if not lost:
            return
        log.warning("%d files of %s are gone, or not what they were", len(lost), self._spool.folder)
        events: list[Event] = []
        for held, event in ((self._locations, ChunkLost), (self._stages, StageLost)):
            for job, payloads in held.items():
                gone = [place for place, (location, _) in payloads.items() if location.segment in lost]
                events += [event(job, number, index) for number, index in gone]
        for one in events:
            self._carry_out(self._ask(one))

    def _free_job(self, job: str) -> None:
        self._locations.pop(job, None)
        self._stages.pop(job, None)
        self._ledger.forget_chunks(job)
        self._turn.free(job)
        self._turn.free(_stages_of(job))
        self._turn.free(_assets_of(job))


def _stages_of(job: str) -> str:
    """The spool's key for what lies between workers; no job is called so."""
    return f"{job}/stages"


def _assets_of(job: str) -> str:
    """The spool's key for the files that a job's filters name: they stay until it ends, and would keep the segments of
    chunks from being used again."""
    return f"{job}/assets"


def _jobs_named(event: Event) -> list[str]:
    """The job that a message is about."""
    name = getattr(event.message, "job", "") if isinstance(event, MemberMessage | Damaged) else ""
    return [name] if name else []


def serve(settings: Settings, secret: bytes) -> None:
    """Runs a middleware until SIGTERM or SIGINT.

    Raises OSError when it can't listen, storage errors when its state can't be used, HalfDone after a bug of its own.
    """
    loop = Loop("middleware", secret=secret)
    port = loop.listen(settings.bind, settings.port)
    if settings.state.is_dir():
        make_private_folder(settings.state)
    folder = settings.state / "middleware"
    ledger = MiddlewareLedger(folder / "ledger.sqlite", fsync=settings.fsync)
    spool = Spool(folder / "spool", limit_bytes=settings.spool_limit, fsync=settings.fsync)
    unix_offset_s = time.time() - time.monotonic()  # noqa: TID251 - the one place that may ask both clocks
    server = Server(settings.rules, loop, ledger, spool, unix_offset_s=unix_offset_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    log.info("listening at %s port %d, state in %s", settings.bind or "*", port, settings.state)
    server.run()
    log.info("stopped")
