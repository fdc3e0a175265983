"""One seed: a cluster, some jobs, a time of faults, and then a time in which everything must come to a good end."""

from __future__ import annotations

import gc
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

from aggregator import reads
from middleware import publisher as records
from middleware import subscriptions
from middleware.model import journal
from middleware.model.rules import Rules
from middleware.model.users import QUOTAS, Quota, Resource
from moviola.session.outcome import Status
from moviola.wire import limits, windows
from moviola.wire.messages import Task
from tests.simulation import material
from tests.simulation.aggregators import Aggregator
from tests.simulation.checks.draining import DrainChecks
from tests.simulation.checks.ends import at_the_end, previews_left, results_are_sent
from tests.simulation.checks.messages import MessageChecks
from tests.simulation.checks.streams import forgotten_left
from tests.simulation.checks.turns import TurnChecks
from tests.simulation.clients import Client
from tests.simulation.greedy import USER as GREEDY
from tests.simulation.greedy import Greedy
from tests.simulation.impostor import Impostor
from tests.simulation.intruder import Intruder
from tests.simulation.liar import Liar
from tests.simulation.listener import TOLD_ALL_S, Listener
from tests.simulation.middlewares import Middleware
from tests.simulation.network import Link, Network
from tests.simulation.onlooker import USER as ADMIN
from tests.simulation.onlooker import Onlooker
from tests.simulation.operator import Operator
from tests.simulation.previewer import Previewer
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.readers import ResultsReader
from tests.simulation.streamed import StreamedClient
from tests.simulation.undecided import Undecided
from tests.simulation.workers import Worker
from tests.simulation.world import World

FAULTS_S: Final = 40.0
"""How long faults may happen."""

PEACE_S: Final = 900.0
"""How long the cluster then has to finish everything: above all timeouts and backoffs together."""

STAGE_DAMAGE_CHANCE: Final = 0.2
"""Of what one worker hands on to another, where spools are damaged in a run."""

STAGE_DAMAGED_AFTER_S: Final = 0.0005
"""… once it is committed, and before the next worker has it."""

CLEARED_S: Final = 70.0
"""How long previews may last after whoever looked at them has gone, and all else has ended: a worker that lost the
middleware is back by then."""

DRAIN_TORN_CHANCE: Final = 0.4
"""Of connections over which a worker is told to drain, or to go on after all."""

DRAIN_TORN_AFTER_S: Final = (0.0001, 0.001, 0.1, 0.5)
"""… before it has heard that, or while it drains."""

DESCRIBED_FAULT_CHANCE: Final = 0.5
"""Of the Ends that tell what a source is that came while it was sent."""

DESCRIBED_FAULT_AFTER_S: Final = (0.0001, 0.001, 0.003, 0.01, 0.1)
"""… before the middleware has heard that, or its aggregator, or while the job is finished."""

WATCHED_S: Final = 150.0
"""How long into the peace clients without jobs look on: all is over by then but in runs in which something hangs, and
what they are told is most of what a run costs."""

FILTERS: Final = ("blur", "edges", "faces")

USERS: Final = ("ann", "bob")
"""Whose jobs the honest clients' are."""

TIGHT_QUOTAS: Final = {
    Resource.OPEN_JOBS: Quota(in_all=60, of_user=20, reserved=15),
    Resource.CHUNKS: Quota(in_all=600, of_user=160, reserved=150),
}
"""What one who takes all reaches at once, and an honest user does not, however often its clients are killed."""

ONLOOKERS: Final = {"asking": 1000, "watching": 1, "silent": 0}
"""Clients without jobs, and how often each asks for all records over one connection."""

LISTENING: Final = "listening"
SLUGGISH: Final = "sluggish"
"""Clients that follow events; the second one reads now and then only."""

BUILDS: Final = ("b1",) * 5 + ("b2",)
"""Library versions of workers: results of different ones must not be mixed in one file."""

SPLIT: Final = ((FILTERS[:1], "b1"), (FILTERS[:2], "b1"), (FILTERS[1:], "b2"))
"""Filters and builds of the first workers where a chain of all filters is shared by two builds, which take over from
each other after one step or after two."""


