"""Watching a cluster while it is mistreated: its records as they are now, and what its middleware said and heard."""

from __future__ import annotations

import ast
import os
import random
import re
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import psutil

from moviola.base.worker_facts import HeldTask
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import Target
from moviola.wire.addresses import Address
from moviola.wire.bitmap import Bitmap
from moviola.wire.errors import WireError
from tests.end_to_end.cluster import LocalCluster
from tests.waiting import until

PLUGINS = Path(__file__).with_name("plugins.py")

TELLING = ("--log", "debug")
"""Arguments that make a middleware log every message, for `handed_out_again` and `Killer.begin`."""

MOST_KILLED = 4
"""How often `lose_a_task` kills: twice as often as two workers can have the same."""

ANSWER_S = 30.0
"""How long a middleware that is there may take to answer on a busy machine."""

Key = tuple[str, int, int]
"""Job, track, index."""

_TASK = re.compile(r"> \d+ Task\(lease=.*?, job='(?P<job>[^']*)', track=(?P<track>\d+), index=(?P<index>\d+)")
_STORED = re.compile(r"< \d+ Stored\(job='(?P<job>[^']*)', track=(?P<track>\d+), index=(?P<index>\d+), verdict='kept'")
_HOLDINGS = re.compile(r"< \d+ Holdings\(job='(?P<job>[^']*)', owner_epoch=\d+, tracks=(?P<tracks>\[.*?\]), ")


def view(cluster: LocalCluster) -> ClusterView:
    """What the cluster says of itself; empty, and not current, where no middleware answers just now."""
    target = Target(Address("127.0.0.1", cluster.port), secret=cluster.secret)
    try:
        return look(target, ["jobs", "workers"], timeout_s=ANSWER_S)
    except (WireError, TimeoutError):
        return ClusterView()


def stored(cluster: LocalCluster) -> int:
    """Tasks stored, over all jobs."""
    return sum(int(job.progress.tasks_stored) for job in view(cluster).jobs.values())


def until_stored(cluster: LocalCluster, chunks: int, sender: subprocess.Popen[str]) -> None:
    """Until so many chunks are stored; AssertionError when the job ends before."""

    def reached() -> bool:
        assert sender.poll() is None, f"the job ended before {chunks} chunks were seen stored: {sender.communicate()}"
        return stored(cluster) >= chunks

    until(reached, f"{chunks} chunks are stored")


def tasks(cluster: LocalCluster, name: str = "") -> list[tuple[int, HeldTask]]:
    """The worker's process and the task, for every task in work at workers whose names begin so."""
    return [
        (int(worker.facts.process_id), task)
        for worker in view(cluster).connected_workers()
        if worker.name.startswith(name)
        for task in worker.facts.tasks
    ]


def computing(cluster: LocalCluster, index: int, name: str = "") -> int | None:
    """The process that computes chunk `index`, or a stage of it; one whose worker's name begins so."""
    held = tasks(cluster, name)
    return next((pid for pid, task in held if task.index == index and task.phase == "computing"), None)


def at_gates(cluster: LocalCluster, chunks: Collection[int], without: Collection[int] = ()) -> dict[int, int]:
    """Waits until two workers are held, each by one of these `chunks`, and neither of them is a process `without`.

    Three chunks are needed for that: one worker may have two of them, one in work and one waiting. While both are held,
    no worker is idle, so none gets a copy of what another one has.

    Returns:
        The chunk in work, by process.
    """

    def held() -> dict[int, int]:
        found = {pid: task.index for pid, task in tasks(cluster) if task.phase == "computing"}
        both = {pid: index for pid, index in found.items() if index in chunks and pid not in without}
        return both if len(both) == 2 else {}

    made = until(held, f"two workers are held by two of the chunks {sorted(chunks)}")
    assert isinstance(made, dict)
    return made


