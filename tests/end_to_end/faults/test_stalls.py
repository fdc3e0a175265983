"""Processes that stand still, and an aggregator that is away, moves, or loses its store."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.witness import (
    PLUGINS,
    TELLING,
    at_gates,
    handed_out_again,
    stored_chunks,
    tasks,
    until_stored,
    view,
)
from tests.ports import free_port
from tests.waiting import until

GOP = 16
WORKER_TIMEOUT_S = 2.0
QUICK = ("--worker-timeout", str(WORKER_TIMEOUT_S))


def small_clip(path: Path, chunks: int) -> Path:
    return clips.moving(path, frames=chunks * GOP, gop=GOP, size=(160, 120))


def gated_clip(folder: Path, chunks: int) -> tuple[tuple[str, ...], str]:
    """Arguments that send a clip, up to the chain, and a filter that keeps its last chunk in work until `folder/gate`
    is there."""
    clip = small_clip(folder / "clip.mp4", chunks)
    return (str(clip), "--chunk-frames", str(GOP), "--filters"), f"gate:frame={chunks * GOP - 1}:path={folder / 'gate'}"


def pause(seconds: float) -> None:
    """What is tested is that so long a time makes no difference, so there is no condition to wait for."""
    threading.Event().wait(seconds)


def test_a_worker_that_stood_still_is_replaced_and_its_late_result_dropped(tmp_path: Path) -> None:
    """Gates hold both workers until one of them, which stands still, is given up; and the last chunks, so that the job
    goes on until the late result has come, and no worker is idle meanwhile and makes copies."""
    chunks, gate, end = 12, tmp_path / "gate", tmp_path / "end"
    clip = small_clip(tmp_path / "clip.mp4", chunks)
    arguments = (str(clip), "--chunk-frames", str(GOP), "--filters")
    with LocalCluster(
        tmp_path,
        workers=2,
        worker_arguments=("--plugins", str(PLUGINS)),
        middleware_arguments=(*QUICK, *TELLING),
        aggregator_arguments=TELLING,
    ) as cluster:
        last = range(chunks - 3, chunks)
        gates = {2: gate, 3: gate, 4: gate, **dict.fromkeys(last, end)}
        chain = ",".join(f"gate:frame={chunk * GOP + GOP - 1}:path={path}" for chunk, path in gates.items())
        sender = cluster.begin(*arguments, chain)
        stopped, late_chunk = min(at_gates(cluster, (2, 3, 4)).items())
        os.kill(stopped, signal.SIGSTOP)
        until(lambda: _is_given_up(cluster, stopped), "it is given up")
        gate.touch()
        until(lambda: late_chunk in stored_chunks(cluster.log("middleware")), f"another worker does {late_chunk}")
        os.kill(stopped, signal.SIGCONT)
        until(lambda: "verdict='duplicate'" in cluster.log("aggregator"), "the late result comes")
        at_gates(cluster, last)  # so what the stopped one had begun besides has come as well
        end.touch()
        sent = output(finished(sender))
        late = cluster.log("aggregator").count("verdict='duplicate'")
        assert int(str(sent["duplicates"])) == late >= 1  # the stopped one may have begun what waited behind
        assert int(str(sent["retries"])) >= 1
        assert sent["fallback_frames"] == 0
        assert sent["digest"] == output(local(cluster, *arguments, "identity"))["digest"]
        assert stopped in [child.pid for child in cluster.worker_children()]
        assert "differs" not in cluster.log("aggregator")


def _is_given_up(cluster: LocalCluster, process_id: int) -> bool:
    seen = view(cluster)
    return seen.is_current and process_id not in [int(one.facts.process_id) for one in seen.connected_workers()]


def middleware_stopped(folder: Path, seconds: float) -> None:
    """With a timeout far shorter than the pause: time in which the middleware itself stands still counts for nobody."""
    clip = small_clip(folder / "clip.mp4", 66)
    arguments = (str(clip), "--chunk-frames", str(GOP), "--filters")
    limits = (*QUICK, "--stall-timeout", str(WORKER_TIMEOUT_S))
    workers = ("--plugins", str(PLUGINS))
    with LocalCluster(folder, workers=2, middleware_arguments=limits, worker_arguments=workers) as cluster:
        sender = cluster.begin(*arguments, f"blur,edges,paced:path={folder / 'quick'}")
        until_stored(cluster, 4, sender)
        cluster.kill("middleware", signal.SIGSTOP)
        pause(seconds)
        cluster.kill("middleware", signal.SIGCONT)
        (folder / "quick").touch()
        sent = output(finished(sender))
        assert sent["retries"] == sent["duplicates"] == sent["fallback_frames"] == 0
        assert sent["digest"] == output(local(cluster, *arguments, "blur,edges"))["digest"]
        log = cluster.log("middleware")
        assert "left" not in log.replace("client", ""), log
        assert "comes back" not in log


@pytest.mark.suite("long")
def test_a_middleware_that_stands_still_lets_nothing_expire(tmp_path: Path) -> None:
    middleware_stopped(tmp_path, 2.5 * WORKER_TIMEOUT_S)


@pytest.mark.suite("long")
def test_a_middleware_that_stands_still_for_30_s_lets_nothing_expire(tmp_path: Path) -> None:
    middleware_stopped(tmp_path, 30.0)


def aggregator_away(folder: Path, seconds: float) -> None:
    arguments, gate = gated_clip(folder, 44)
    with LocalCluster(
        folder, workers=2, middleware_arguments=(*QUICK, *TELLING), worker_arguments=("--plugins", str(PLUGINS))
    ) as cluster:
        sender = cluster.begin(*arguments, f"blur,edges,{gate}")
        until_stored(cluster, 8, sender)
        cluster.kill("aggregator")
        (folder / "gate").touch()
        began = time.monotonic()
        until(lambda: "aggregator-away" in [job.code for job in view(cluster).jobs.values()] or _idle(cluster), "said")
        pause(seconds - (time.monotonic() - began))
        new_port = ["--port", str(free_port()), "--middleware-port", str(cluster.port)]
        cluster.start("aggregator", arguments=[*new_port, "--results", str(cluster.results)])
        sent = output(finished(sender))
        assert sent["retries"] == sent["fallback_frames"] == 0
        assert sent["digest"] == output(local(cluster, *arguments, "blur,edges"))["digest"]
        assert handed_out_again(cluster.log("middleware"))[0] == 0
        assert "failed" not in cluster.log("middleware")


def _idle(cluster: LocalCluster) -> bool:
    """All that workers hold are results that cannot be delivered."""
    held = tasks(cluster)
    return bool(held) and all(task.phase == "delivering" for _, task in held)


@pytest.mark.suite("long")
def test_an_aggregator_that_is_away_and_moves_costs_no_try(tmp_path: Path) -> None:
    aggregator_away(tmp_path, 2 * WORKER_TIMEOUT_S)


@pytest.mark.suite("long")
@pytest.mark.timeout(300)
def test_an_aggregator_that_is_away_for_90_s_and_moves_costs_no_try(tmp_path: Path) -> None:
    aggregator_away(tmp_path, 90.0)


@pytest.mark.suite("long")
def test_an_aggregator_without_its_store_has_its_jobs_redone_and_says_so(tmp_path: Path) -> None:
    arguments, gate = gated_clip(tmp_path, 44)
    with LocalCluster(tmp_path, workers=2, worker_arguments=("--plugins", str(PLUGINS))) as cluster:
        sender = cluster.begin(*arguments, f"blur,edges,{gate}")
        until_stored(cluster, 16, sender)
        cluster.kill("aggregator")
        (tmp_path / "gate").touch()
        shutil.rmtree(tmp_path / "state" / "aggregator")
        cluster.start("aggregator")
        outcome = finished(sender)
        sent = output(outcome)
        assert sent["fallback_frames"] == 0
        assert sent["digest"] == output(local(cluster, *arguments, "blur,edges"))["digest"]
        assert f"is back without its store: job {outcome['job_id']} is redone" in cluster.log("middleware")
