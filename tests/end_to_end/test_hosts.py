"""Programs on hosts of their own: addresses that hold from host to host, and links that fail without a word."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moviola.session.outcome import Status
from moviola.wire.limits import USER_TIMEOUT_S
from tests.end_to_end import clips, hosts
from tests.end_to_end.cluster import finished, output
from tests.end_to_end.faults.witness import PLUGINS, TELLING, handed_out_again, stored_chunks
from tests.end_to_end.hosts import Host, Network, Unavailable
from tests.waiting import until

GOP = 16
CHUNKS = 24
QUICK = ("--worker-timeout", "2")
VANISHED_S = USER_TIMEOUT_S + 20
"""After so long both ends' systems have given up a connection on which nothing goes any more."""


@dataclass
class Cluster:
    """Who runs where. All know the secret, from a file that each host has."""

    middleware: Host
    aggregator: Host
    workers: list[Host]
    client: Host
    gate: Path
    """The middle of a job is not passed before this file is there: what a test does in between, it does in time."""

    @classmethod
    def started(cls, network: Network, *, workers: int = 2, is_near: bool = False) -> Cluster:
        """A host for each; where `is_near`, the aggregator is on the middleware's, and speaks to it over loopback."""
        middleware = network.host("middle")
        aggregator = middleware if is_near else network.host("collector")
        working = [network.host(f"worker{number}") for number in range(workers)]
        cluster = cls(middleware, aggregator, working, network.host("sender"), network.folder / "gate")
        for host in network.hosts:
            (host.folder / "secret").touch(mode=0o600)
            (host.folder / "secret").write_text("known to these hosts\n")
        bound = ("--bind", "*", "--secret-file", "secret")
        middleware.start("middleware", *bound, *QUICK, *TELLING)
        aggregator.start("aggregator", *bound, "--host", "localhost" if is_near else middleware.address)
        for worker in working:
            worker.start("worker", *cluster.reach, "--processes", "1", "--plugins", str(PLUGINS))
        cluster.wait(workers)
        return cluster

    @property
    def reach(self) -> tuple[str, ...]:
        """Flags with which other hosts reach the middleware."""
        return "--host", self.middleware.address, "--secret-file", "secret"

    def wait(self, workers: int) -> None:
        """Until the aggregator and so many workers are there."""
        wanted = ("--wait", "--workers", str(workers), "--timeout", "60")
        done = self.client.run("client.status", *self.reach, *wanted)
        logs = "".join(
            f"\n--- {host.name}\n{host.logs()}" for host in (self.middleware, self.aggregator, *self.workers)
        )
        assert done.returncode == 0, done.stdout + done.stderr + logs

    def begin(self, work: Work, *arguments: str) -> subprocess.Popen[str]:
        """The client sends a clip, up to the gate."""
        gate = f"gate:frame={CHUNKS // 2 * GOP}:path={self.gate}"
        sent = (work.clip, "--filters", f"{work.chain},{gate}", "--chunk-frames", str(GOP))
        return self.client.begin(*sent, *self.reach, "--out", "out.mp4", *arguments)

    def finish(self, sender: subprocess.Popen[str], work: Work) -> dict[str, Any]:
        """Opens the gate and waits: the result is on the client's host, whole, and the only right one. Its metrics."""
        self.gate.touch()
        sent = output(finished(sender))
        assert sent["digest"] == work.digest == clips.digest(self.client.folder / str(sent["path"]))
        assert sent["frames_in"] == sent["frames_out"] == CHUNKS * GOP
        assert sent["fallback_frames"] == sent["lost_frames"] == 0
        again, hand_outs = handed_out_again(self.heard())
        assert again == 0, f"{again} of {hand_outs} hand-outs were of tasks known to be stored"
        metrics = json.loads((self.client.folder / str(sent["metrics_path"])).read_text())
        assert isinstance(metrics, dict)
        return metrics

    def heard(self) -> str:
        """The middleware's log."""
        return self.middleware.log("middleware")

    def until_stored(self, count: int) -> None:
        """Until so many chunks of the only job are stored."""
        until(lambda: len(stored_chunks(self.heard())) >= count, f"{count} chunks are stored")

    def until_said(self, what: str, times: int = 1) -> None:
        """Until the middleware has said something so often."""
        until(lambda: self.heard().count(what) >= times, f"the middleware says {what!r}")

    def addresses(self) -> list[str]:
        """Where the middleware tells others to find the aggregator, the first choice first."""
        status = json.loads(self.client.run("client.status", *self.reach, "--json").stdout)
        return [address["host"] for address in status["aggregators"][0]["addresses"]]


