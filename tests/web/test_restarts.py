"""A middleware that ends and begins again in the middle of what gateways do. Run with `--suite web`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, local, output
from tests.end_to_end.faults.witness import PLUGINS
from tests.waiting import PATIENCE_S

from .held_uploads import HeldUpload
from .listeners import Listeners
from .relays import HoldingRelay
from .served import Served

pytestmark = [pytest.mark.suite("web"), pytest.mark.timeout(600)]

FRAMES: Final = 64
GOP: Final = 16
HELD_FRAME: Final = 40

HALF_A_CHUNK: Final = 12_000
"""Bytes that no connection of a gateway says but one that sends chunks, of which the clip has more."""

UNKNOWN: Final = "0.other-1"
"""An event that no gateway knows: who comes back with it is told everything that is kept."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    plugins = ("--plugins", str(PLUGINS))
    with LocalCluster(tmp_path_factory.mktemp("restarts"), workers=1, worker_arguments=plugins) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = clips.moving(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=FRAMES, gop=GOP, size=(640, 480))
    assert path.stat().st_size > 3 * HALF_A_CHUNK
    return path


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """What a filter `gated` by it waits for; it is there at the end, so that no worker stays."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def gated(gate: Path) -> str:
    """A filter that changes nothing, and waits."""
    return f"gate:frame={HELD_FRAME}:path={gate}"


def restart(cluster: LocalCluster) -> None:
    """Kill the middleware, start another one, and wait until the others have found it."""
    cluster.restart("middleware")
    cluster.wait(1)


def digest(cluster: LocalCluster, clip: Path, chain: str) -> object:
    """What a computation without a cluster makes of a clip."""
    told = ("--filters", chain, "--chunk-frames", str(GOP), "--out", str(cluster.folder / "reference.mp4"), "-y")
    return output(local(cluster, str(clip), *told))["digest"]


def test_a_middleware_that_is_killed_in_the_middle_of_an_upload_costs_nobody_anything(
    cluster: LocalCluster, clip: Path, gate: Path
) -> None:
    """Nor those who listen at two gateways, of a job that goes on meanwhile."""
    with (
        Served(cluster, "one") as one,
        Served(cluster, "two") as two,
        Listeners(one.port, 2) as at_one,
        Listeners(two.port, 2) as at_two,
    ):
        running = one.put(clip, filters=gated(gate), chunk_frames=GOP, new="on")
        for listeners in (at_one, at_two):
            listeners.wait_for(f"job {running['id']} has started")
        with HeldUpload(one, clip, filters="edges", chunk_frames=GOP, new="on") as upload:
            restart(cluster)
            job = upload.finish()
        gate.touch()
        for each, chain in ((running, "identity"), (job, "edges")):
            ended = two.ended(each)
            assert (ended["state"], ended["outputs"][0]["digest"]) == ("done", digest(cluster, clip, chain))
        for listeners in (at_one, at_two):
            for each in (running, job):
                listeners.wait_for(f"job {each['id']} is done")
        for heard in (*at_one.heard, *at_two.heard):
            text = heard.decode()
            assert text.count("event: missed") == 2, "as it began, and of the restart"
            for each in (running, job):
                told = [line for line in text.splitlines() if line.startswith("data: ") and each["id"] in line]
                for what in ("was submitted", "has started", "is done"):
                    assert sum(f"job {each['id']} {what}" in line for line in told) == 1, (what, told)


@pytest.mark.parametrize("goes_on", [True, False], ids=["all-is-sent", "half-a-chunk-is-sent"])
def test_a_middleware_that_stands_still_and_is_killed_while_chunks_come_has_them_again(
    cluster: LocalCluster, clip: Path, goes_on: bool
) -> None:
    """All that a gateway sends may lie in the system's buffers then, or a chunk may end in its middle."""
    with (
        HoldingRelay(cluster.port, HALF_A_CHUNK) as relay,
        ThreadPoolExecutor(1) as thread,
        Served(cluster, "relayed", "--middleware-port", str(relay.port)) as gateway,
    ):
        upload = thread.submit(gateway.put, clip, filters="edges", chunk_frames=GOP, new="on")
        relay.wait_until_it_holds()
        cluster.kill("middleware", signal.SIGSTOP)
        if goes_on:
            relay.release()
        restart(cluster)
        ended = gateway.ended(upload.result(PATIENCE_S))
        assert (ended["state"], ended["outputs"][0]["digest"]) == ("done", digest(cluster, clip, "edges"))


def test_an_upload_that_is_whole_while_the_middleware_is_away_waits_for_it(cluster: LocalCluster, clip: Path) -> None:
    with (
        Served(cluster, "one") as gateway,
        HeldUpload(gateway, clip, filters="edges", chunk_frames=GOP, new="on") as upload,
    ):
        cluster.kill("middleware")
        with ThreadPoolExecutor(1) as thread:
            finished = thread.submit(upload.finish)
            cluster.start("middleware")
            assert gateway.ended(finished.result(PATIENCE_S))["state"] == "done"


def test_a_stream_goes_on_behind_a_restart_at_whatever_gateway(cluster: LocalCluster, clip: Path, gate: Path) -> None:
    with Served(cluster, "one") as one, Served(cluster, "two") as two:
        with Listeners(two.port, 1) as at_two:
            job = one.put(clip, filters=gated(gate), chunk_frames=GOP, new="on")
            path = job["links"]["events"]
            last = _first_part(one, path)
            at_two.wait_for(f"job {job['id']} has started")
            restart(cluster)
            gate.touch()
            assert one.ended(job)["state"] == "done"
            at_two.wait_for(f"job {job['id']} is done")
        for gateway in (one, two):
            kinds = [told["event"] for told in _rest(gateway, path, last)]
            assert (kinds[-1], kinds.count("missed")) == ("job-done", 1), kinds
            assert not {"job-submitted", "job-started"} & set(kinds), "those it had"
        restart(cluster)
        with Served(cluster, "new") as new:  # which was never told how the job has ended
            kinds = [told["event"] for told in _rest(new, path, last)]
            assert kinds == ["missed", "job"], kinds


def _first_part(gateway: Served, path: str) -> str:
    """Listen until a job has started; return the id of that event."""
    for told in gateway.events(path, after=UNKNOWN):
        if told["event"] == "job-started":
            return str(told["id"])
    raise AssertionError("the stream has ended")


def _rest(gateway: Served, path: str, after: str) -> list[dict[str, Any]]:
    """Come back to the stream of a job that is over, as a browser does: until there is nothing more."""
    told = list(gateway.events(path, after=after))
    assert told[-1]["state"] == "done"
    last = [one["id"] for one in told if one["id"]][-1]
    assert gateway.client.get(path, headers={"Last-Event-ID": last}).status_code == 204, told
    return told