def lose_a_task(cluster: LocalCluster, chunks: Collection[int]) -> None:
    """Kills workers that are held by `chunks` (as `at_gates` has it), until a task was handed out again.

    One is enough, but for a cluster whose middleware was killed before: a worker that comes back to it goes on with
    what was handed out to another one meanwhile, and nothing is lost with the first of the two.
    """
    killed: set[int] = set()
    while True:
        victim = min(at_gates(cluster, chunks, killed))
        psutil.Process(victim).kill()
        killed.add(victim)
        at_gates(cluster, chunks, killed)
        if any(job.progress.retries for job in view(cluster).jobs.values()):
            return
        assert len(killed) < MOST_KILLED, f"{len(killed)} workers were killed at their gates, and no task was lost"


def all_sent(cluster: LocalCluster) -> bool:
    """Whether every job's source is all there; not, where there is none."""
    jobs = view(cluster).jobs.values()
    return bool(jobs) and all(job.progress.chunks_total for job in jobs)


def stored_chunks(log: str) -> set[int]:
    """The chunks of the outputs of all jobs that a middleware has heard to be stored, by its log."""
    return {int(found["index"]) for found in map(_STORED.search, log.splitlines()) if found}


def handed_out_again(log: str) -> tuple[int, int]:
    """Reads a middleware's log, over all its restarts.

    Returns:
        How many tasks were handed out after it had heard that they are stored, and how many hand-outs there were.
    """
    known: set[Key] = set()
    wrong = hand_outs = 0
    for line in log.splitlines():
        if found := _TASK.search(line):
            hand_outs += 1
            wrong += _key(found) in known
        elif found := _STORED.search(line):
            known.add(_key(found))
        elif found := _HOLDINGS.search(line):
            for track, bits in enumerate(ast.literal_eval(found["tracks"])):
                known |= {(found["job"], track, index) for index in Bitmap(bits)}
    return wrong, hand_outs


def _key(found: re.Match[str]) -> Key:
    return found["job"], int(found["track"]), int(found["index"])


class Killer:
    """Kills processes of a cluster at moments drawn from a seed, which is printed."""

    def __init__(self, cluster: LocalCluster, seed: int | None = None) -> None:
        self._cluster = cluster
        self.seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        self.random = random.Random(self.seed)
        self.killed: Counter[str] = Counter()
        self._clients = 0
        print(f"faults drawn from seed {self.seed}")

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a file_sender, and waits until the middleware has its job: from then on it outlives a middleware, and
        an ended one is an error. A priority of its own tells it from those that were killed."""
        self._clients += 1
        until(lambda: view(self._cluster).is_current, "the middleware answers")
        sender = self._cluster.begin(*arguments, "--priority", str(self._clients))
        submitted = re.compile(rf"< \d+ Submit\(.*, priority={self._clients},")

        def heard() -> bool:
            assert sender.poll() is None, sender.communicate()
            return bool(submitted.search(self._cluster.log("middleware")))

        until(heard, "the middleware has the job")
        return sender

    def another(self, sender: subprocess.Popen[str], *arguments: str) -> subprocess.Popen[str]:
        """Kills a client, and types the same again."""
        sender.kill()
        sender.communicate()
        self.killed["client"] += 1
        return self.begin(*arguments)

    def moments(self, count: int, chunks: int) -> list[int]:
        """After how many stored chunks to kill; early enough that something is left to do."""
        return sorted(self.random.randrange(chunks * 3 // 4) for _ in range(count))

    def linger(self, up_to_s: float = 0.2) -> None:
        """Until some moment within a chunk's work, not only between two chunks."""
        threading.Event().wait(self.random.random() * up_to_s)

    def kill(self, role: str) -> None:
        """kill -9; middleware and aggregator are started again, a worker's parent starts it again itself."""
        if role == "worker":
            children = until(self._cluster.worker_children, "there are workers")
            self.random.choice(children).send_signal(signal.SIGKILL)
        else:
            self._cluster.restart(role)
        self.killed[role] += 1
