"""One user takes all that it can get, and leaves; what is another's stays another's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from middleware.model.users import QUOTAS, SUBMIT_BURST, Resource
from moviola.wire.limits import MIB
from moviola.wire.options import system_user
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Header, Honest, RawPeer, submission
from tests.waiting import until

UPLOAD_TIMEOUT_S = 3
SUBMITS = 400
LARGE_SUBMITS = 20
LARGE_SIZE = 2 * MIB
EMPTY_CHUNKS = 1000
LEDGERS = ("middleware/ledger.sqlite", "aggregator/ledger.sqlite")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    arguments = ["--upload-timeout", str(UPLOAD_TIMEOUT_S)]
    with LocalCluster(tmp_path_factory.mktemp("users"), workers=1, middleware_arguments=arguments) as made:
        yield made


@pytest.fixture(scope="module")
def honest(cluster: LocalCluster) -> Honest:
    clip: Path = clips.moving(cluster.folder / "clip.mp4", frames=24, gop=8)
    return Honest(cluster, clip)


def answers(peer: RawPeer, count: int) -> tuple[set[str], list[Header]]:
    """The jobs and the refusals in so many answers to Submit."""
    jobs: set[str] = set()
    refusals: list[Header] = []
    while len(jobs) + len(refusals) < count:
        said, _ = peer.hear()
        if said["type"] == "Error":
            refusals.append(said)
        elif said["type"] == "Job":
            jobs.add(said["job"])
    return jobs, refusals


def ledger_bytes(cluster: LocalCluster, ledger: str) -> int:
    """What a ledger takes on disk, its log included."""
    path = cluster.folder / "state" / ledger
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*") if "reserve" not in one.name)


def open_jobs(cluster: LocalCluster) -> dict[str, dict[str, Any]]:
    return {job["job_id"]: job for job in cluster.status()["jobs"] if job["state"] in ("pending", "running")}


def test_who_takes_all_that_it_can_get_keeps_nobody_out(cluster: LocalCluster, honest: Honest) -> None:
    with (
        RawPeer(cluster.port, user="many") as many,
        RawPeer(cluster.port, user="large") as large,
        RawPeer(cluster.port, user="empty") as empty,
    ):
        for _ in range(SUBMITS):
            many.say("Submit", **submission())
        jobs, refusals = answers(many, SUBMITS)
        assert SUBMIT_BURST <= len(jobs) <= QUOTAS[Resource.OPEN_JOBS].of_user
        assert {one["code"] for one in refusals} == {"busy"}
        assert "user 'many'" in refusals[0]["text"]
        for _ in range(LARGE_SUBMITS):
            told = submission()
            told["source"]["splice"] = {"header": bytes(LARGE_SIZE)}
            large.say("Submit", **told)
        kept, refusals = answers(large, LARGE_SUBMITS)
        assert len(kept) == QUOTAS[Resource.LEDGER_BYTES].of_user // (LARGE_SIZE + 1)
        assert "bytes of submissions" in refusals[0]["text"]
        job = empty.submit(**submission(outputs=[{"name": "out", "chain": [{"name": "nobodys"}]}]))
        for index in range(EMPTY_CHUNKS):
            empty.say("Chunk", job=job, stream=0, index=index, frame_count=1)
        empty.expect("Job", accepted=EMPTY_CHUNKS)
        honest.check()
        grown = {ledger: ledger_bytes(cluster, ledger) for ledger in LEDGERS}
        assert min(grown.values()) > len(kept) * LARGE_SIZE
    honest.check()
    until(lambda: open_jobs(cluster).keys() <= {job}, "places come back when their client has gone")
    for ledger in LEDGERS:
        until(lambda ledger=ledger: ledger_bytes(cluster, ledger) < 8 * MIB, f"{ledger} shrinks")  # type: ignore[misc]
    honest.check()


def test_anothers_job_cannot_be_controlled_watched_or_fetched(cluster: LocalCluster, honest: Honest) -> None:
    job = honest.check()["job_id"]
    with (
        RawPeer(cluster.port, user="mallory") as middleware,
        RawPeer(cluster.aggregator_port, user="mallory") as aggregator,
    ):
        for verb in ("cancel", "forget", "retry"):
            middleware.say("Control", job=job, verb=verb)
            assert middleware.expect("Error")["code"] == "not-yours"
        middleware.say("Watch", job=job)
        assert middleware.expect("Error")["code"] == "not-yours"
        middleware.say("Watch", topics=["jobs"])
        while (said := middleware.hear()[0])["type"] != "Event":
            assert said["user"] == "mallory"
        aggregator.say("Fetch", job=job, file="clip.mp4", offset=0, length=1)
        assert aggregator.expect("Error")["code"] == "not-yours"
    with RawPeer(cluster.port, user=system_user()) as watcher:
        watcher.say("Watch", job=job)
        file = watcher.expect("Job")["files"][0]["file"]
    with RawPeer(cluster.aggregator_port, user=system_user()) as reader:
        reader.say("Fetch", job=job, file=file, offset=0, length=1)
        assert reader.expect("File")["file"] == file
