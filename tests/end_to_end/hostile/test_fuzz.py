"""Structured garbage through real processes in all roles: nothing ends, hangs or grows; honest jobs are done after."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, resident_bytes
from tests.fuzz.hostile import Garbage, HostileMiddleware, flood
from tests.waiting import until

SEED: Final = 9

ROLES: Final = (
    ("middleware", "client"),
    ("middleware", "client"),
    ("middleware", "worker"),
    ("middleware", "aggregator"),
    ("aggregator", "worker"),
    ("aggregator", "client"),
)
"""Who sends garbage to whom, all at once, each as fast as it is taken."""

LEAST: Final = 0.03
"""Of all frames, what each of them sends at least."""

WARM: Final = 0.3
"""Of the frames, after which memory is looked at first: until then caches and histories fill up."""

TELL_S: Final = 30.0
"""How often the figures up to then are told."""

MAX_GROWTH: Final = 48 * 1024 * 1024
"""Bytes that a process may hold more at the end than when it was warm."""


class Flood(threading.Thread):
    """One role's garbage for one program."""

    def __init__(self, garbage: Garbage, port: int, is_enough: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self.garbage, self.problem = garbage, ""
        self._port, self._is_enough = port, is_enough

    def run(self) -> None:
        try:
            flood(self.garbage, self._port, self._is_enough)
        except Exception as error:
            self.problem = f"{self.garbage.role} to {self.garbage.target}: {error!r}"


def say(text: str) -> None:
    """Figures are read by people, whether the test passes or not."""
    print(text, file=sys.__stderr__, flush=True)


@pytest.mark.timeout(7200)
@pytest.mark.smoke
@pytest.mark.suite("fuzz")
def test_middleware_and_aggregator_take_garbage(tmp_path: Path, frames: int) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    with LocalCluster(tmp_path, workers=1) as cluster:
        honest = Honest(cluster, clip)
        honest.check()
        before = {name: process.pid for name, process in cluster.processes.items()}
        ports = {"middleware": cluster.port, "aggregator": cluster.aggregator_port}
        floods: list[Flood] = []
        for number, (target, role) in enumerate(ROLES):
            garbage = Garbage(target, role, SEED + number)
            floods.append(Flood(garbage, ports[target], lambda g=garbage: _is_enough(g, floods, frames)))  # type: ignore[misc]
        begun = time.monotonic()
        told, warm = begun, dict[str, int]()
        for one in floods:
            one.start()
        while any(one.is_alive() for one in floods):
            until_later(0.2)
            if time.monotonic() >= told + TELL_S:
                told = time.monotonic()
                say(_figures(floods, before, told - begun))
            assert not any(one.problem for one in floods), [one.problem for one in floods]
            assert all(process.poll() is None for process in cluster.processes.values()), cluster.log("middleware")[
                -4000:
            ]
            if not warm and sum(one.garbage.taken for one in floods) >= WARM * frames:
                warm = {name: resident_bytes(pid) for name, pid in before.items()}
        seconds = time.monotonic() - begun
        assert not any(one.problem for one in floods), [one.problem for one in floods]
        after = {name: resident_bytes(pid) for name, pid in before.items()}
        say(_figures(floods, before, seconds))
        for name in before:
            say(f"{name}: {warm.get(name, 0) / 1e6:.0f} MB warm, {after[name] / 1e6:.0f} MB at the end")
            assert "a bug: handling" not in cluster.log(name), cluster.log(name)[-4000:]
        assert before == {name: process.pid for name, process in cluster.processes.items()}
        _clear(cluster.port)
        honest.check()
        assert all(after[name] - warm.get(name, after[name]) < MAX_GROWTH for name in before), (warm, after)


def _is_enough(garbage: Garbage, floods: list[Flood], frames: int) -> bool:
    """Whether all together have sent so many frames, and this one its part."""
    return garbage.taken >= LEAST * frames and sum(one.garbage.taken for one in floods) >= frames


def _figures(floods: list[Flood], process_ids: dict[str, int], seconds: float) -> str:
    taken = sum(one.garbage.taken for one in floods)
    by_role = ", ".join(f"{one.garbage.role} to {one.garbage.target} {one.garbage.taken}" for one in floods)
    held = ", ".join(f"{name} {resident_bytes(pid) / 1e6:.0f} MB" for name, pid in process_ids.items())
    return f"{taken} frames in {seconds:.0f} s ({by_role}); {held}"


def _clear(port: int) -> None:
    """Cancel what is left of the garbage's jobs: they would go on wanting workers."""
    with RawPeer(port) as peer:
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
@pytest.mark.smoke
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
@pytest.mark.smoke
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
