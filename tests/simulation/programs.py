"""The four programs under simulation: the real brains and shells, which do not know that their world is made up."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from aggregator import server as aggregator_server
from aggregator.events import ChunksDamaged, SpliceCrashed, Spliced
from aggregator.ledger import AggregatorLedger
from aggregator.settings import Settings as AggregatorSettings
from aggregator.splice_messages import SpliceRequest, StoredPart
from middleware.events import Command, Log, Send, StageKept
from middleware.ledger import MiddlewareLedger
from middleware.model.rules import Rules
from middleware.model.states import JobState
from middleware.server import Server as MiddlewareServer
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.session import events as client_events
from moviola.session.destination import Place
from moviola.session.run import Run, UploadRequest
from moviola.session.target import Target
from moviola.storage.spool import Location, Spool
from moviola.wire.addresses import Address
from moviola.wire.framing import checksum
from moviola.wire.loop import Damaged, Lost, Received
from moviola.wire.messages import Cause, Death, Released, Task, Welcome
from tests.simulation import material
from tests.simulation.network import Link, Network, SimLoop
from tests.simulation.world import World
from worker import events as worker_events
from worker.held_task import Identity
from worker.session import Session as WorkerSession

MIDDLEWARE: Final = Address("middleware", 5000)
SPOOL_BYTES: Final = 1 << 20
TIGHT_SPOOL_BYTES: Final = (120, 300)
"""What some runs' middleware may hold: about 10 chunks, or 25."""
SEGMENT_BYTES: Final = 256
"""Segments that hold a handful of the simulation's tiny payloads, so that recycling happens all the time."""


STEPS: Final = 5
BAD_STEP: Final = 3
"""A computation's steps, and the one at which it fails, crashes or hangs where it is to."""


BUG: Final = "in a simulation nothing that a brain raises may pass"
"""What a brain says of itself after it raised. Else its program might close the peer, and go on as if nothing was."""


class Killed(BaseException):
    """A program dies here, whatever it was doing."""


