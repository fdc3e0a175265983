"""Structured garbage through real processes in all roles: nothing ends, hangs or grows; honest jobs are done after."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, until
from tests.end_to_end.hostile.peer import Honest, Peer, resident_bytes
from tests.fuzz.hostile import Garbage, HostileMiddleware, flood

SEED: Final = 9

SHARES: Final = {
    ("middleware", "client"): 0.3,
    ("middleware", "worker"): 0.2,
    ("middleware", "aggregator"): 0.2,
    ("aggregator", "worker"): 0.15,
    ("aggregator", "client"): 0.05,
}
"""Of all frames, what goes to whom from which role; a tenth is left for those that listen to a hostile middleware."""

WARM: Final = 0.3
"""Of the frames, after which memory is looked at first: until then caches and histories fill up."""

MAX_GROWTH: Final = 48 * 1024 * 1024
"""Bytes that a process may hold more at the end than when it was warm."""


class Flood(threading.Thread):
    """One role's garbage for one program."""

    def __init__(self, garbage: Garbage, port: int, frames: int) -> None:
        super().__init__(daemon=True)
        self.garbage, self.problem = garbage, ""
        self._port, self._frames = port, frames

    def run(self) -> None:
        try:
            flood(self.garbage, self._port, lambda: self.garbage.taken >= self._frames)
        except Exception as error:
            self.problem = f"{self.garbage.role} to {self.garbage.target}: {error!r}"


def say(text: str) -> None:
    """Figures are read by people, whether the test passes or not."""
    print(text, file=sys.__stderr__, flush=True)


@pytest.mark.timeout(7200)
@pytest.mark.suite("fuzz")
def test_middleware_and_aggregator_take_garbage(tmp_path: Path, frames: int) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    with LocalCluster(tmp_path, workers=1) as cluster:
        honest = Honest(cluster, clip)
        honest.check()
        before = {name: process.pid for name, process in cluster.processes.items()}
        ports = {"middleware": cluster.port, "aggregator": cluster.aggregator_port}
        floods = [
            Flood(Garbage(target, role, SEED), ports[target], int(frames * share))
            for (target, role), share in SHARES.items()
        ]
        begun = time.monotonic()
        warm: dict[str, int] = {}
        for one in floods:
            one.start()
        wanted = sum(SHARES.values()) * frames
        while any(one.is_alive() for one in floods):
            until_later(0.2)
            assert not any(one.problem for one in floods), [one.problem for one in floods]
            assert all(process.poll() is None for process in cluster.processes.values()), cluster.log("middleware")[
                -4000:
            ]
            if not warm and sum(one.garbage.taken for one in floods) >= WARM * wanted:
                warm = {name: resident_bytes(pid) for name, pid in before.items()}
        seconds = time.monotonic() - begun
        assert not any(one.problem for one in floods), [one.problem for one in floods]
        after = {name: resident_bytes(pid) for name, pid in before.items()}
        taken = sum(one.garbage.taken for one in floods)
        say(f"{taken} frames in {seconds:.0f} s, {taken / seconds:.0f}/s")
        for name in before:
            say(f"{name}: {warm.get(name, 0) / 1e6:.0f} MB warm, {after[name] / 1e6:.0f} MB at the end")
            assert "a bug: handling" not in cluster.log(name), cluster.log(name)[-4000:]
        assert before == {name: process.pid for name, process in cluster.processes.items()}
        _clear(cluster.port)
        honest.check()
        assert all(after[name] - warm.get(name, after[name]) < MAX_GROWTH for name in before), (warm, after)


def _clear(port: int) -> None:
    """Cancel what is left of the garbage's jobs: they would go on wanting workers."""
    with Peer(port) as peer:
        peer.say("Watch", topics=["jobs"])
        jobs = []
        while True:
            header, _ = peer.hear()
            if header["type"] == "Event" and header.get("kind") == "current":
                break
            if header["type"] == "Job" and header["state"] in ("pending", "running", "paused"):
                jobs.append(header["job"])
        for job in jobs:
            peer.say("Control", job=job, verb="cancel")
        peer.say("Control", job="the last", verb="cancel")
        peer.expect("Error", job="the last")


@pytest.mark.timeout(7200)
@pytest.mark.suite("fuzz")
def test_a_worker_takes_garbage_of_its_middleware(tmp_path: Path, frames: int) -> None:
    with HostileMiddleware("worker", SEED) as hostile:
        arguments = ["--port", str(hostile.port), "--processes", "1", "--name", "w"]
        cluster = LocalCluster(tmp_path, workers=0)
        try:
            parent = cluster.start("worker", arguments=arguments)
            until(lambda: hostile.connections, "the worker joins")
            [child] = psutil.Process(parent.pid).children()
            wanted, warm, begun = int(frames * 0.08), 0, time.monotonic()
            while hostile.garbage.taken < wanted:
                assert not hostile.problems, hostile.problems
                assert child.is_running(), cluster.log("worker")[-4000:]
                if not warm and hostile.garbage.taken >= WARM * wanted:
                    warm = resident_bytes(child.pid)
                until_later(0.2)
            after, seconds = resident_bytes(child.pid), time.monotonic() - begun
            say(f"worker: {hostile.garbage.taken} frames in {seconds:.0f} s, {warm / 1e6:.0f} MB warm, "
                f"{after / 1e6:.0f} MB at the end")  # fmt: skip
            assert after - (warm or after) < MAX_GROWTH
            assert "bug of the worker" not in cluster.log("worker")
        finally:
            cluster.stop()


def until_later(seconds: float) -> None:
    """Let others work."""
    threading.Event().wait(seconds)


@pytest.mark.timeout(7200)
@pytest.mark.suite("fuzz")
def test_a_client_takes_garbage_of_its_middleware(tmp_path: Path, frames: int) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    cluster = LocalCluster(tmp_path, workers=0)
    wanted, times = int(frames * 0.02), 0
    with HostileMiddleware("client", SEED) as hostile:
        while hostile.garbage.taken < wanted:
            sent = cluster.run(
                "client.file_sender", str(clip), "--filters", "blur", "--port", str(hostile.port), timeout_s=180
            )
            times += 1
            assert "Traceback" not in sent.stderr, sent.stderr
            assert sent.returncode not in (-11, -9, -6), sent.returncode
        say(f"client: {hostile.garbage.taken} frames in {times} runs")