TIGHT_STAGE_BYTES: Final = 60
"""Room for three of what workers hand on here. It is always so where builds take over from each other: what was begun
under builds that do not go together gives room back, which a job with few tasks does not take again, and others wait
for."""


class Failed(AssertionError):
    """A seed showed a defect; the story tells how."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of run a seed is."""

    workers: int
    jobs: int
    chunk_counts: tuple[int, ...]
    faults: frozenset[str]
    bad_chunk: int | None  # of job 0: fails, crashes or hangs wherever it is computed
    bad_fate: str
    intrudes: bool  # somebody submits what no honest client would
    shares: bool  # no worker of the first hour offers all filters
    splits: bool  # … and builds take over from each other at different steps
    stage_bytes: int  # what may lie between workers
    lies: bool  # one more worker means ill
    is_watched: bool  # there are clients without jobs
    previews: bool  # somebody looks at what chains do
    streams: bool  # sources of clients still come while they are sent
    labels: bool  # workers have all filters, each of which asks for a label, and are given those whose label they have

    @classmethod
    def draw(cls, random: Random) -> Plan:
        kinds = [kind for kind in KINDS if random.random() < 0.5]
        bad = random.random() < 0.25
        shares = random.random() < 0.4
        splits = shares and random.random() < 0.5
        jobs = 3 if splits else random.randint(1, 3)
        return cls(
            intrudes=random.random() < 0.3,
            shares=shares,
            splits=splits,
            stage_bytes=TIGHT_STAGE_BYTES if splits else random.choice((TIGHT_STAGE_BYTES, 1 << 20)),
            workers=random.randint(3 if splits else 2 if shares else 1, 4),
            jobs=jobs,
            chunk_counts=tuple(random.choice((2, 3, 13) if splits else (1, 2, 3, 5, 8, 13)) for _ in range(jobs)),
            faults=frozenset(kinds),
            bad_chunk=0 if bad else None,
            lies=random.random() < 0.4,
            bad_fate=random.choice(("fail", "crash", "hang")) if bad else "",
            is_watched=random.random() < 0.3,
            previews=random.random() < 0.3,
            streams=random.random() < 0.3,
            labels=random.random() < 0.3,
        )


KINDS: Final = (
    "kill-worker",
    "kill-middleware",
    "kill-aggregator",
    "kill-client",
    "leave-client",
    "stop",
    "tear",
    "wall",
    "disk-full",
    "wipe-aggregator",
    "move-aggregator",
    "drain-worker",
    "splice-crash",
    "lose-payloads",
    "damage-spool",
    "damage-wire",
    "impostor",
    "greedy",
    "change-mind",
    "drain-wish",
)


