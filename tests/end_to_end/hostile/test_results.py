"""A worker that speaks by hand and means ill: whatever it says of results and leases, honest jobs end well."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moviola.media.fingerprint import fingerprint
from moviola.wire.tokens import for_store
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished
from tests.end_to_end.hostile.peer import Header, Honest, RawPeer, worker_details
from tests.waiting import until

CHUNKS = ("--chunk-frames", "8")
TOKEN = "hostile-token"
PATIENT = ("--worker-timeout", "120")
"""The worker that speaks by hand says nothing while it waits, and on a loaded machine that is long."""


class Job:
    """An honest job, begun while a hostile worker is there; `check` awaits its digest."""

    def __init__(self, cluster: LocalCluster, clip: Path) -> None:
        self._local = cluster.send(
            str(clip), "--filters", "blur", *CHUNKS, "--local", "-y", "--out", str(cluster.folder / "local.mp4")
        )
        self._sender: subprocess.Popen[str] = cluster.begin(str(clip), "--filters", "blur", *CHUNKS, "--new")

    def cancelled(self) -> None:
        """It was ended by somebody."""
        self._sender.communicate(timeout=60)

    def check(self) -> dict[str, Any]:
        sent = finished(self._sender)
        assert [one["digest"] for one in sent["outputs"]] == [one["digest"] for one in self._local["outputs"]]
        return sent


@contextmanager
def liar(cluster: LocalCluster, name: str = "liar", *, held: tuple[Header, ...] = ()) -> Iterator[RawPeer]:
    """A worker at the middleware, of the honest ones' build."""
    details = worker_details(fingerprint=fingerprint(), held=list(held))
    with RawPeer(cluster.port, "worker", name=name, hello={"details": details, "token": TOKEN}) as peer:
        yield peer


def at_store(cluster: LocalCluster, task: Header) -> RawPeer:
    """The same worker at the store that wants a task's result."""
    return RawPeer(cluster.aggregator_port, "worker", name="liar", hello={"token": for_store(TOKEN, task["owner"])})


def result_of(task: Header, **changes: Any) -> Header:
    """Fields of a Result as an honest worker would show it."""
    shown = ("lease", "job", "track", "index", "owner_epoch", "mode", "stage", "build", "tag")
    return {**{name: task[name] for name in shown}, "frames_in": 8, "frames_out": 8, **changes}


def held_of(task: Header) -> Header:
    """A lease as a returning worker tells it."""
    shown = ("lease", "job", "track", "index", "owner_epoch", "mode", "stage", "build", "tag")
    return {**{name: task[name] for name in shown}, "phase": "computing"}


def test_results_that_nobody_asked_for_are_refused_and_a_task_said_to_be_stored_is_redone(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=64, gop=8)
    with LocalCluster(tmp_path, workers=1, middleware_arguments=(*PATIENT, "--delivery-timeout", "3")) as cluster:
        with liar(cluster) as at_middleware:
            job = Job(cluster, clip)
            task = at_middleware.expect("Task")
            forged: list[Header] = [
                {"tag": b""},
                {"tag": bytes(32)},
                {"lease": [task["lease"][0], 10**6]},
                {"lease": [10**6, 1], "build": "invented", "tag": b""},
                {"index": task["index"] + 1},
                {"mode": "bypass"},
                {"stage": [0, 1]},
                {"build": "invented"},
            ]
            with at_store(cluster, task) as store:
                for changes in forged:
                    store.say("Result", b"forged", **result_of(task, **changes))
                    verdict = store.expect("Stored")
                    assert verdict["verdict"] == "refused", changes
                    assert "lent" in verdict["text"]
            with RawPeer(cluster.aggregator_port, "worker", name="another", hello={"token": TOKEN}) as other:
                other.say("Result", b"forged", **result_of(task))
                assert other.expect("Stored")["verdict"] == "refused"
            at_middleware.say("Released", lease=task["lease"], outcome="stored")
        job.check()  # what it still held came back when it left, what it said was stored a little later
        refused = [line for line in cluster.log("aggregator").splitlines() if "is refused" in line]
        assert len(refused) == len(forged) + 1


def test_a_lease_is_adopted_by_nobody_but_its_worker(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=64, gop=8)
    with LocalCluster(tmp_path, workers=1, middleware_arguments=PATIENT) as cluster:
        honest = Honest(cluster, clip)
        with liar(cluster) as first:
            job = Job(cluster, clip)
            task = first.expect("Task")
            with liar(cluster, "second", held=(held_of(task),)) as second:
                assert second.expect("Revoke")["lease"] == task["lease"], "somebody holds it"
                first.close()
                until(lambda: "worker liar left" in cluster.log("middleware"), "the first is gone")
                claim = {**held_of(task), "tag": bytes(32)}
                with liar(cluster, "third", held=(claim,)) as third:
                    assert third.expect("Revoke")["lease"] == task["lease"], "it proves nothing"
                    with liar(cluster, "fourth", held=(held_of(task), held_of(task))) as fourth:
                        fourth.say("Beat", leases=[{"lease": task["lease"], "phase": "computing", "frames": 0}])
                        cluster.run("client.jobs", "cancel", task["job"])
                        assert fourth.expect("Revoke")["lease"] == task["lease"], "this one held it until now"
        job.cancelled()
        honest.check()


def test_a_result_that_nobody_can_unpack_is_redone_and_charged_to_its_worker(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=64, gop=8)
    with LocalCluster(tmp_path, workers=1, middleware_arguments=PATIENT) as cluster:
        with liar(cluster) as at_middleware:
            job = Job(cluster, clip)
            task = at_middleware.expect("Task")
            with at_store(cluster, task) as store:
                store.say("Result", b"no bundle at all", **result_of(task))
                assert store.expect("Stored")["verdict"] == "kept", "it was asked for, and nobody has opened it"
            at_middleware.say("Released", lease=task["lease"], outcome="stored")
        job.check()
        shown = cluster.run("client.jobs", "show", task["job"]).stdout
        assert "liar" in shown
        assert "makes no file" in shown
