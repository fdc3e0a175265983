"""The shell around the assembler: it feeds it what the loop brings and carries out what it commands.

The order of every turn is the aggregator's promise: results to the spool, facts to the ledger, commit, and only then
does anything leave. Deletion goes the other way round: forgotten in the ledger, committed, then freed in the spool.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from moviola.base.file_names import check_path_name
from moviola.base.result_folders import job_folder
from moviola.base.vocabulary import ErrorCode, ResultState
from moviola.storage.crashes import counting_crashes, half_done_by, jobs_at_work
from moviola.storage.errors import SpoolFull
from moviola.storage.jobs import SavedJob
from moviola.storage.privacy import make_private_folder
from moviola.storage.spool import Location, Spool
from moviola.storage.turn import Turn
from moviola.wire import descriptors, limits
from moviola.wire import events as wire
from moviola.wire.addresses import EVERYWHERE, EVERYWHERE_IPV4, Address, is_loopback
from moviola.wire.loop import Loop
from moviola.wire.messages import VERSIONS, AggregatorDetails, Error, FetchedResult, File, Hello
from moviola.wire.outbox import FileSlice

from . import publishing
from .assembler import Assembler
from .events import (
    MIDDLEWARE,
    CancelSplice,
    CheckResult,
    Close,
    Command,
    Damaged,
    Dial,
    Event,
    ForgetJob,
    FreeChunk,
    FreeChunks,
    Keep,
    KeepFailed,
    Kept,
    Left,
    Log,
    NotKept,
    Peer,
    PeerMessage,
    Recall,
    Recalled,
    RemoveFiles,
    ResultChecked,
    ResultsLost,
    SaveJob,
    Send,
    SendFilePart,
    SendResult,
    Splice,
    SpliceCrashed,
    Tick,
    Unsent,
)
from .failed import FailedChunks
from .jobs import CollectedJob, FixedPart, JobRecord, Submitted
from .ledger import AggregatorLedger, StoredResult
from .pruning import Pruning
from .settings import Settings
from .splice_messages import SpliceRequest, StoredPart
from .splice_processes import PROGRAM, Ending, SpliceProcesses

log = logging.getLogger("aggregator")

SPLICE_PROCESSES: Final = 2
"""Splices at a time: a small job need not wait for a large one, and muxing is bound by the disk."""


class Server:
    """A running aggregator.

    Args:
        loop: listening already, at `port`.
        ledger, spool, splice_processes: of this process alone.
        failed: where chunks that failed are kept; None: nowhere.
        clock: monotonic seconds; `unix_clock` the time of day, for the metrics.
    """

    def __init__(
        self,
        settings: Settings,
        loop: Loop,
        ledger: AggregatorLedger,
        spool: Spool,
        splice_processes: SpliceProcesses,
        port: int,
        *,
        failed: FailedChunks | None = None,
        clock: Callable[[], float] = time.monotonic,
        unix_clock: Callable[[], float] = time.time,  # noqa: TID251 - a fact for the metrics, no deadline
    ) -> None:
        self._settings, self._loop, self._ledger, self._spool = settings, loop, ledger, spool
        self._failed = failed
        self._splice_processes, self.port, self._clock, self._unix_clock = splice_processes, port, clock, unix_clock
        self._results = settings.results.resolve()
        self._results.mkdir(parents=True, exist_ok=True)
        self._pruning = Pruning(self._results, settings.results_age, settings.results_limit, unix_clock)
        self.assembler = Assembler(
            epoch=ledger.raise_epoch(),
            max_splices=SPLICE_PROCESSES,
            max_clients=descriptors.share(limits.MAX_CLIENTS),
            max_workers=descriptors.share(limits.MAX_WORKERS),
            crashes=ledger.crashes(),
        )
        self._uplink: wire.ConnectionId | None = None
        self._session = secrets.token_hex(8)
        self._turn = Turn(spool, ledger, loop.flush)
        self._stopping = False
        self._restore()

    @classmethod
    def opened(cls, settings: Settings, secret: bytes, splicing_program: Sequence[str] = PROGRAM) -> Server:
        """Return a server on real sockets, files and processes. Raises OSError when it can't listen, storage errors
        when its state can't be used."""
        if settings.state.is_dir():
            make_private_folder(settings.state)
        folder = settings.state / "aggregator"
        ledger = AggregatorLedger(folder / "ledger.sqlite", fsync=settings.fsync)
        loop = Loop("aggregator", secret=secret)
        port = loop.listen(settings.bind, settings.port)
        spool = Spool(folder / "spool", limit_bytes=settings.spool_limit, fsync=settings.fsync)
        splice_processes = SpliceProcesses(loop.watch, loop.unwatch, splicing_program)
        failed = FailedChunks(settings.results.resolve())
        return cls(settings, loop, ledger, spool, splice_processes, port, failed=failed)

    def _restore(self) -> None:
        known: dict[str, list[Location]] = {}
        for one in self._ledger.results():
            known.setdefault(one.job, []).append(one.location)
        lost = {location for locations in self._spool.recover(known).values() for location in locations}
        held: dict[str, dict[tuple[int, int], int]] = {}
        gone: list[StoredResult] = []
        for one in self._ledger.results():
            if one.location in lost:
                gone.append(one)
            else:
                held.setdefault(one.job, {})[one.track, one.index] = 0
        for one in gone:
            log.warning("job %s track %d chunk %d is gone from the spool", one.job, one.track, one.index)
            self._ledger.forget_result(one.job, one.track, one.index)
        publishing.sweep(self._results)
        for job_id, fixed, record in self._ledger.jobs.all():
            job = CollectedJob.restored(job_id, FixedPart.from_wire(fixed), JobRecord.from_wire(record))
            self.assembler.restore(job, held.pop(job_id, {}))
            if not job.has_succeeded:
                publishing.clear(self._results, job_id)

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────

    def stop(self) -> None:
        """Ends `run` after the current turn; signal handlers and other threads may call it."""
        self._stopping = True
        self._loop.wake()

    def run(self) -> None:
        """Serves until `stop`. Raises HalfDone when a turn could not be ended: nothing of it is committed or sent."""
        self._splice_processes.start(self._clock())
        try:
            with counting_crashes(self._ledger.count_crash, CollectedJob):
                while not self._stopping:
                    self.turn()
        finally:
            if self._failed is not None:
                self._failed.stop()
            for job in self._splice_processes.stop():
                publishing.clear(self._results, job)
            self._loop.shut()
            self._ledger.close()
            self._spool.close()

    def turn(self) -> None:
        """Waits for what happens next and does all that follows from it."""
        for event in self._loop.turn(self.next_deadline()):
            if not self._loop.holds(event):
                self._take(event)
        self._tell_of_lost_files()
        now = self._clock()
        for ending in self._splice_processes.tick(now):
            self._splice_ended(ending)
        if self._failed is not None:
            self._failed.tick(now)
        self._pruning.tick(now, self.assembler.open_jobs)
        self._handle(Tick())
        self._turn.end()

    def next_deadline(self) -> float | None:
        """When the next turn must come at the latest."""
        deadlines = [
            self.assembler.next_deadline(),
            self._splice_processes.next_deadline(),
            self._ledger.next_deadline(),
            self._pruning.next_deadline(),
        ]
        if self._failed is not None:
            deadlines.append(self._failed.next_deadline())
        return min((one for one in deadlines if one is not None), default=None)

    def _take(self, event: wire.NetworkEvent) -> None:
        if isinstance(event, wire.Readable):
            for ending in self._splice_processes.readable(event.fd, self._clock()):
                self._splice_ended(ending)
            return
        peer = MIDDLEWARE if event.connection == self._uplink else event.connection
        if isinstance(event, wire.Received):
            log.debug("< %s %s", peer or "middleware", event.message)
            self._handle(PeerMessage(peer, event.message, len(event.payload), event.xxh3), event.payload)
        elif isinstance(event, wire.Unsent):
            self._handle(Unsent(peer, event.message, event.reason))
        elif isinstance(event, wire.Damaged):
            self._handle(Damaged(peer, event.message))
        else:
            if peer == MIDDLEWARE:
                self._uplink = None
            self._handle(Left(peer, event.reason, event.error.code if event.error else ""))

    def _handle(self, event: Event, payload: bytes | bytearray = b"") -> None:
        for command in self._ask(event):
            for answer in self._carry_out(command, payload):
                self._handle(answer)

    def _ask(self, event: Event) -> Sequence[Command]:
        """Return the assembler's commands for an event. If the assembler raises, the peer that sent the event is
        closed; where half a change may be left, HalfDone is raised, which ends the process."""
        try:
            return self.assembler.handle(event, self._clock())
        except Exception as error:
            log.exception("a bug: handling %.2000r raised", event)
            event = event.command.event if isinstance(event, Recalled) else event
            job = str(getattr(event.message, "job", "")) if isinstance(event, PeerMessage) else ""
            half_done = self.assembler.half_done()
            if half_done or not isinstance(event, PeerMessage):
                jobs = [*([job] if job else []), *jobs_at_work(error, CollectedJob)]
                raise half_done_by(log, event, error, half_done, jobs) from error
            log.error("peer %d is closed for it; nothing was changed, so this process goes on", event.peer)
            text = "handling this message failed here, which is a bug (see the log)"
            return [
                *self._ask(Left(event.peer, text, ErrorCode.FAILED)),
                Close(event.peer, ErrorCode.FAILED, text, job),
            ]

    def _splice_ended(self, ending: Ending) -> None:
        if isinstance(ending, SpliceCrashed):
            publishing.clear(self._results, ending.job, later=True)
        self._handle(ending)

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, command: Command, payload: bytes | bytearray) -> Sequence[Event]:
        match command:
            case Send(peer, message):
                log.debug("> %s %s", peer or "middleware", message)
                self._loop.send(self._connection(peer), message)
            case Keep():
                return [self._keep(command, payload)]
            case SaveJob(job, record, fixed):
                self._ledger.jobs.save(job, record.to_wire(), None if fixed is None else fixed.to_wire())
            case Recall(_, job):
                saved = self._saved(job)
                return [Recalled(command, FixedPart.from_wire(saved.fixed), JobRecord.from_wire(saved.record))]
            case FreeChunk(job, track, index):
                self._turn.free_location(self._ledger.result(job, track, index).location)
                self._ledger.forget_result(job, track, index)
            case FreeChunks(job):
                self._free_results(job)
            case ForgetJob(job):
                self._free_results(job)
                self._ledger.jobs.forget(job)
            case Splice():
                return self._splice_processes.begin(command.job, self._request(command), self._clock())
            case CancelSplice(job):
                self._splice_processes.cancel(job, self._clock())
                publishing.clear(self._results, job, later=True)
            case KeepFailed(job, output, index):
                if self._failed is not None:
                    source = Submitted.from_wire(self._saved(job).fixed).source
                    self._failed.keep(job, output, index, {"kind": source["kind"], **source["process"]}, payload)
            case RemoveFiles(job):
                self._pruning.remove(job)
            case SendFilePart():
                self._send_part(command)
            case SendResult():
                self._send_result(command)
            case CheckResult():
                return [ResultChecked(command, self._is_whole(command))]
            case Dial():
                self._uplink = self._loop.dial([self._settings.middleware], self._hello())
            case Close(peer, code, text, job):
                self._loop.close(self._connection(peer), code, text, job)
                if peer == MIDDLEWARE:
                    self._uplink = None
            case Log(text, is_warning):
                log.log(logging.WARNING if is_warning else logging.INFO, "%s", text)
        return ()

    def _connection(self, peer: Peer) -> wire.ConnectionId:
        """Return a peer's connection; 0 if the middleware has none, because connections are numbered from 1. Sending to
        one that is gone does nothing."""
        return (self._uplink or 0) if peer == MIDDLEWARE else peer

    def _keep(self, keep: Keep, payload: bytes | bytearray) -> Kept | NotKept:
        if self._ledger.is_tight:
            return NotKept(keep, f"the disk of {self._settings.state} is full")
        try:
            location = self._spool.append(keep.job, payload)
        except SpoolFull as error:
            return NotKept(keep, str(error))
        except OSError as error:
            return NotKept(keep, f"{self._spool.folder}: {error.strerror or error}")
        self._ledger.add_result(keep, location, self._unix_clock())
        return Kept(keep)

    def _saved(self, job: str) -> SavedJob:
        """Return a job's row in the ledger. The assembler knows the job, so there is one."""
        saved = self._ledger.jobs.read(job)
        assert saved is not None, f"the ledger has no job {job}"
        return saved

    def _tell_of_lost_files(self) -> None:
        """Forget results whose spool files were removed while we run: no splice and no restart would find them."""
        segments = self._spool.take_lost()
        if not segments:
            return
        log.warning("%d files of %s are gone, or not what they were", len(segments), self._spool.folder)
        lost: dict[str, list[tuple[int, int]]] = {}
        for one in self._ledger.results():
            if one.location.segment in segments:
                lost.setdefault(one.job, []).append((one.track, one.index))
        for job, chunks in lost.items():
            self._handle(ResultsLost(job, tuple(chunks)))

    def _free_results(self, job: str) -> None:
        for one in self._ledger.results(job):
            self._turn.free_location(one.location)
        self._ledger.forget_results(job)

    def _request(self, splice: Splice) -> SpliceRequest:
        """Return the request to the splicing process, aggregator/splicing.py."""
        submitted = Submitted.from_wire(self._saved(splice.job).fixed)
        tracks: list[list[StoredPart]] = [[] for _ in splice.chunk_counts]
        path = cache(lambda segment: str(self._spool.path(segment).resolve()))
        for one in self._ledger.results(splice.job):
            if one.index < splice.chunk_counts[one.track]:
                where, xxh3 = one.location, one.xxh3.to_bytes(8, "big")
                about = one.worker, one.frames, one.stored_unix_s
                part = StoredPart(path(where.segment), where.offset, where.size, xxh3, *about)
                tracks[one.track].append(part)
        return SpliceRequest(
            job=splice.job,
            results=str(self._results),
            source=submitted.source,
            outputs=submitted.outputs,
            duplicates=splice.duplicates,
            statistics=splice.statistics,
            tracks=tracks,
        )

    def _send_part(self, part: SendFilePart) -> None:
        try:
            path = self._results / part.job / check_path_name(part.file, "a file's name")
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if part.size not in (None, size):
                    raise ValueError("it was changed since it was finished")
                if part.offset > size:
                    raise ValueError(f"it has {size} bytes, and byte {part.offset} was asked for")
                data = os.pread(file.fileno(), part.length, part.offset)
        except (OSError, ValueError) as error:
            text = f"{part.file} of job {part.job} cannot be read: {getattr(error, 'strerror', None) or error}"
            if isinstance(error, FileNotFoundError) and job_folder(self._results, part.job) is None:
                text = f"the files of job {part.job} were removed from {self._results}; send its source again"
            self._loop.send(part.peer, Error(ErrorCode.NOT_FOUND, text, fatal=False, job=part.job))
            return
        self._loop.send(part.peer, File(part.job, part.file, part.offset, size), data)

    def _send_result(self, wanted: SendResult) -> None:
        peer, job, track = wanted.peer, wanted.job, wanted.track
        if self._loop.backlog(peer) > limits.HIGH_WATERMARK:
            text = "the last answer has not been read yet; ask for one result at a time"
            return self._loop.send(peer, Error(ErrorCode.BUSY, text, fatal=False, job=job))
        answer = FetchedResult(job, track, wanted.index, ResultState.STORED, wanted.chunk_count)
        if wanted.describe:
            submitted = Submitted.from_wire(self._saved(job).fixed)
            is_output = track < len(submitted.outputs)
            output = submitted.outputs[track] if is_output else {}
            answer = replace(answer, source=submitted.source, output=output)
        stored = self._ledger.result(job, track, wanted.index)
        return self._loop.send(peer, answer, FileSlice(*self._spool.slice(stored.location)), stored.xxh3)

    def _is_whole(self, check: CheckResult) -> bool:
        stored = self._ledger.result(check.job, check.track, check.index)
        try:
            return self._spool.checksum(stored.location) == stored.xxh3
        except OSError as error:
            log.warning("job %s track %d chunk %d cannot be read: %s", check.job, check.track, check.index, error)
            return False

    def _hello(self) -> Hello:
        settings = self._settings
        details = AggregatorDetails(
            self._ledger.store_id(),
            advertised(settings, self.port),
            None if settings.results_age is None else int(settings.results_age),
            settings.results_limit,
        )
        name, versions = self._settings.full_name, list(VERSIONS)
        token = self._ledger.store_token()
        return Hello("aggregator", name, self._session, versions, details=details.to_wire(), token=token)


def advertised(settings: Settings, port: int) -> list[Address]:
    """Return the addresses at which workers and clients reach this aggregator, in the order in which they try them."""
    if settings.advertise:
        hosts = [settings.advertise]
    elif settings.bind in (*EVERYWHERE, EVERYWHERE_IPV4):
        hosts = ["", socket.gethostname()]  # "" is where the middleware sees us come from
    else:
        hosts = ["" if is_loopback(settings.bind) else settings.bind]
    return [Address(host, port) for host in hosts]


def serve(settings: Settings, secret: bytes) -> None:
    """Runs an aggregator until SIGTERM or SIGINT. Raises HalfDone after a bug of its own."""
    server = Server.opened(settings, secret)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    where = f"{settings.bind or '*'} port {server.port}"
    log.info("listening at %s, state in %s, results in %s", where, settings.state, settings.results)
    server.run()
    log.info("stopped")