class Scenario:
    """See the module. `run` raises Failed with the story."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.world = World(seed)
        self.random = self.world.random
        self.network = Network(self.world)
        self.plan = Plan.draw(self.random)
        rules = Rules(
            max_losses=1000,  # kills alone must never pause a job here
            beat_interval_s=2.0,
            client_window_bytes=100,
            stage_bytes=self.plan.stage_bytes,
            stall_timeout_s=20.0,
            delivery_timeout_s=25.0,
            upload_timeout_s=self.random.choice((3.0, 6.0, 600.0)),
            quotas={**QUOTAS, **TIGHT_QUOTAS},
            admins=(ADMIN,),
        )
        for name in ("middleware", "aggregator", "clients", "previews"):
            (folder / name).mkdir(parents=True)
        self.middleware = Middleware(self.world, self.network, folder / "middleware", rules)
        self.aggregator = Aggregator(self.world, self.network, folder / "aggregator")
        self.workers = [self._worker(number) for number in range(self.plan.workers)]
        if self.plan.lies:
            filters = self.random.choice((FILTERS[:1], FILTERS[1:])) if self.plan.shares else FILTERS
            build = self.random.choice(BUILDS)
            liar = Liar("liar", self.world, self.network, filters, self._fate, build, self._known)
            liar.others = list(self.workers)
            self.workers.append(liar)
        self.clients = [self._client(number, folder / "clients") for number in range(self.plan.jobs)]
        self.streamed = [client for client in self.clients if isinstance(client, StreamedClient)]
        if self.random.random() < 0.2:
            self.network.names_unknown_to_clients.add(self.aggregator.name)
        self.impostor = Impostor("impostor", self.world, self.network)
        self.greedy = Greedy("greedy", self.world, self.network)
        self.intruder = Intruder("intruder", self.world, self.network)
        self.undecided = Undecided(self.world, self.network)
        self.operator = Operator(self.world, self.network)
        self.onlookers = [
            Onlooker(name, self.world, self.network, questions)
            for name, questions in (ONLOOKERS.items() if self.plan.is_watched else ())
        ]
        self.readers = [
            self._reader(number, client) for number, client in enumerate(self.clients) if self.random.random() < 0.7
        ]
        self.listeners = [
            Listener(name, self.world, self.network, self.middleware, is_sluggish=name == SLUGGISH)
            for name in ((LISTENING, SLUGGISH) if self.plan.is_watched else ())
        ]
        self.previewer = Previewer("client-previewer", self.world, self.network, folder / "previews", FILTERS)
        self.draining = DrainChecks(self)
        self.draining.on_told = self._drain_told
        self.messages = MessageChecks(self)
        self.messages.on_described = self._described
        self.middleware.after_turn = TurnChecks(self, self.messages).nothing_waits_in_vain
        self.middleware.on_stage_kept = self._stage_kept
        for worker in self.workers:
            worker.after_turn = self._worker_turn
        self.is_peaceful = False

    def _worker(self, number: int) -> Worker:
        filters, build = self._filters_of(number), self.random.choice(BUILDS)
        if self.plan.splits and number < len(SPLIT):
            filters, build = SPLIT[number]
        return Worker(f"worker{number}", self.world, self.network, filters, self._fate, build, self._known)

    @property
    def _known(self) -> tuple[str, ...]:
        """The filters that each worker has; empty: those that it may be given."""
        return FILTERS if self.plan.labels else ()

    def _filters_of(self, number: int) -> tuple[str, ...]:
        """The first worker offers all; or the first two together, until a last one comes who does as well."""
        if self.plan.shares and number < 2:
            return FILTERS[1:] if number else FILTERS[:1]
        if not number or number == self.plan.workers - 1:
            return FILTERS
        return tuple(name for name in FILTERS if self.random.random() < (0.4 if self.plan.shares else 0.7)) or FILTERS

    def _client(self, number: int, folder: Path) -> Client:
        name = f"clip{number}"
        chains = [
            self.random.choices(FILTERS, k=self.random.choice((1, 2, 3))) for _ in range(self.random.choice((1, 1, 2)))
        ]
        if self.plan.splits:
            chains = [list(FILTERS) for _ in chains]
        chunks = self.plan.chunk_counts[number]
        file = self.random.choice((b"", b"<file>", f"<file of {name}>".encode()))
        made = material.submission(
            name + self.random.choice(("", "", "v" * 200)), chunks, self.random.choice((1, 1, 2)), chains, "original",
            file, self.random.choice(("out", "out", "o" * 119)),
        )  # fmt: skip
        place = folder / name
        place.mkdir()
        pace_s = self.random.choice((0.0, 0.1, 1.0, 3.0))
        user = self.random.choice(USERS)
        kind = StreamedClient if self.plan.streams and not made.order.assets else Client  # files come before chunks
        return kind(f"client{number}", self.world, self.network, place, chunks, made, pace_s, user)

    def _reader(self, number: int, client: Client) -> ResultsReader:
        made = client.submission
        track = self.random.randrange(len(made.order.outputs) + made.source.stream_count - 1)
        pace_s = self.random.choice((0.0, 0.0, 0.5, 5.0))
        return ResultsReader(f"client-reader{number}", self.world, self.network, client, track, pace_s)

    def _fate(self, task: Task, worker: str) -> str:
        is_bad = (
            str(task.source.get("name")).rstrip("v") == "clip0"
            and task.index == self.plan.bad_chunk
            and task.track == 0
        )
        return self.plan.bad_fate if is_bad and task.mode != "bypass" else ""

    @property
    def programs(self) -> list[Program]:
        return [self.middleware, self.aggregator, *self.workers, *self.clients, self.intruder]

    # ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        self.world.tell(f"plan: {self.plan}")
        try:
            self._play()
        except Failed:
            raise
        except Exception as error:  # whatever a program raises is a defect, and is told with its story
            raise Failed(f"{type(error).__name__}: {error}") from error

    def _play(self) -> None:
        for program in (self.middleware, self.aggregator, *self.workers):
            first_count = len(SPLIT) if self.plan.splits else 2
            is_late = self.plan.shares and program in self.workers[first_count:] and not isinstance(program, Liar)
            self.world.later(self.random.uniform(0, 30 if is_late else 3), program.start)
        for client in self.clients:
            self.world.later(self.random.uniform(0, 20), client.start)
        for reader in self.readers:
            self.world.later(0.0, reader.start)
        for onlooker in (*self.onlookers, *self.listeners):
            self.world.later(self.random.uniform(0, 20), onlooker.start)
        if self.plan.intrudes:
            self.world.later(self.random.uniform(0, 30), self.intruder.start)
        if self.plan.previews:
            self.world.later(self.random.uniform(0, 20), self.previewer.start)
        self._schedule_faults()
        self.world.run(self.world.now + FAULTS_S)
        self._make_peace()
        if not self.world.run(self.world.now + PEACE_S, self._all_is_over):
            waiting = [client.name for client in self.clients if client.outcome is None]
            waiting += [reader.name for reader in self.readers if not reader.is_over]
            raise Failed(f"no good end in {PEACE_S:.0f} s: {waiting} wait; {self._job_lines()}")
        self.world.run(self.world.now + CLEARED_S, lambda: not previews_left(self) and not forgotten_left(self))
        for listener in self.listeners:  # what they are to be told may still be on its way
            listener.read_on()
        self.world.run(self.world.now + TOLD_ALL_S, lambda: all(one.has_been_told_all for one in self.listeners))
        if self.middleware.is_alive:
            self.middleware.validate()
        at_the_end(self, self.messages)

    def _all_is_over(self) -> bool:
        for client in self.clients:
            if client.outcome is not None and self._is_tried_again(client):
                client.outcome = None
                self.world.later(1.0, lambda client=client: self._revive(client))  # type: ignore[misc]
        return all(client.outcome is not None for client in self.clients) and all(
            reader.is_over for reader in self.readers
        )

    def _is_tried_again(self, client: Client) -> bool:
        """Whether the person does not leave it at that: there was no middleware just then, or they had ended the job
        and wanted it again."""
        outcome = client.outcome
        return outcome.status is Status.UNREACHABLE or (outcome.state == "cancelled" and bool(self.undecided.jobs))

    def task_stories(self) -> list[str]:
        """Return what happened to each task that is not stored, of all jobs that go on."""
        server = self.middleware.server
        if server is None:
            return []
        cluster = server.dispatcher.cluster
        chunks = {
            (job.id, index)
            for job in cluster.open.values()
            for track in job.tracks
            for index in track.stream.here
            if index not in track.queue.stored
        }
        return [line for job, index in sorted(chunks) for line in cluster.stories.lines(job, index)]

    def _job_lines(self) -> str:
        server = self.middleware.server
        if server is None:
            return "the middleware is not there"
        return "; ".join(
            f"{job.id} {job.state.value} {job.code} {job.reason} "
            + ", ".join(
                f"track {t.number}: {t.queue.stored.count} stored, in flight {list(t.queue.in_flight)}"
                for t in job.tracks
            )
            for job in server.dispatcher.cluster.open.values()
        )

    # ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _schedule_faults(self) -> None:
        for kind in sorted(self.plan.faults):
            for _ in range(self.random.randint(1, 6)):
                self.world.later(self.random.uniform(0.5, FAULTS_S), lambda kind=kind: self._fault(kind))  # type: ignore[misc]

    def _fault(self, kind: str) -> None:  # noqa: PLR0915 - one case a kind of fault
        if self.is_peaceful:
            return
        match kind:
            case "kill-worker":
                self._kill(self.random.choice(self.workers))
            case "kill-middleware":
                self._kill(self.middleware)
            case "kill-aggregator":
                self._kill(self.aggregator)
            case "kill-client":
                self._kill(self.random.choice(self.clients))
            case "leave-client":
                self._kill(self.random.choice(self.clients), back_after=(10.0, 60.0))
            case "lose-payloads":
                self._kill(self.middleware, and_then=self.middleware.lose_payloads)
            case "damage-spool":
                store = self.random.choice((self.middleware, self.aggregator))
                is_between = isinstance(store, Middleware) and self.random.random() < 0.5
                store.disk.damage(store.folder, self.middleware.staged_segments() if is_between else ())
            case "damage-stage":
                self.middleware.disk.damage(self.middleware.folder, self.middleware.staged_segments())
            case "damage-wire":
                self.network.damage_chance = self.random.choice((0.1, 0.5))
                self.world.later(self.random.uniform(0.5, 10), lambda: setattr(self.network, "damage_chance", 0.0))
            case "stop":
                program = self.random.choice(self.programs)
                program.stop(self.random.choice((0.5, 5.0, 15.0, 40.0)))
            case "greedy":
                server = self.middleware.server
                if server is not None:
                    jobs = [job for job in server.dispatcher.cluster.jobs.values() if job.user.name != GREEDY]
                    self.greedy.steal(self.aggregator, self.clients, [job.id for job in jobs])
                self.greedy.spree(self.middleware, self.clients)
            case "impostor":
                self._claim()
            case "change-mind":
                client = self.random.choice(self.clients)
                if self.random.random() < 0.5:
                    self.undecided.change_mind(self.middleware, client)
                else:
                    self.undecided.change_priority(self.middleware, client, self.random.randrange(10))
            case "tear":
                if self.network.links:
                    link = self.random.choice(self.network.links)
                    self.world.tell(f"the connection of {' and '.join(end.loop.name for end in link.ends)} is torn")
                    self.network.tear(link)
            case "wall":
                one, other = self.random.sample(self.programs, 2)
                self.world.tell(f"a wall rises between {one.name} and {other.name}")
                self.network.wall(one.name, other.name)
                tear = self.random.random() < 0.5
                self.world.later(self.random.uniform(1, 30), lambda: self.network.heal(tear=tear))
            case "disk-full":
                disk = self.random.choice((self.middleware.disk, self.aggregator.disk))
                disk.full_chance = self.random.choice((0.1, 1.0))
                self.world.tell("a disk is full")
                self.world.later(self.random.uniform(0.5, 10), lambda: setattr(disk, "full_chance", 0.0))
            case "wipe-aggregator":
                if self.random.random() < 0.5:
                    self._kill(self.aggregator, and_then=self.aggregator.wipe)
            case "move-aggregator":
                self._kill(self.aggregator, and_then=self.aggregator.move)
            case "drain-worker":
                self.random.choice(self.workers).drain()
            case "drain-wish":
                self.operator.drain(self.random.choice(self.workers))
            case "splice-crash":
                self.aggregator.crash_chance = 0.5
                if self.aggregator.splice_processes is not None:
                    self.aggregator.splice_processes.crash_chance = 0.5

    def _worker_turn(self, worker: Worker) -> None:
        results_are_sent(worker)
        self.draining.worker_turn(worker)

    def _stage_kept(self) -> None:
        """What lies between two workers lies there for a moment only: faults drawn over time would seldom meet it."""
        if "damage-spool" in self.plan.faults and not self.is_peaceful and self.random.random() < STAGE_DAMAGE_CHANCE:
            self.world.later(STAGE_DAMAGED_AFTER_S, lambda: self._fault("damage-stage"))

    def _drain_told(self, link: Link) -> None:
        """What a worker is told is on its way for a moment only, and so is what it finishes: see `_stage_kept`."""
        if not self.is_peaceful and self.random.random() < DRAIN_TORN_CHANCE:
            self.world.later(self.random.choice(DRAIN_TORN_AFTER_S), lambda: self.network.tear(link))

    def _described(self, link: Link) -> None:
        """What is told of a source at its end is told once, and then once more to an aggregator: see `_stage_kept`."""
        if self.is_peaceful or self.random.random() >= DESCRIBED_FAULT_CHANCE:
            return
        client = next((one for one in self.streamed if one.loop in {end.loop for end in link.ends}), None)
        ends = {self.middleware.loop, self.aggregator.loop}
        uplinks = [one for one in self.network.links if {end.loop for end in one.ends} == ends]
        met = self.random.choice([link, *uplinks, self.middleware, self.aggregator, client, self.undecided])

        def happen() -> None:
            if isinstance(met, Link):
                self.network.tear(met)
            elif isinstance(met, Program) and not self.is_peaceful:
                self._kill(met)
            elif isinstance(met, Undecided) and client is not None and not self.is_peaceful:
                met.change_mind(self.middleware, client)

        self.world.later(self.random.choice(DESCRIBED_FAULT_AFTER_S), happen)

    def _claim(self) -> None:
        """Somebody joins under a name that is another's."""
        name, known = self.aggregator.name, self.aggregator.known_store
        if self.random.random() < 0.5:
            self.impostor.claim("worker", self.random.choice(self.workers).name)
        elif known:
            self.impostor.claim("aggregator", *self.random.choice(((name, ""), (name, known), ("another", known))))

    def _kill(
        self, program: Program, and_then: Any = None, back_after: tuple[float, ...] = (0.1, 1.0, 5.0, 20.0)
    ) -> None:
        """At once, or at a chosen point of its next turn; it is back a while later."""
        if not program.is_alive:
            return
        if isinstance(program, Client) and program.outcome is not None:
            return
        points = ["now", "now", "in-flush"]
        if isinstance(program, Middleware | Aggregator):
            points += ["before-commit", "after-commit"]
        point = self.random.choice(points)
        if point == "now" or and_then is not None:
            program.kill()
            if and_then is not None:
                and_then()
        else:
            program.death = point
        self.world.later(self.random.choice(back_after), lambda: self._revive(program))

    def _revive(self, program: Program) -> None:
        if program.is_alive:
            program.death = None
        elif not (isinstance(program, Client) and program.outcome is not None):
            program.start()

    def _make_peace(self) -> None:
        """Faults stop: whoever is dead or stopped is back, walls fall, disks have room."""
        self.world.tell("peace")
        self.is_peaceful = True
        for worker in self.workers:
            if isinstance(worker, Liar):
                worker.lies = False
        self.network.heal(tear=True)
        self.middleware.disk.full_chance = self.aggregator.disk.full_chance = self.network.damage_chance = 0.0
        self.aggregator.crash_chance = 0.0
        if self.aggregator.splice_processes is not None:
            self.aggregator.splice_processes.crash_chance = 0.0
        self.intruder.kill()
        self.previewer.kill()
        for onlooker in self.onlookers:
            self.world.later(WATCHED_S, onlooker.kill)
        for program in self.programs[:-1]:  # all but the intruder
            program.resume()
            self._revive(program)


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Let ids, tokens and keys that the programs draw come from the seed as well."""
    random = Random(f"ids of {seed}")
    with patch.object(secrets, "token_bytes", lambda nbytes=None: random.randbytes(nbytes or 32)):  # token_hex calls it
        yield


@contextmanager
def _small_limits() -> Iterator[None]:
    """Limits that a small cluster reaches, while the block lasts: this process may be that of other tests."""
    with (
        patch.multiple(windows, HEAD_SIZE=1, WINDOW_SIZE=1),  # of eight chunks, so that jobs of a dozen have some
        patch.multiple(limits, IDLE_CLIENT_S=10.0),
        patch.multiple(reads, WAIT_S=4.0),  # … and a read is answered before that
        patch.multiple(journal, MAX_EVENTS=12),
        patch.multiple(
            subscriptions, EVENTS_EACH=3, POSITION_INTERVAL=4, WORK_PER_TURN=6, GLANCES_EACH=1, SERVE_INTERVAL_S=0.02
        ),
        patch.multiple(records, RECORDS_PER_TURN=1, SERVE_INTERVAL_S=0.02),  # so that two who watch take turns
    ):
        yield


def play(seed: int, base: Path | None = None) -> World:
    """Runs a seed; raises Failed with its story's end in the text."""
    gc.disable()  # a run is short, and its garbage goes with it
    with _small_limits(), deterministic(seed), tempfile.TemporaryDirectory(dir=base) as folder:
        scenario = Scenario(seed, Path(folder))
        try:
            scenario.run()
        except Failed as error:
            error.add_note("\n".join([*scenario.world.story, *scenario.task_stories()]))
            raise
        finally:
            for program in (*scenario.programs, *scenario.readers, *scenario.listeners):
                program.kill()
            gc.enable()
    return scenario.world


__all__ = ["MIDDLEWARE", "Failed", "Scenario", "play"]