@dataclass
class Work:
    """A clip, what is done to it, and the digest of what one process makes of it."""

    clip: str
    chain: str
    digest: str


def need_hosts(*, ipv6: bool = False) -> None:
    if why := hosts.why_none(ipv6=ipv6):
        pytest.skip(f"this machine can make no hosts: {why}")


@pytest.fixture
def ipv6() -> bool:
    """Whether hosts know IPv6, and only that; tests that want it are parametrized so."""
    return False


@pytest.fixture
def network(tmp_path: Path, ipv6: bool) -> Iterator[Network]:
    need_hosts(ipv6=ipv6)
    with Network(tmp_path, ipv6=ipv6) as made:
        yield made


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    need_hosts()
    folder = tmp_path_factory.mktemp("work")
    clip = clips.moving(folder / "clip.mp4", frames=CHUNKS * GOP, gop=GOP, size=(320, 240))
    chain = "blur:radius=9,edges"
    arguments = (str(clip), "--filters", chain, "--chunk-frames", str(GOP), "--local", "--out", "local.mp4")
    with Network(folder) as network:
        local = output(finished(network.host("alone").begin(*arguments)))
    return Work(str(clip), chain, str(local["digest"]))


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_aggregator_beside_the_middleware_is_found_from_other_hosts(network: Network, work: Work) -> None:
    """The middleware sees it on its own loopback, where no other host would find it."""
    cluster = Cluster.started(network, workers=1, is_near=True)
    assert cluster.addresses()[0] in ("127.0.0.1", "::1")
    cluster.finish(cluster.begin(work), work)
    stranger = cluster.client.run("client.status", "--host", cluster.middleware.address)
    assert stranger.returncode == Status.UNREACHABLE, stranger.stdout
    assert "secret" in stranger.stderr


# ── links that fail ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.suite("long")
@pytest.mark.parametrize("ipv6", [True, False])
def test_a_worker_and_an_aggregator_whose_cables_are_pulled(network: Network, work: Work) -> None:
    """Neither says farewell. The worker's tasks are done by the other one, and it comes back; the aggregator is waited
    for, and nothing that it has is done again."""
    cluster = Cluster.started(network)
    assert cluster.addresses()[0] == cluster.aggregator.address
    sender = cluster.begin(work)
    cluster.until_stored(CHUNKS // 8)
    cluster.workers[0].unplug()
    cluster.until_said("worker worker0-1 left: nothing was heard of it")
    cluster.aggregator.unplug()
    cluster.until_said("aggregator collector-5001 left: nothing was heard of it")
    cluster.gate.touch()  # what the other worker has now can be delivered to nobody
    cluster.workers[0].plug()
    cluster.aggregator.plug()
    cluster.finish(sender, work)
    cluster.until_said("worker worker0-1 joined", times=2)
    metrics = cluster.finish(cluster.begin(work, "--new"), work)
    assert {worker["name"] for worker in metrics["workers"]} == {"worker0-1", "worker1-1"}


@pytest.mark.suite("long")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["middle", "collector", "sender"])
def test_a_host_away_until_every_connection_was_given_up(network: Network, work: Work, name: str) -> None:
    cluster = Cluster.started(network)
    sender = cluster.begin(work)
    cluster.until_stored(CHUNKS // 8)
    host = next(host for host in network.hosts if host.name == name)
    host.unplug()
    threading.Event().wait(VANISHED_S)  # there is no condition: that nobody waits for a lost connection is the test
    assert sender.poll() is None
    host.plug()
    cluster.finish(sender, work)


@pytest.mark.suite("long")
@pytest.mark.parametrize(
    "discipline",
    [
        pytest.param(("netem", "delay", "40ms", "10ms", "loss", "2%"), id="far and lossy"),
        pytest.param(("tbf", "rate", "4mbit", "burst", "4kb", "latency", "20ms"), id="narrow"),
    ],
)
def test_links_that_are_slow_and_lose_packets(network: Network, work: Work, discipline: tuple[str, ...]) -> None:
    cluster = Cluster.started(network)
    for host in network.hosts:
        try:
            network.tc("qdisc", "add", "dev", host.name, "root", *discipline)
        except Unavailable as error:
            pytest.skip(f"this machine can make no such link: {error}")
    cluster.finish(cluster.begin(work), work)
    links = json.loads(network.tc("-statistics", "-json", "qdisc", "show"))
    assert sum(link["drops"] for link in links if link["kind"] == discipline[0]) > 0
