"""A middleware and an aggregator on real sockets that keep the protocol and follow a script. No work is done:
an output is the payloads of the filtered stream, one after the other."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import msgpack
import xxhash

from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.progress import Progress
from moviola.base.vocabulary import JobState
from moviola.base.worker_facts import WorkerFacts
from moviola.filters.registry import schemas
from moviola.wire import messages
from moviola.wire.addresses import Address
from moviola.wire.bitmap import Bitmap
from moviola.wire.events import ConnectionId, Lost, Received
from moviola.wire.loop import Loop

POLL_S = 0.005
"""The two loops take turns in one thread; each waits no longer for its own sockets."""

LATE_ROUNDS = 50
"""Turns of both after which late workers join: half a second."""


@dataclass
class Script:
    """What the cluster does otherwise than a good one."""

    room_size: int = 1_000_000
    hang_up_after_chunks: int | None = None  # the connection is lost once, when so many have come
    forget_chunks: bool = False  # … and so are the chunks
    spoil_first_file: bool = False  # the first part that is fetched is not what it should be
    hang_up_after_parts: int | None = None  # the aggregator's connection is lost once
    refusal: messages.Error | None = None
    final_state: str = "done"
    final_reason: str = ""
    fallback_frames: int = 0
    never_finish: bool = False
    finish_at_most: int | None = None  # the first so many jobs end, the others go on for ever
    half_done: bool = False  # jobs that do not end have half of their frames done, and the rest in work
    tasks_queued: int = 0  # of each job that does not end
    aggregator_host: str = "127.0.0.1"  # as clients are told it
    is_aggregator_away: bool = False  # it takes no connection: clients are told a port of nobody
    pending: tuple[str, str] = ("", "")  # code and reason while it never finishes
    workers: int = 2
    known: list[messages.Job] = field(default_factory=list)  # jobs that are there without having been sent
    refuse_wishes: str = ""  # why every wish is refused
    refused_workers: tuple[str, ...] = ()  # of these every wish is
    lost_workers: tuple[str, ...] = ()  # those that were drained
    worker_filters: dict[str, Any] = field(default_factory=dict)  # further schemas, by name
    known_filters: list[Any] = field(default_factory=list)  # schemas that the cluster remembers
    refuse_watches: messages.Error | None = None  # what is answered to whoever asks for records
    is_away: bool = False  # the middleware ends each connection instead of answering
    overview: messages.Overview | None = None  # what is told to whoever asks for it; None: what there is
    late_workers: bool = False  # they join when the current records have been told


@dataclass
class FakeJob:
    id: str
    submit: messages.Submit
    chunks: dict[tuple[int, int], bytes] = field(default_factory=dict)
    frames: dict[int, int] = field(default_factory=dict)
    counts: list[int] | None = None
    client: ConnectionId | None = None
    accepted: int = 0
    on_its_way_max: int = 0
    is_final: bool = False

    @property
    def complete(self) -> bool:
        return self.counts is not None and len(self.chunks) == sum(self.counts)

    def files(self) -> dict[str, bytes]:
        content = b"".join(self.chunks[key] for key in sorted(self.chunks) if key[0] == 0)
        made = {}
        for output in self.submit.outputs:
            made[f"{output['name']}.mp4"] = content
            made[f"{output['name']}.metrics.json"] = b"{}"
        return made


class FakeCluster:
    """Both servers in a thread. `script` may be changed at any time: a job ends as soon as it may.
    `jobs` and `received` tell what came."""

    def __init__(self, secret: bytes = b"") -> None:
        self.script = Script()
        self.jobs: list[FakeJob] = []
        self.received: list[messages.Message] = []
        self.problems: list[BaseException] = []
        self._middleware, self._aggregator = Loop("middleware", secret=secret), Loop("aggregator", secret=secret)
        self.port = self._middleware.listen("localhost", 0)
        self.aggregator_port = self._aggregator.listen("localhost", 0)
        self._rounds = 0
        self._late: list[tuple[int, ConnectionId, messages.Message]] = []  # in which round they are to be sent
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> FakeCluster:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._middleware.shut()
        self._aggregator.shut()
        assert not self.problems, self.problems

    def count(self, kind: type[messages.Message]) -> int:
        return sum(isinstance(message, kind) for message in self.received)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._rounds += 1
                for job in self.jobs:
                    if self._may_end(job):
                        self._after(job)
                while self._late and self._late[0][0] <= self._rounds:
                    self._middleware.send(*self._late.pop(0)[1:])
                for loop, handle in ((self._middleware, self._as_middleware), (self._aggregator, self._as_aggregator)):
                    for event in loop.turn(time.monotonic() + POLL_S):
                        if isinstance(event, Received):
                            self.received.append(event.message)
                            handle(event)
                        elif isinstance(event, Lost):
                            for job in self.jobs:
                                job.client = None if job.client == event.connection else job.client
                    loop.flush()
        except BaseException as problem:
            self.problems.append(problem)
            raise

    # ── the middleware ───────────────────────────────────────────────────────────────────────────────────────────

    def _as_middleware(self, event: Received) -> None:
        link, message = event.connection, event.message
        if self.script.is_away:
            self._middleware.close(link)
        elif isinstance(message, messages.Hello):
            self._middleware.send(link, messages.Welcome(version=3, epoch=1))
        elif isinstance(message, messages.Submit):
            self._submit(link, message)
        elif isinstance(message, messages.Chunk):
            self._chunk(link, message, bytes(event.payload))
        elif isinstance(message, messages.End):
            job = self._job(message.job)
            job.counts = message.chunk_counts
            self._after(job)
        elif isinstance(message, messages.Watch):
            self._watch(link, message)
        elif isinstance(message, messages.Control):
            self._wish(link, message)
        elif isinstance(message, messages.ControlWorker):
            self._wish_of_worker(link, message)

    def _submit(self, link: ConnectionId, message: messages.Submit) -> None:
        if self.script.refusal is not None:
            self._middleware.send(link, self.script.refusal)
            return
        job = next((job for job in self.jobs if job.submit.key == message.key and job.client is None), None)
        if job is None or job.is_final:
            job = FakeJob(f"job-{len(self.jobs)}", message)
            self.jobs.append(job)
        job.client, job.accepted = link, 0
        have = [Bitmap() for _ in range(message.source["stream_count"])]
        for stream, index in job.chunks:
            have[stream].add(index)
        self._tell(job, have=[bits.to_wire() for bits in have])

    def _chunk(self, link: ConnectionId, message: messages.Chunk, payload: bytes) -> None:
        job = self._job(message.job)
        if job.client != link:
            return
        if len(job.chunks) == self.script.hang_up_after_chunks:
            self.script.hang_up_after_chunks = None
            if self.script.forget_chunks:
                job.chunks.clear()
            job.client = None
            self._middleware.close(link)
            return
        job.chunks[message.stream, message.index] = payload
        if message.stream == 0:
            job.frames[message.index] = message.frame_count
        job.accepted += 1
        self._after(job)

    def _after(self, job: FakeJob) -> None:
        job.is_final = job.is_final or self._may_end(job)
        self._tell(job)

    def _may_end(self, job: FakeJob) -> bool:
        most = self.script.finish_at_most
        may_finish = not self.script.never_finish and (most is None or self.jobs.index(job) < most)
        return may_finish and job.complete and not job.is_final

    def _tell(self, job: FakeJob, have: list[bytes] | None = None) -> None:
        if job.client is None:
            return
        frames, total = sum(job.frames.values()), sum(job.counts) if job.counts else None
        code, reason = self.script.pending
        progress = Progress(frames_sent=frames, chunks_total=total, tasks_queued=self.script.tasks_queued)
        if self.script.half_done and job.complete:
            wanted = frames * len(job.submit.outputs)
            progress = replace(progress, frames_total=frames, frames_wanted=wanted)
            progress = replace(progress, frames_done=wanted // 2, tasks_in_flight=1)
        record = messages.Job(
            job=job.id,
            name="clip.mp4",
            state="pending" if code else "running",
            code=code,
            reason=reason,
            accepted=job.accepted,
            send_window_bytes=self.script.room_size,
            have=have,
            progress=progress,
        )
        if job.is_final:
            record = self._final(job, frames)
        self._middleware.send(job.client, record)

    def _final(self, job: FakeJob, frames: int) -> messages.Job:
        summaries = [
            OutputSummary(
                name=output["name"],
                state=JobState.DONE,
                file=f"{output['name']}.mp4",
                metrics_file=f"{output['name']}.metrics.json",
                frames_in=frames,
                frames_out=frames,
                fallback_frames=self.script.fallback_frames,
                digest="d" * 64,
            )
            for output in job.submit.outputs
        ]
        files = [
            FinishedFile(name, len(content), xxhash.xxh3_128_hexdigest(content))
            for name, content in job.files().items()
        ]
        good = self.script.final_state in ("done", "partial")
        return messages.Job(
            job=job.id,
            name="clip.mp4",
            state=self.script.final_state,
            reason=self.script.final_reason,
            outputs=summaries if good else [],
            files=files if good else [],
            addresses=[
                Address(self.script.aggregator_host, 1 if self.script.is_aggregator_away else self.aggregator_port)
            ],
            seconds=0.5,
        )

    def _wish(self, link: ConnectionId, message: messages.Control) -> None:
        if self.script.refuse_wishes:
            error = messages.Error("bad-job", self.script.refuse_wishes, fatal=False, job=message.job)
            self._middleware.send(link, error)
        else:
            answer = messages.Event("wish-granted", f"job {message.job}: {message.verb} it is", message.job)
            self._middleware.send(link, answer)

    def _wish_of_worker(self, link: ConnectionId, message: messages.ControlWorker) -> None:
        if message.worker in self.script.refused_workers:
            why = f"worker {message.worker} is not connected"
            self._middleware.send(link, messages.Error("wrong-state", why, fatal=False))
        else:
            text = f"worker {message.worker}: {message.verb} it is"
            self._middleware.send(link, messages.Event("wish-granted", text, worker=message.worker))
            self.script.lost_workers += (message.worker,) if message.verb == "drain" else ()

    def _watch(self, link: ConnectionId, message: messages.Watch) -> None:
        if message.job:
            known = [job for job in self.script.known if job.job == message.job]
            made = [self._final(job, sum(job.frames.values())) for job in self.jobs if job.id == message.job]
            self._middleware.send(link, (known + made)[0])
            return
        if self.script.refuse_watches is not None:
            self._middleware.send(link, self.script.refuse_watches)
            return
        offered = [schema.to_wire() for schema in schemas().values()] + list(self.script.worker_filters.values())
        facts = WorkerFacts(schemas=offered, filters=[schema["name"] for schema in offered])
        names = [f"worker-{number}" for number in range(self.script.workers)]
        lost = self.script.lost_workers
        workers = [messages.Worker(one, "s", "lost" if one in lost else "ready", facts) for one in names]
        early, late = ([], workers) if self.script.late_workers else (workers, [])
        if "overview" in message.topics:
            counted = messages.Overview(1, time.monotonic(), workers={"ready": self.script.workers}, aggregators=1)
            self._middleware.send(link, self.script.overview or counted)
        for worker in early:
            self._middleware.send(link, worker)
        address = Address("127.0.0.1", self.aggregator_port)
        self._middleware.send(link, messages.Aggregator("store", "aggregator", [address]))
        for known_job in self.script.known:
            self._middleware.send(link, known_job)
        for job in self.jobs:
            if any(known.job == job.id for known in self.script.known):
                continue
            self._middleware.send(link, messages.Job(job.id, "clip.mp4", "running"))
        if "filters" in message.topics:
            self._middleware.send(link, messages.Filters([msgpack.packb(each) for each in self.script.known_filters]))
        self._middleware.send(link, messages.Event("current", "these are the current records"))
        self._late += [(self._rounds + LATE_ROUNDS, link, worker) for worker in late]

    def _job(self, name: str) -> FakeJob:
        return next(job for job in self.jobs if job.id == name)

    # ── the aggregator ───────────────────────────────────────────────────────────────────────────────────────────

    def _as_aggregator(self, event: Received) -> None:
        link, message = event.connection, event.message
        if isinstance(message, messages.Hello):
            self._aggregator.send(link, messages.Welcome(version=3, epoch=1))
        elif isinstance(message, messages.Fetch):
            if self.script.hang_up_after_parts is not None:
                if self.script.hang_up_after_parts == 0:
                    self.script.hang_up_after_parts = None
                    self._aggregator.close(link)
                    return
                self.script.hang_up_after_parts -= 1
            content = self._job(message.job).files()[message.file]
            part = content[message.offset : message.offset + message.length]
            if self.script.spoil_first_file:
                self.script.spoil_first_file = False
                part = bytes(len(part))
            answer = messages.File(message.job, message.file, message.offset, len(content))
            self._aggregator.send(link, answer, part)
