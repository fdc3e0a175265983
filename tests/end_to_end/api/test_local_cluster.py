"""`moviola.Cluster.local`: a cluster of real processes that ends with its block, however that is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import moviola
from moviola.api.local_cluster import LocalCluster
from tests.api import decorated_filters
from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT
from tests.processes import is_alive, tree
from tests.waiting import until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with moviola.Cluster.local(workers=2, results=tmp_path_factory.mktemp("results")) as made:
        yield made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.moving(tmp_path / "clip.mp4", frames=64)


def test_it_gives_what_this_process_gives(cluster: LocalCluster, clip: Path, tmp_path: Path) -> None:
    chain = "dimmed:strength=0.25,halved,blur"
    result = cluster.submit(clip, chain, out=tmp_path / "o.mp4", chunk_frames=16).wait()
    reference = moviola.process(clip, chain, out=tmp_path / "r.mp4", chunk_frames=16)
    assert result.output.digest == reference.output.digest
    assert (result.output.fallback_frames, result.output.frames_out) == (0, 64)
    assert {name: info.summary for name, info in cluster.filters().items() if name in decorated_filters.NAMES} == {
        "changed": "What changed since the frame before.",
        "dimmed": "Takes light away.",
        "halved": "a function of one's own",
    }
    assert list(result.output.annotations()) == list(reference.output.annotations())
    assert cluster.filters()["dimmed"].workers == 2


def test_a_filter_that_is_defined_later_is_there_as_well(cluster: LocalCluster, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "later.py").write_text(
        "import moviola\n\n@moviola.filter\ndef mirrored(picture):\n    return picture[:, ::-1]\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        import later  # type: ignore[import-not-found]  # noqa: PLC0415 - it was written just now
    finally:
        sys.path.remove(str(tmp_path))
    assert later.mirrored
    result = cluster.submit(clip, "mirrored", out=tmp_path / "o.mp4").wait()
    assert (result.state, result.output.fallback_frames) == ("done", 0)
    assert result.output.digest == moviola.process(clip, "mirrored", out=tmp_path / "r.mp4").output.digest


def test_two_clusters_in_one_process(cluster: LocalCluster, clip: Path, tmp_path: Path) -> None:
    with moviola.Cluster.local(workers=1, results=tmp_path) as other:
        jobs = [
            each.submit(clip, "flip", out=tmp_path / f"{number}.mp4") for number, each in enumerate((cluster, other))
        ]
        assert len({job.wait().output.digest for job in jobs}) == 1
        assert len(other.jobs()) == 1


def test_leaving_the_block_leaves_no_process_and_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clip = clips.moving(tmp_path / "clip.mp4", frames=64)
    with pytest.raises(ZeroDivisionError), moviola.Cluster.local(workers=2, results=tmp_path) as made:  # noqa: PT012 - the block is the test
        job = made.submit(clip, "people", chunk_frames=16)
        running = tree(made.process_id)
        assert len(running) >= 6
        assert list(tmp_path.glob("moviola-*"))
        _ = 1 / 0
    assert not any(map(is_alive, running))
    assert not list(tmp_path.glob("moviola-*"))
    with pytest.raises(moviola.Closed, match=r"clip\.mp4: the cluster was stopped before the job had ended\."):
        job.wait()


def test_a_state_that_is_given_is_kept(clip: Path, tmp_path: Path) -> None:
    with moviola.Cluster.local(workers=1, state=tmp_path / "state", results=tmp_path) as made:
        job_id = made.submit(clip, "flip").wait().job_id
    with moviola.Cluster.local(workers=0, state=tmp_path / "state", results=tmp_path / "again") as made:
        assert made.job(job_id).wait().output.frames_out == 64
        with pytest.raises(moviola.Unreachable, match="does not stay up"):
            moviola.Cluster.local(workers=0, state=tmp_path / "state")


SCRIPT = """
import signal

import moviola

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests may run under nohup, where it is ignored
LEVEL = 20

def lowered(picture):
    return picture - picture % LEVEL

@moviola.filter
def posterised(picture):
    return lowered(picture)

cluster = moviola.Cluster.local(workers=1, results="results")
job = cluster.submit("clip.mp4", "posterised", chunk_frames=16)
print(job.wait().output.digest, moviola.process("clip.mp4", "posterised", chunk_frames=16).output.digest, flush=True)
print(cluster.process_id, flush=True)
{end}
"""


def script(folder: Path, end: str) -> subprocess.Popen[str]:
    """A script without any guard of its main module, with a filter in it."""
    clips.moving(folder / "clip.mp4", frames=64)
    (folder / "script.py").write_text(SCRIPT.format(end=end))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(running: subprocess.Popen[str]) -> list[psutil.Process]:
    """What the script has started, once it has printed all."""
    assert running.stdout is not None
    digests, guard = running.stdout.readline().split(), running.stdout.readline()
    assert guard, running.communicate()[1]
    assert len(set(digests)) == 1
    return tree(int(guard))


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(one, marks=pytest.mark.suite("long")) for one in (signal.SIGINT, signal.SIGHUP))],
)
def test_a_script_that_is_ended_takes_everything_along(tmp_path: Path, number: signal.Signals) -> None:
    with script(tmp_path, "signal.pause()") as running:
        processes = begun(running)
        assert len(processes) >= 5
        running.send_signal(number)
        running.wait(60)
    until(lambda: not any(map(is_alive, processes)), "all processes have ended")
    until(lambda: not list(tmp_path.glob("moviola-??????*")), "the temporary state is gone")


def test_a_script_that_ends_without_a_block_takes_everything_along(tmp_path: Path) -> None:
    with script(tmp_path, "input()") as running:
        processes = begun(running)
        _, errors = running.communicate(timeout=60)
    assert "EOFError" in errors or running.returncode == 0
    until(lambda: not any(map(is_alive, processes)), "all processes have ended")
    assert not list(tmp_path.glob("moviola-??????*"))


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(moviola.UsageError, match="workers is a whole number from 0 to 256, not -1"):
        moviola.Cluster.local(workers=-1)
    with pytest.raises(moviola.UsageError, match=r"none\.py: there is no such file"):
        moviola.Cluster.local(workers=1, plugins=[tmp_path / "none.py"])
    (tmp_path / "bad.py").write_text("1 / 0\n")
    with pytest.raises(moviola.Unreachable, match=r"The worker does not stay up: .*ZeroDivisionError"):
        moviola.Cluster.local(workers=1, plugins=[tmp_path / "bad.py"])