class Program:
    """A process that can be started, killed at any point of a turn, stopped (as by SIGSTOP) and continued."""

    def __init__(self, name: str, world: World, network: Network) -> None:
        self.name, self.world, self.network = name, world, network
        self.loop: SimLoop | None = None
        self.lives = 0
        self.is_stopped = False
        self.resumed_at = 0.0
        self.death: str | None = None  # where in its next turn it will die
        self._turn_at: float | None = None

    @property
    def is_alive(self) -> bool:
        return self.loop is not None

    def start(self) -> None:
        self.lives += 1
        life = self.lives
        self.death = self._turn_at = None
        self.loop = SimLoop(self.name, self.network, lambda: self._arrived(life))
        self.world.tell(f"{self.name} starts (life {life})")
        self._begin()
        self._wake(0.0)

    def kill(self) -> None:
        """kill -9: what was not committed is gone, what was not sent never was."""
        if self.loop is None:
            return
        self.world.tell(f"{self.name} is killed")
        loop, self.loop = self.loop, None
        self._turn_at = None
        loop.shut()
        self._end()

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        if self.is_alive and not self.is_stopped:
            self.world.tell(f"{self.name} is stopped for {seconds:.1f} s")
            self.is_stopped = True
            self.world.later(seconds, self.resume)

    def resume(self) -> None:
        if self.is_stopped:
            self.is_stopped, self.resumed_at = False, self.world.now
            self.world.tell(f"{self.name} goes on")
            self._wake(0.0)

    def _arrived(self, life: int) -> None:
        if life == self.lives:
            self._wake(0.0)

    def _wake(self, delay_s: float) -> None:
        """Lets a turn come after a delay, unless one comes before it anyway."""
        at = self.world.now + max(delay_s, 0.0)
        if self._turn_at is not None and self._turn_at <= at:
            return
        self._turn_at = at
        life = self.lives
        self.world.later(delay_s, lambda: self._due(at, life))

    def _due(self, at: float, life: int) -> None:
        if self.loop is None or life != self.lives or self._turn_at != at:
            return
        self._turn_at = None
        if self.is_stopped:
            return
        try:
            self._turn()
        except Killed:
            self.kill()
            return
        if self.loop is None:
            return
        if self.death == "in-flush":
            self.kill()
            return
        deadline = self._deadline()
        if deadline is not None:
            self._wake(max(deadline - self.world.now, 0.001))

    def check(self, point: str) -> None:
        """Dies if this is where it was to die."""
        if self.death == point:
            raise Killed

    # what each program is

    def _begin(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        pass

    def _turn(self) -> None:
        raise NotImplementedError

    def _deadline(self) -> float | None:
        raise NotImplementedError


class Disk:
    """Wraps a real ledger and spool so that a program can die around a commit and a write can fail."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.full_chance = 0.0

    def wrap(self, ledger: Any, spool: Spool) -> None:
        commit, append = ledger.commit, spool.append

        def committed() -> None:
            self._program.check("before-commit")
            commit()
            self._program.check("after-commit")

        def appended(key: str, payload: Any, **limits: int) -> Location:
            if self.full_chance and self._program.world.random.random() < self.full_chance:
                raise OSError(errno.ENOSPC, "No space left on device")
            return append(key, payload, **limits)

        ledger.commit = committed
        spool.append = appended  # type: ignore[method-assign, assignment]

    def damage(self, folder: Path, among: Sequence[int] = ()) -> None:
        """Some bytes of a file in the spool are not what they were, or all of it is gone; of one of these segments, if
        there are any."""
        world = self._program.world
        files = [path for path in sorted((folder / "spool").glob("*.segment")) if path.stat().st_size]
        files = [path for path in files if int(path.stem) in among] or files
        if not files:
            return
        path = world.random.choice(files)
        if world.random.random() < 0.3:
            path.unlink()
            return world.see("unlinked", f"{self._program.name}'s {path.name} is removed")
        data = bytearray(path.read_bytes())
        start = world.random.randrange(len(data))
        stop = min(len(data), start + world.random.choice((1, 20, SEGMENT_BYTES)))
        data[start:stop] = bytes(byte ^ 0x55 for byte in data[start:stop])
        with path.open("r+b") as file:
            file.write(data)
        world.see("damaged", f"bytes {start} to {stop} of {self._program.name}'s {path.name} are damaged")
        return None


VALIDATED_TURN: Final = 4
"""After every so many turns all indexes of a middleware are validated: they go on to disagree once they do."""

IDLE_CHECK_INTERVAL_S: Final = 0.5
"""How often a middleware is looked at in whose turns nothing moves; see `Middleware`."""


class Middleware(Program):
    """The real server. After a turn all oracles are asked, but where only time has passed: nothing arrived, no job
    changed its state, and nothing was commanded but records for those who watch. Such turns are a third to two thirds
    of all, and looked at now and then only."""

    def __init__(self, world: World, network: Network, folder: Path, rules: Rules) -> None:
        super().__init__("middleware", world, network)
        self.folder, self.rules = folder, rules
        self.disk = Disk(self)
        self.server: MiddlewareServer | None = None
        self._ids = count(1)
        self.spool_bytes = world.random.choice((SPOOL_BYTES, *TIGHT_SPOOL_BYTES))
        self.after_turn: Callable[[], None] = lambda: None
        self.on_stage_kept: Callable[[], None] = lambda: None
        self._has_moved = True
        self._states: dict[str, JobState] = {}  # of the jobs that are open
        self._checked_at = 0.0
        self._checks = 0  # since it started
        self.asked_again_for: set[str] = set()  # jobs of which accepted chunks had to be sent again

    def _begin(self) -> None:
        assert self.loop is not None
        self._ledger = MiddlewareLedger(self.folder / "ledger.sqlite")
        self._spool = Spool(self.folder / "spool", limit_bytes=self.spool_bytes, segment_bytes=SEGMENT_BYTES)
        self.server = MiddlewareServer(
            self.rules, self.loop, self._ledger, self._spool,  # type: ignore[arg-type]
            clock=self.world.clock, make_id=lambda name: f"{name[:40]}-{next(self._ids)}",
        )  # fmt: skip
        dispatcher, cluster = self.server.dispatcher, self.server.dispatcher.cluster
        dispatcher.half_done = lambda: BUG  # type: ignore[method-assign]
        self.disk.wrap(self._ledger, self._spool)
        self.network.listening[MIDDLEWARE] = self.loop
        handle, note = dispatcher.handle, cluster.note
        self._has_moved, self._checks = True, 0

        def handled(event: Any, now: float) -> list[Command]:
            commands = handle(event, now)
            if isinstance(event, StageKept):
                self.on_stage_kept()
            self._has_moved |= not all(
                isinstance(one, Log) or (isinstance(one, Send) and one.peer in cluster.watchers) for one in commands
            )
            return commands

        def noted(kind: str, text: str, *more: Any, **named: Any) -> None:
            self.world.see(kind, f"middleware: {text}")
            if kind in ("chunk-lost", "source-needed"):
                self.asked_again_for.add(more[1])
            note(kind, text, *more, **named)

        dispatcher.handle = handled  # type: ignore[method-assign]
        cluster.note = noted  # type: ignore[method-assign]

    def _end(self) -> None:
        self._spool.close()
        self._ledger.close()
        self.server = None

    def _turn(self) -> None:
        assert self.server is not None
        assert self.loop is not None
        if self.death == "in-flush":
            self.loop.flush_limit = self.world.random.randrange(3)
        self._has_moved |= self.loop.has_arrivals
        self.server.turn()
        states = {job.id: job.state for job in self.server.dispatcher.cluster.open.values()}
        if self._has_moved or states != self._states or self.world.now >= self._checked_at + IDLE_CHECK_INTERVAL_S:
            self._has_moved, self._states, self._checked_at = False, states, self.world.now
            if self._checks % VALIDATED_TURN == 0:
                self.validate()
            self._checks += 1
            self.after_turn()

    def validate(self) -> None:
        """Raise AssertionError where its indexes disagree."""
        assert self.server is not None
        self.server.dispatcher.validate()

    def _deadline(self) -> float | None:
        assert self.server is not None
        return self.server.dispatcher.next_deadline()

    @property
    def is_dirty(self) -> bool:
        """Whether something is not committed yet."""
        return self._ledger.is_dirty

    def lose_payloads(self) -> None:
        """A file of its spool is gone, as after a power cut or a repair of the file system."""
        assert not self.is_alive
        files = sorted((self.folder / "spool").glob("*.segment"))
        if files:
            lost = self.world.random.choice(files)
            self.world.see("payloads-lost", f"{self.name}'s {lost.name} is lost")
            lost.unlink()

    def staged_segments(self) -> list[int]:
        """The segments of its spool that hold what lies between two workers."""
        stages = self.server._stages.values() if self.server is not None else ()
        return [location.segment for one in stages for location, _ in one.values()]

    @property
    def room_bytes(self) -> int:
        """What its spool could take."""
        return self._spool.room_bytes

    @property
    def spooled_bytes(self) -> int:
        """What its spool holds."""
        return self._spool.used_bytes

    def committed_chunks(self, job: str) -> int:
        """How many chunks of a job the ledger has."""
        [(count,)] = self._ledger._ledger.query("SELECT COUNT(*) FROM chunk WHERE job = ?", (job,))
        return int(count)


class Splicers:
    """Stands in for the splicing processes: a splice takes a while and writes the results' texts behind each other."""

    def __init__(self, program: Aggregator) -> None:
        self._program = program
        self._running: dict[str, int] = {}
        self._ended: list[Any] = []
        self._serial = 0
        self.crash_chance = 0.0

    def start(self, now: float) -> None:
        pass

    def stop(self) -> None:
        pass

    def next_deadline(self) -> float | None:
        return None

    def readable(self, fd: int, now: float) -> list[Any]:
        return []

    def begin(self, job: str, request: SpliceRequest, now: float) -> list[Any]:
        world = self._program.world
        self._serial += 1
        self._running[job] = serial = self._serial
        life = self._program.lives

        def done() -> None:
            if self._program.lives == life and self._program.is_alive and self._running.get(job) == serial:
                del self._running[job]
                self._ended.append(self._ending(job, request))
                self._program._wake(0.0)

        world.later(world.random.uniform(0.01, 2.0), done)
        return []

    def cancel(self, job: str, now: float) -> None:
        self._running.pop(job, None)
        self._ended = [ending for ending in self._ended if ending.job != job]  # nothing more is heard of it

    def tick(self, now: float) -> list[Any]:
        ended, self._ended = self._ended, []
        return ended

    def _ending(self, job: str, request: SpliceRequest) -> Any:
        damaged = tuple(
            (track, index)
            for track, rows in enumerate(request.tracks)
            for index, row in enumerate(rows)
            if not _is_whole(row)
        )
        if damaged:
            self._program.world.see("result-damaged", f"the splice of {job} meets damaged results: {damaged}")
            return ChunksDamaged(job, damaged, "it is damaged")
        unreadable = tuple(
            (track, index)
            for track in range(len(request.outputs))
            for index, row in enumerate(request.tracks[track])
            if _read(row) == material.UNREADABLE
        )
        if unreadable:
            self._program.world.see("result-unreadable", f"the splice of {job} cannot read {unreadable}")
            makers = tuple(request.tracks[track][index].worker for track, index in unreadable)
            return ChunksDamaged(job, unreadable, "it cannot be read", makers)
        crashes = self._program.splice_crashes
        if crashes.get(job, 0) < 2 and self._program.world.random.random() < self.crash_chance:
            crashes[job] = crashes.get(job, 0) + 1  # a third one would rightly fail the job
            return SpliceCrashed(job, "the splicing process died")
        folder = self._program.results / job
        folder.mkdir(parents=True, exist_ok=True)
        outputs: list[OutputSummary] = []
        files: list[FinishedFile] = []
        for number, output in enumerate(request.outputs):
            texts = self._like_texts(job, output["name"], [_read(row) for row in request.tracks[number]])
            data = b"\n".join(texts)
            name = f"{output['name']}.txt"
            (folder / name).write_bytes(data)
            fallback = sum(text.endswith(b":bypass") for text in texts) * material.FRAMES_PER_CHUNK
            digest = material.xxh3_hex(data)
            state = JobState.PARTIAL if fallback else JobState.DONE
            outputs.append(OutputSummary(output["name"], state, file=name, fallback_frames=fallback, digest=digest))
            files.append(FinishedFile(name, len(data), material.xxh3_hex(data)))
        return Spliced(job, outputs, files)

    def _like_texts(self, job: str, output: str, results: list[bytes]) -> list[bytes]:
        """Return the texts of an output's results, each step of which must have run under the same build in all."""
        read = [material.builds_and_text(result) for result in results]
        paths = {builds for builds, _ in read}
        assert len(paths) <= 1, f"output {output} of {job} is made of results by different builds: {sorted(paths)}"
        if any(len(set(builds)) > 1 for builds in paths):
            self._program.world.see("builds-shared", f"output {output} of {job} is made by {paths}")
        return [text for _, text in read]


def _is_whole(part: StoredPart) -> bool:
    try:
        data = _read(part)
    except OSError:
        return False
    return len(data) == part.size and checksum(data).to_bytes(8, "big") == part.xxh3


def _read(part: StoredPart) -> bytes:
    with open(part.path, "rb") as file:
        file.seek(part.offset)
        return file.read(part.size)


class Aggregator(Program):
    def __init__(self, world: World, network: Network, folder: Path, name: str = "aggregator") -> None:
        super().__init__(name, world, network)
        self.folder, self.results = folder, folder / "results"
        self.address = Address(name, 5001)
        self.disk = Disk(self)
        self.server: aggregator_server.Server | None = None
        self.splicers: Splicers | None = None
        self.crash_chance = 0.0
        self.was_wiped = False
        self.splice_crashes: dict[str, int] = {}

    def _begin(self) -> None:
        assert self.loop is not None
        self._ledger = AggregatorLedger(self.folder / "ledger.sqlite")
        self._spool = Spool(self.folder / "spool", limit_bytes=SPOOL_BYTES, segment_bytes=SEGMENT_BYTES)
        self.splicers = Splicers(self)
        self.splicers.crash_chance = self.crash_chance
        settings = AggregatorSettings(
            name=self.name, bind=self.address.host, port=self.address.port, host=MIDDLEWARE.host,
            middleware_port=MIDDLEWARE.port, advertise=self.address.host, state=self.folder, results=self.results,
            spool_limit=SPOOL_BYTES,
        )  # fmt: skip
        self.server = aggregator_server.Server(
            settings, self.loop, self._ledger, self._spool, self.splicers, self.address.port,  # type: ignore[arg-type]
            clock=self.world.clock, unix_clock=self.world.clock,
        )  # fmt: skip
        self.server.assembler.half_done = lambda: BUG  # type: ignore[method-assign]
        self.disk.wrap(self._ledger, self._spool)
        for address in self._reached_at:
            self.network.listening[address] = self.loop

    @property
    def _reached_at(self) -> tuple[Address, Address]:
        """Its own address, and its port at the middleware's host, as a cluster in containers publishes it."""
        return self.address, Address(MIDDLEWARE.host, self.address.port)

    def _end(self) -> None:
        for address in self._reached_at:
            self.network.listening.pop(address, None)
        self._spool.close()
        self._ledger.close()
        self.server = self.splicers = None

    @property
    def is_dirty(self) -> bool:
        """Whether something is not committed yet."""
        return self._ledger.is_dirty

    def committed(self, job: str, track: int, index: int) -> bool:
        """Whether the ledger has a result."""
        where = "job = ? AND track = ? AND number = ?"
        return bool(self._ledger._ledger.query(f"SELECT 1 FROM result WHERE {where}", (job, track, index)))

    def owner_epoch(self, job: str) -> int | None:
        """Under which owner epoch it has a job; None when it has not."""
        saved = self._ledger.jobs.read(job)
        return None if saved is None else int(saved.fixed["owner_epoch"])

    @property
    def known_store(self) -> str:
        """Its store's id, once it has joined the middleware: nobody else knows it before. Empty otherwise."""
        if self.server is None or not self.server.assembler.is_joined:
            return ""
        return self._ledger.store_id()

    def has_let_go(self, job: str) -> bool:
        """Whether the job's results are not needed any more."""
        saved = self._ledger.jobs.read(job)
        return saved is None or bool(saved.record.get("finished"))

    def wipe(self) -> None:
        """Its disk is lost: it comes back with an empty store."""
        assert not self.is_alive
        self.world.tell(f"{self.name}'s store is wiped")
        self.was_wiped = True
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def move(self) -> None:
        """It comes back at another port."""
        assert not self.is_alive
        self.address = Address(self.address.host, self.address.port + 1)

    def _turn(self) -> None:
        assert self.server is not None
        assert self.loop is not None
        self.loop.refuse_poison()
        if self.death == "in-flush":
            self.loop.flush_limit = self.world.random.randrange(3)
        self.server.turn()
        self.server.assembler.validate()

    def _deadline(self) -> float | None:
        assert self.server is not None
        return self.server.next_deadline()


class Worker(Program):
    """The real session; its computations take a while, and may fail, crash or hang as the script says."""

    def __init__(
        self, name: str, world: World, network: Network, filters: tuple[str, ...], fate: Fate, build: str
    ) -> None:
        super().__init__(name, world, network)
        self.filters, self._fate, self._build = filters, fate, build
        self.session: WorkerSession | None = None
        self._connections: dict[str, int] = {}
        self._peers: dict[int, str] = {}
        self._inbox: list[worker_events.Event] = []
        self._died: Death | None = None
        self._abandoned: set[Any] = set()
        self.restarts_itself = True
        self.after_turn: Callable[[Worker], None] = lambda _worker: None
        self._token = f"token of {name}"

    def _begin(self) -> None:
        self._connections, self._peers, self._inbox, self._abandoned = {}, {}, [], set()
        if self._died is None and self.world.random.random() < 0.3:
            self._token = f"token of {self.name} {self.lives}"  # its parent began anew as well, and knows of no death
        schemas = tuple({"name": one} for one in self.filters)
        identity = Identity(
            self.name, f"{self.name}-{self.lives}", schemas, ("video",), self._build, "host", self.lives, self._token
        )
        self.session = WorkerSession(identity, (MIDDLEWARE,), self.world.random.random, self._died)
        self._died = None

    def _end(self) -> None:
        lease = self.session.computation.lease if self.session is not None else None
        if self._died is None and lease is not None:
            self._died = Death(lease, "SIGKILL", kind="killed", text="killed by SIGKILL")
        self.session = None

    def drain(self) -> None:
        self._report(worker_events.DrainRequested())

    def _report(self, event: worker_events.Event) -> None:
        if self.is_alive:
            self._inbox.append(event)
            self._wake(0.0)

    def _turn(self) -> None:
        assert self.loop is not None
        for event in self.loop.turn():
            self._happened(event)
        inbox, self._inbox = self._inbox, []
        for one in inbox:
            self._handle(one)
        self._handle(worker_events.Tick())
        if self.loop is not None:
            if self.death == "in-flush":
                self.loop.flush_limit = self.world.random.randrange(3)
            self.loop.flush()
            self.after_turn(self)

    def link(self, peer: str) -> Link | None:
        """The connection to a peer, while there is one."""
        number = self._connections.get(peer)
        end = self.loop.ends.get(number) if self.loop is not None and number is not None else None
        return end.link if end is not None else None

    def _happened(self, event: Any) -> None:
        peer = self._peers.get(event.connection)
        if peer is None:
            return
        if isinstance(event, Lost):
            self._forget(peer)
            self._handle(worker_events.Lost(peer, event.reason, event.error.code if event.error else ""))
        elif isinstance(event, Damaged):
            self._handle(worker_events.Damaged(peer, event.message))
        elif isinstance(event, Received):
            if isinstance(event.message, Welcome):
                self._handle(worker_events.Opened(peer, event.message))
            else:
                self._handle(worker_events.ServerMessage(peer, event.message, event.payload))

    def _handle(self, event: worker_events.Event) -> None:
        if self.session is None:
            return
        commands = self.session.handle(event, self.world.now)
        if not self.session.is_exiting:
            self.session.validate()
        for command in commands:
            self._execute(command)

    def _execute(self, command: worker_events.Command) -> None:
        assert self.loop is not None
        match command:
            case worker_events.Dial(peer, addresses, hello):
                number = self.loop.dial(addresses, hello)
                self._connections[peer], self._peers[number] = number, peer
            case worker_events.HangUp(peer):
                self.loop.close(self._forget(peer))
            case worker_events.Send(peer, message, payload):
                if isinstance(message, Released):
                    self.world.tell(f"{self.name} releases {message.lease}: {message.outcome}")
                self.loop.send(self._connections[peer], message, payload)
            case worker_events.Compute(task, payload, assets):
                self._compute(task, bytes(payload), assets)
            case worker_events.Abandon(lease):
                self._abandoned.add(lease)
            case worker_events.Exit(status):
                self.world.tell(f"{self.name} exits with {status}")
                self.loop.flush()
                self.loop.shut()
                self.loop = None
                self.session = None
                if self.restarts_itself:
                    self.world.later(0.5, self._start_again)
            case worker_events.Log(text):
                self.world.tell(f"{self.name}: {text}")

    def _start_again(self) -> None:
        if not self.is_alive:
            self.start()

    def _forget(self, peer: str) -> int:
        number = self._connections.pop(peer)
        del self._peers[number]
        return number

    def _compute(self, task: Task, chunk: bytes, files: Mapping[str, bytes]) -> None:
        """In STEPS of equal length; between two of them it may be abandoned, as between two frames."""
        world, life = self.world, self.lives
        what = f"{task.job}/{task.track}/{task.index} {task.stage or ''} ({task.mode}, {task.lease})"
        world.see("stage" if task.stage else "task", f"{self.name} computes {what}")
        names = {step["name"] for step in task.output["chain"][slice(*task.stage or (None,))]}
        assert names <= set(self.filters), f"{self.name} offers {self.filters} and is given {what}: {names}"
        named = {value for step in task.output["chain"] for value in step["parameters"].values()}
        assert named <= files.keys() or task.mode == "drop", f"{self.name} is without the files of {what}: {named}"
        if named:
            world.see("file-read", f"{self.name} reads the files of {what}")
        fate = self._fate(task, self.name)
        step_s = world.random.uniform(0.1, 3.0) / STEPS

        def step(number: int) -> None:
            if self.lives != life or not self.is_alive:
                return
            if self.is_stopped:
                world.later(0.5, lambda: step(number))
            elif task.lease in self._abandoned:
                self._report(worker_events.Stopped(task.lease))
            elif number == BAD_STEP and fate == "crash":
                self._died = Death(task.lease, "SIGSEGV", kind="crash", text="killed by SIGSEGV")
                self.kill()
                world.later(0.5, self._start_again)
            elif number == BAD_STEP and fate == "fail":
                self._report(worker_events.Failed(task.lease, Cause(text="the filter raised")))
            elif number == BAD_STEP and fate == "hang":
                return
            elif number == STEPS:
                result = material.compute(chunk, task.output, task.mode, task.stage, self._build, files)
                self._report(worker_events.Computed(task.lease, result))
            else:
                self._report(worker_events.Progressed(task.lease, number, number))
                world.later(step_s, lambda: step(number + 1))

        step(1)

    def _deadline(self) -> float | None:
        return self.session.next_deadline() if self.session is not None else None


Fate = Callable[[Task, str], str]
"""What becomes of a task on a worker: "" (it works), `fail`, `crash` or `hang`."""


class PacedRun(Run):
    """Reads no faster than a chunk every so many seconds, as from a slow disk."""

    def __init__(self, pace_s: float, world: World, *more: Any) -> None:
        super().__init__(*more)
        self._pace_s, self._world = pace_s, world
        self._next_read_at = 0.0

    @property
    def reads_at(self) -> float | None:
        """When the next chunk will be read; None when none is wanted."""
        return self._next_read_at if super().wants_turn else None

    @property
    def wants_turn(self) -> bool:
        return self.reads_at is not None and self._world.now >= self._next_read_at

    def _pull(self) -> client_events.Event:
        self._next_read_at = self._world.now + self._pace_s
        return super()._pull()


class Client(Program):
    """The real session and shell of one submission; when it was killed it may come back and submit again."""

    def __init__(
        self,
        name: str,
        world: World,
        network: Network,
        folder: Path,
        chunk_count: int,
        made: Any,
        pace_s: float,
        user: str,
    ) -> None:
        super().__init__(name, world, network)
        self._pace_s = pace_s  # between two chunks
        self.user = user
        self.folder, self.chunk_count, self.submission = folder, chunk_count, made
        self.run: PacedRun | None = None
        self.outcome: Any = None

    def _begin(self) -> None:
        assert self.loop is not None
        reader = material.reader_of(self.submission, self.chunk_count)
        request = UploadRequest(self.submission, reader, Place(self.folder))
        self.run = PacedRun(self._pace_s, self.world, self.loop, Target(MIDDLEWARE, user=self.user), request)
        self.run.feed(client_events.Start(), self.world.now)

    def _end(self) -> None:
        self.run = None

    def _turn(self) -> None:
        assert self.run is not None
        assert self.loop is not None
        for event in self.loop.turn():
            if not isinstance(event, Received | Damaged | Lost):
                continue
            if event.connection in self.run.links.values():
                self.run.network(event, self.world.now)
        self.run.fire(self.world.now)
        self.run.read(self.world.now)
        if self.death == "in-flush":
            self.loop.flush_limit = self.world.random.randrange(3)
        self.loop.flush()
        if self.run.is_over and self.outcome is None:
            self.outcome = self.run.outcome()
            self.world.tell(f"{self.name} ends: {self.outcome.state} {self.outcome.reason}")
            loop, self.loop = self.loop, None
            loop.shut()

    def _deadline(self) -> float | None:
        assert self.run is not None
        deadlines = (self.run.reads_at, self.run.session.next_deadline())
        return min((at for at in deadlines if at is not None), default=None)
