"""Jobs that people leave and come back to, with real processes: interrupted, edited, cancelled, tried again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client.display.tables import job_json
from moviola.session.cluster_view import look
from moviola.session.target import Target
from moviola.wire.addresses import Address
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster, finished
from tests.waiting import until

UPLOAD_TIMEOUT_S = 2
SPOOL_BYTES = 12 * 1024
CHUNKS = ("--chunk-frames", "16")


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster without a worker, whose spool is soon full."""
    arguments = ["--spool-limit", str(SPOOL_BYTES), "--upload-timeout", str(UPLOAD_TIMEOUT_S)]
    with LocalCluster(tmp_path, workers=0, middleware_arguments=arguments) as running:
        yield running


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("jobs"), workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several times what the spool holds."""
    made = clips.moving(tmp_path_factory.mktemp("clips") / "film.mp4", frames=240, size=(320, 240))
    assert made.stat().st_size > 4 * SPOOL_BYTES
    return made


def jobs(cluster: LocalCluster) -> dict[str, dict[str, Any]]:
    """What `client.jobs list --json` prints, by id, without starting a process for every look."""
    return {
        name: job_json(job)
        for name, job in look(Target(Address("localhost", cluster.port), secret=cluster.secret), ["jobs"]).jobs.items()
    }


def stuck(cluster: LocalCluster, name: str) -> str:
    """Waits until the upload of a source has filled the spool; the job's id."""

    def found() -> str:
        of_name = [job for job in jobs(cluster).values() if job["name"] == name and job["progress"]["chunks_sent"]]
        return of_name[-1]["job_id"] if of_name else ""

    return str(until(found, f"chunks of {name} are there"))


def work(cluster: LocalCluster) -> None:
    """From now on there is a worker."""
    cluster.start("worker", arguments=["--port", str(cluster.port), "--processes", "1"])
    cluster.wait(1)


def wish(cluster: LocalCluster, verb: str, job: str) -> subprocess.CompletedProcess[str]:
    done = cluster.run("client.jobs", verb, job)
    assert done.returncode == 0, done.stderr
    return done


def test_an_interrupted_upload_gives_its_room_back_and_the_same_command_ends_it(idle: LocalCluster, film: Path) -> None:
    sender = idle.begin(str(film), *CHUNKS)
    job = stuck(idle, "film.mp4")
    sender.send_signal(signal.SIGINT)
    out, err = sender.communicate(timeout=30)
    assert (sender.returncode, json.loads(out)["job_id"]) == (5, job)
    assert f"job {job} waits for the rest of its source: the same command sends it, and " in err
    assert "Traceback" not in err
    until(lambda: jobs(idle)[job]["progress"]["chunks_sent"] == 0, "the upload has expired")
    assert jobs(idle)[job]["code"] == "source-needed"
    work(idle)
    sent = idle.send(str(film), *CHUNKS)
    assert sent["job_id"] == job
    local = idle.send(str(film), *CHUNKS, "--local")
    assert sent["outputs"][0]["digest"] == local["outputs"][0]["digest"]


def test_a_source_edited_after_its_client_was_killed_is_told(idle: LocalCluster, film: Path, tmp_path: Path) -> None:
    path = tmp_path / "draft.mp4"
    shutil.copy(film, path)
    wanted = (str(path), *CHUNKS)
    sender = idle.begin(*wanted)
    old = stuck(idle, "draft.mp4")
    sender.kill()
    sender.communicate(timeout=30)
    clips.moving(path, frames=50)
    work(idle)
    again = idle.begin(*wanted)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    new = json.loads(out)["job_id"]
    assert new != old
    assert f"draft.mp4 was edited since job {old} was interrupted, so this is a new job" in err
    wish(idle, "cancel", old)
    assert jobs(idle)[old]["state"] == "cancelled"


def test_detached_and_fetched_later(cluster: LocalCluster, film: Path, tmp_path: Path) -> None:
    left = cluster.run("client.file_sender", str(film), *CHUNKS, "--filters", "edges", "--detach")
    assert left.returncode == 0, left.stderr
    job = left.stdout.strip()
    out = tmp_path / "edges.mp4"
    fetched = cluster.run("client.jobs", "fetch", job, "--out", str(out), "--json")
    assert fetched.returncode == 0, fetched.stderr
    assert json.loads(fetched.stdout)["outputs"][0]["digest"] == clips.digest(out)
    assert cluster.run("client.jobs", "wait", "latest").returncode == 0
    wish(cluster, "forget", job)
    assert json.loads(cluster.run("client.jobs", "--json").stdout)["jobs"] == []


def test_cancelled_tried_again_and_sent_again(idle: LocalCluster, film: Path) -> None:
    wanted = (str(film), *CHUNKS, "--priority", "5")
    sender = idle.begin(*wanted)
    job = stuck(idle, "film.mp4")
    assert jobs(idle)[job]["priority"] == 5
    wish(idle, "cancel", job)
    assert finished(sender, status=5)["state"] == "cancelled"
    assert "the same command that sent it sends it again" in wish(idle, "retry", job).stdout
    work(idle)
    sent = idle.send(*wanted)
    assert (sent["job_id"], sent["state"]) == (job, "done")
    refused = idle.run("client.jobs", "retry", job)
    assert (refused.returncode, refused.stdout) == (1, "")


def test_the_story_of_a_job_is_told_until_it_ends_and_a_command_is_run(cluster: LocalCluster, film: Path) -> None:
    sent = cluster.send(str(film), "--filters", "blur", "--new", *CHUNKS)
    hook = 'echo "$MOVIOLA_JOB_STATE $MOVIOLA_JOB_OUTPUT"'
    done = cluster.run("client.events", "--job", sent["job_id"], "--json", "--on-done", hook)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["kind"] for one in told] == ["job-submitted", "job-started", "job-done"]
    assert {one["job"] for one in told} == {sent["job_id"]}
    assert done.stderr.split() == ["done", str(cluster.results / sent["job_id"] / "blur.mp4")]
    first = told[0]["id"]
    done = cluster.run(
        "client.events", "--job", sent["job_id"], "--since", first, "--kind", "job-done", "--on-done", "false"
    )
    assert done.returncode == 1
    assert f"--on-done for job {sent['job_id']} failed with exit status 1." in done.stderr
    assert done.stdout.rstrip().endswith(f"film.mp4 is done  {sent['job_id']}")


def test_what_events_cannot_be_told_is_refused_in_a_sentence(cluster: LocalCluster) -> None:
    for arguments, status, sentence in (
        (("--job", "nobodys"), 2, "There is no job 'nobodys'"),
        (("--since", "yesterday"), 2, "it is an age such as 10m"),
        (("--since", "1.0-7", "--port", "1"), 3, "No middleware answers"),
    ):
        done = cluster.run("client.events", *arguments)
        assert done.returncode == status, done.stderr
        assert sentence in done.stderr
