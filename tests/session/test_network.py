"""Whole submissions against a fake cluster on real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from moviola.filters.registry import schemas
from moviola.media.material import Cutting, Material
from moviola.session.batch import MAX_JOBS, MAX_UPLOADING
from moviola.session.destination import Place
from moviola.session.network import Sender
from moviola.session.order import OutputRequest, Submission, submission_key
from moviola.session.outcome import Outcome, Status
from moviola.session.run import UploadRequest
from moviola.session.sources import Reader
from moviola.session.target import Target
from moviola.session.views import JobView
from moviola.wire.addresses import Address
from moviola.wire.messages import Chunk, Error, Fetch, Submit
from tests.session.fakes import FakeCluster
from tests.session.material import FRAMES, make_order

ORDER = replace(make_order("blur"), cutting=Cutting(10))
DEADLINE_S = 30.0


class Recorder:
    """A display that remembers what it was shown."""

    interval_s = 0.02

    def __init__(self) -> None:
        self.notes: set[str] = set()
        self.frames_sent = 0

    def show(self, views: Iterable[JobView], now: float) -> None:
        for view in views:
            self.notes.add(view.note)
            self.frames_sent = max(self.frames_sent, view.frames_sent)

    def say(self, text: str) -> None:
        self.notes.add(text)

    remark = say

    def close(self) -> None:
        pass


def target(cluster: FakeCluster) -> Target:
    return Target(Address("127.0.0.1", cluster.port))


def request(clip: Path, results: Path, *outputs: str) -> UploadRequest:
    order = replace(make_order(*outputs or ("blur",)), cutting=Cutting(10))
    reader = Reader(Material.single("video", clip), order)
    return UploadRequest(
        Submission(submission_key(reader.source, order), reader.source, order), reader, Place(results, True)
    )


def send(cluster: FakeCluster, *requests: UploadRequest, display: Recorder | None = None) -> list[Outcome]:
    return list(Sender(target(cluster), display or Recorder()).send(requests))


def payloads(clip: Path) -> bytes:
    """What the fake cluster makes of a clip."""
    chunks = list(iter(Reader(Material.single("video", clip), ORDER).next_chunk, None))
    return b"".join(chunk.payload for chunk in sorted(chunks, key=lambda chunk: chunk.index) if chunk.stream == 0)


def test_a_clip_goes_and_its_files_come(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    display = Recorder()
    (outcome,) = send(cluster, request(clip, tmp_path, "blur", "edges"), display=display)
    assert (outcome.status, outcome.state, outcome.job_id) == (Status.DONE, "done", "job-0")
    assert [output.name for output in outcome.outputs] == ["blur", "edges"]
    assert Path(outcome.outputs[0].path).read_bytes() == payloads(clip)
    assert Path(outcome.outputs[0].metrics_path).read_text() == "{}"
    assert outcome.outputs[0].frames_in == FRAMES
    assert sorted(file.name for file in (tmp_path / "job-0").iterdir()) == [
        "blur.metrics.json",
        "blur.mp4",
        "edges.metrics.json",
        "edges.mp4",
    ]


def test_files_that_are_there_are_not_fetched(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    send(cluster, request(clip, tmp_path))
    fetched = cluster.count(Fetch)
    (tmp_path / "job-0").rename(tmp_path / "job-1")  # the next job's, as if the aggregator had written them here
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.job_id == "job-1"
    assert outcome.status is Status.DONE
    assert cluster.count(Fetch) == fetched


@pytest.mark.parametrize("forget", [False, True])
def test_a_middleware_that_goes_and_comes_gets_each_chunk_once(
    cluster: FakeCluster, clip: Path, tmp_path: Path, forget: bool
) -> None:
    cluster.script.hang_up_after_chunks, cluster.script.forget_chunks = 1, forget
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.status is Status.DONE
    assert Path(outcome.outputs[0].path).read_bytes() == payloads(clip)
    assert cluster.count(Submit) == 2
    assert len(cluster.jobs) == 1
    sent_to_it = [message.index for message in cluster.received if isinstance(message, Chunk)]
    assert len(sent_to_it) <= 3 + 3 + 1  # at most all of them again, and the one that met the end


def test_little_room_makes_it_slow_not_wrong(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    cluster.script.room_size = 1
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.status is Status.DONE
    assert Path(outcome.outputs[0].path).read_bytes() == payloads(clip)


def test_an_aggregator_that_goes_and_comes_goes_on(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    cluster.script.hang_up_after_parts = 1
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.status is Status.DONE
    assert Path(outcome.outputs[0].metrics_path).read_text() == "{}"


def test_an_aggregator_whose_name_only_the_cluster_knows_is_found_at_the_middlewares_host(
    cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    cluster.script.aggregator_host = "aggregator.invalid"
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.status is Status.DONE, outcome.reason
    assert Path(outcome.outputs[0].path).read_bytes() == payloads(clip)


def test_what_is_waited_for_is_said_and_an_interruption_names_no_file_that_is_not_there(
    cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    cluster.script.is_aggregator_away = True
    (tmp_path / "job-0").mkdir()
    (tmp_path / "job-0" / "blur.mp4").write_bytes(b"of an earlier job")
    deadline = time.monotonic() + DEADLINE_S

    class Impatient(Recorder):
        """Interrupts as soon as it is told what is waited for."""

        def show(self, views: Iterable[JobView], now: float) -> None:
            super().show(views, now)
            assert time.monotonic() < deadline
            if any(
                note.startswith("waiting for its files: the aggregator is not reached (127.0") for note in self.notes
            ):
                sender.interrupt()

    sender = Sender(target(cluster), Impatient())
    (outcome,) = sender.send([request(clip, tmp_path)])
    assert (outcome.status, outcome.state) == (Status.CANCELLED, "done")
    assert "python -m client.jobs fetch job-0 brings them" in outcome.reason
    assert [output.path for output in outcome.outputs] == [""]


def test_a_spoiled_file_is_fetched_again(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    cluster.script.spoil_first_file = True
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.status is Status.DONE
    assert Path(outcome.outputs[0].path).read_bytes() == payloads(clip)


def test_several_jobs_each_get_their_own_results(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    outcomes = send(cluster, *(request(clip, tmp_path) for _ in range(5)))
    assert sorted(outcome.job_id for outcome in outcomes) == [f"job-{number}" for number in range(5)]
    assert all(Path(outcome.outputs[0].path).read_bytes() == payloads(clip) for outcome in outcomes)


def test_a_refusal_is_told(cluster: FakeCluster, clip: Path, tmp_path: Path) -> None:
    cluster.script.refusal = Error("bad-job", "nobody knows 'blur'", fatal=False)
    (outcome,) = send(cluster, request(clip, tmp_path))
    assert outcome.status is Status.WRONG
    assert outcome.reason == "the cluster refuses this job: nobody knows 'blur'"


def test_what_a_job_waits_for_is_shown_and_an_interruption_ends_the_waiting(
    cluster: FakeCluster, clip: Path, tmp_path: Path
) -> None:
    cluster.script.never_finish = True
    cluster.script.pending = ("no-worker", "no worker offers 'blur'; 2 workers offer edges")
    wanted = "waiting: no worker offers 'blur'; 2 workers offer edges"
    deadline = time.monotonic() + DEADLINE_S

    class Impatient(Recorder):
        """Interrupts as soon as it has been told and all is sent."""

        def show(self, views: Iterable[JobView], now: float) -> None:
            super().show(views, now)
            assert time.monotonic() < deadline
            if wanted in self.notes and cluster.jobs[0].complete:
                sender.interrupt()

    sender = Sender(target(cluster), Impatient())
    (outcome,) = sender.send([request(clip, tmp_path)])
    assert outcome.status is Status.CANCELLED
    assert outcome.state == "pending"
    assert "job-0 goes on without us" in outcome.reason


def test_a_batch_of_many_files_opens_few_of_them_at_a_time(cluster: FakeCluster, tmp_path: Path) -> None:
    """The cluster has credit for all of them and ends none, so that as many go on as ever will."""
    cluster.script.never_finish = True
    paths = [tmp_path / f"{number}.csv" for number in range(2 * MAX_JOBS)]
    for number, path in enumerate(paths):
        path.write_text(f"a,b\n{number},2\n")
    taken: list[UploadRequest] = []
    deadline = time.monotonic() + DEADLINE_S

    def requests() -> Iterator[UploadRequest]:
        for path in paths:
            material = Material.single("table", path)
            order = OutputRequest(["where:column=a:min=0"], schemas()).order(material)
            reader = Reader(material, order)
            submission = Submission(submission_key(reader.source, order), reader.source, order)
            taken.append(UploadRequest(submission, reader, Place(tmp_path / "results", True)))
            yield taken[-1]

    class Watchful(Recorder):
        """Looks at which sources are open, and interrupts when all that are taken have been sent."""

        most_open = 0

        def show(self, views: Iterable[JobView], now: float) -> None:
            super().show(views, now)
            opened = {file.path for file in psutil.Process().open_files()} & set(map(str, paths))
            self.most_open = max(self.most_open, len(opened))
            assert time.monotonic() < deadline
            if len(cluster.jobs) == MAX_JOBS and all(job.complete for job in cluster.jobs):
                sender.interrupt()

    display = Watchful()
    sender = Sender(target(cluster), display)
    outcomes = list(sender.send(requests()))
    assert len(outcomes) == len(taken) == MAX_JOBS
    assert display.most_open <= MAX_UPLOADING


def test_none_is_taken_after_the_middleware_could_not_be_reached(clip: Path, tmp_path: Path) -> None:
    taken = []

    def requests() -> Iterator[UploadRequest]:
        for number in range(10):
            taken.append(number)
            yield request(clip, tmp_path)

    outcomes = list(Sender(Target(Address("127.0.0.1", 1)), Recorder()).send(requests()))
    assert {outcome.status for outcome in outcomes} == {Status.UNREACHABLE}
    assert len(taken) <= 3
