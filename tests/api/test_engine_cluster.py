"""`Cluster.ray`, with an engine whose only node is this process."""

from __future__ import annotations

import gc
import importlib
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import moviola
from moviola import engines
from moviola.filters import registry
from tests.engines import in_process
from tests.engines.fake_engine import FakeEngine
from tests.media.video.clips import encode
from tests.waiting import until


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_loaded", {})  # an engine in this process forgets what other tests have defined
    monkeypatch.setitem(engines.ENGINES, "ray", "tests.engines.in_process")
    in_process.connected.clear()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("engines") / "clip.mp4", "libx264", 40, options={"g": "10"})


def test_a_job_is_what_this_process_makes_of_it(clip: Path, tmp_path: Path) -> None:
    here = moviola.process(clip, "blur:radius=2", out="here.mp4", chunk_frames=10)
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        job = cluster.submit(clip, "blur:radius=2", out="there.mp4", chunk_frames=10)
        shares = [progress.share for progress in job]
        result = job.wait()
    assert result.output.digest == here.output.digest
    assert (result.path, result.state, job.state, job.is_over) == (Path("there.mp4"), "done", "done", True)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert in_process.connected[0].is_cancelled  # it was left


MINE = """
import moviola

@moviola.filter
def dimmed(image):
    \"\"\"Half as bright.\"\"\"
    return image // 2
"""


def test_filters_that_this_program_defines_later_are_there(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_of_this_test.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        importlib.import_module("mine_of_this_test")
        assert cluster.submit(clip, "dimmed", out="dimmed.mp4").wait().state == "done"
    assert len(in_process.connected) == 2  # it was connected to anew, with the filter
    assert in_process.connected[0].is_cancelled


def test_a_job_whose_results_were_there_is_at_its_end(clip: Path, tmp_path: Path) -> None:
    moviola.process(clip, "metadata", out="notes.jsonl")
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        job = cluster.submit(clip, "metadata", out="notes.jsonl")
        job.wait()
        assert job.progress is not None
        assert (job.progress.frames_done, job.progress.share) == (40, 1.0)
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"no video")
        never_begun = cluster.submit(broken, "blur")
        with pytest.raises(moviola.UnreadableSource):
            never_begun.wait()
        assert never_begun.progress is None


def test_a_job_that_ended_well_is_not_kept_for_ever(clip: Path, tmp_path: Path) -> None:
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        jobs = [cluster.submit(clip, "metadata", out="first.jsonl")]
        until(lambda: jobs[0].is_over, "it has ended, and nobody has waited for it")
        first = weakref.ref(jobs.pop())
        cluster.submit(clip, "metadata", out="second.jsonl").wait()
        gc.collect()
        assert first() is None


def test_what_goes_wrong_is_raised(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(moviola.Unreachable, match="Nobody answers at nobody:1"):
        moviola.Cluster.ray(in_process.NOBODY)
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        with pytest.raises(moviola.UsageError, match="priority is for a Moviola cluster"):
            cluster.submit(clip, "blur", priority=5)
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"no video")
        with pytest.raises(moviola.UnreadableSource):
            cluster.submit(broken, "blur").wait()
    with pytest.raises(moviola.Closed, match="this cluster object is closed"):
        cluster.submit(clip, "blur")


def test_a_job_that_is_cancelled_goes_on_when_it_is_submitted_again(clip: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"out": "out.mp4", "chunk_frames": 10}
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        job = cluster.submit(clip, "blur:radius=2", **options)
        job.cancel()
        with pytest.raises(moviola.JobCancelled):
            job.wait()
        assert cluster.submit(clip, "blur:radius=2", **options).wait().state == "done"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine of the next cluster, from which nothing comes back."""

    def nothing(*_: object) -> None:
        threading.Event().wait(0.01)

    engine = FakeEngine(nothing)
    monkeypatch.setattr(in_process, "connect", lambda *_: engine)
    return engine


def test_a_block_is_left_at_once_though_nothing_comes_back(clip: Path, tmp_path: Path, silent: FakeEngine) -> None:
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        job = cluster.submit(clip, "blur")
        until(lambda: job.progress is not None, "it is shown that nothing has come")
        assert job.progress is not None
        assert (job.progress.frames_done, job.progress.frames_wanted) == (0, 40)
        cluster.close()  # as the block does that an exception leaves
        assert silent.is_cancelled
        with pytest.raises(moviola.Closed):
            job.wait(timeout=0)
    assert moviola.process(clip, "metadata", out="notes.jsonl").state == "done"  # nothing is held


@pytest.mark.usefixtures("silent")
def test_a_job_ends_as_cancelled_by_its_user_or_as_closed_whether_or_not_it_had_begun(
    clip: Path, tmp_path: Path
) -> None:
    with moviola.Cluster.ray(state=tmp_path / "state") as cluster:
        begun, waiting, left, never_begun = (cluster.submit(clip, "blur", out=f"{n}.mp4") for n in range(4))
        waiting.cancel()
        with pytest.raises(moviola.JobCancelled, match="cancelled before it had begun") as cancelled:
            waiting.wait()
        assert cancelled.value.result.state == "cancelled"
        begun.cancel()
        with pytest.raises(moviola.JobCancelled, match="nothing of it is kept"):
            begun.wait()
        until(lambda: left.state == "running", "the next one's turn has come")
        cluster.close()
        for job in (left, never_begun):
            assert job.state == "cancelled"
            with pytest.raises(moviola.Closed, match="was closed before the job had ended"):
                job.wait()
