"""Aggregators of a simulated cluster: the real server, with splicing processes that take a while."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from aggregator import server as aggregator_server
from aggregator.events import ChunksDamaged, SpliceCrashed, Spliced
from aggregator.ledger import AggregatorLedger
from aggregator.settings import Settings as AggregatorSettings
from aggregator.splice_messages import SpliceRequest, StoredPart
from middleware.model.states import JobState
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.storage.spool import Spool
from moviola.wire.addresses import Address
from moviola.wire.framing import checksum
from tests.simulation import material
from tests.simulation.network import Network
from tests.simulation.program import BUG, MIDDLEWARE, SEGMENT_BYTES, SPOOL_BYTES, Disk, Program
from tests.simulation.world import World


class SpliceProcesses:
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
        assert material.is_whole(request.source), f"job {job} is spliced by what the beginning of its source tells"
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
        self.splice_processes: SpliceProcesses | None = None
        self.crash_chance = 0.0
        self.was_wiped = False
        self.splice_crashes: dict[str, int] = {}
        self.let_go: set[tuple[str, int, int]] = set()  # (job, track, index) of results that this turn forgot

    def _begin(self) -> None:
        assert self.loop is not None
        self._ledger = AggregatorLedger(self.folder / "ledger.sqlite")
        self._spool = Spool(self.folder / "spool", limit_bytes=SPOOL_BYTES, segment_bytes=SEGMENT_BYTES)
        self.splice_processes = SpliceProcesses(self)
        self.splice_processes.crash_chance = self.crash_chance
        settings = AggregatorSettings(
            name=self.name, bind=self.address.host, port=self.address.port, host=MIDDLEWARE.host,
            middleware_port=MIDDLEWARE.port, advertise=self.address.host, state=self.folder, results=self.results,
            spool_limit=SPOOL_BYTES,
        )  # fmt: skip
        self.server = aggregator_server.Server(
            settings, self.loop, self._ledger, self._spool, self.splice_processes, self.address.port,  # type: ignore[arg-type]
            clock=self.world.clock, unix_clock=self.world.clock,
        )  # fmt: skip
        self.server.assembler.half_done = lambda: BUG  # type: ignore[method-assign]
        self.disk.wrap(self._ledger, self._spool)
        self._note_let_go(self._ledger)
        for address in self._reached_at:
            self.network.listening[address] = self.loop

    def _note_let_go(self, ledger: AggregatorLedger) -> None:
        forget_result, forget_results = ledger.forget_result, ledger.forget_results

        def one_forgotten(job: str, track: int, index: int) -> None:
            if self.committed(job, track, index):
                self.let_go.add((job, track, index))
            forget_result(job, track, index)

        def all_forgotten(job: str) -> None:
            self.let_go |= {(job, one.track, one.index) for one in ledger.results(job)}
            forget_results(job)

        ledger.forget_result = one_forgotten  # type: ignore[method-assign]
        ledger.forget_results = all_forgotten  # type: ignore[method-assign]

    @property
    def _reached_at(self) -> tuple[Address, Address]:
        """Its own address, and its port at the middleware's host, as a cluster in containers publishes it."""
        return self.address, Address(MIDDLEWARE.host, self.address.port)

    def _end(self) -> None:
        for address in self._reached_at:
            self.network.listening.pop(address, None)
        self._spool.close()
        self._ledger.close()
        self.server = self.splice_processes = None

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

    def expires(self, job: str) -> bool:
        """Whether the job goes by itself after a while: the middleware, which is there, has not asked for it."""
        return self.server is not None and job in self.server.assembler._memory.orphans

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
        self.let_go.clear()
        self.server.turn()
        self.server.assembler.validate()

    def _deadline(self) -> float | None:
        assert self.server is not None
        return self.server.next_deadline()
