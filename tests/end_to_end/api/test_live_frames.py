"""`job.frames()` with real programs: frames come while the job runs, whatever happens to it meanwhile."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import moviola
from moviola.media.frame import Frame
from tests.end_to_end import clips
from tests.end_to_end.api.connecting import connect
from tests.end_to_end.cluster import LocalCluster
from tests.waiting import until

CHUNK = 16
CHAIN = "metadata,blur"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four chunks."""
    return clips.moving(tmp_path / "clip.mp4", frames=4 * CHUNK, b_frames=2)


def gated(gate: Path, *chunks: int) -> str:
    """The chain, and a gate on the first frame of these chunks."""
    return ",".join([CHAIN, *(f"gate:frame={chunk * CHUNK}:path={gate}" for chunk in chunks)])


def assert_alike(one: list[Frame], other: list[Frame]) -> None:
    """To the last bit."""
    assert one == other
    assert [frame.bgr.tobytes() for frame in one] == [frame.bgr.tobytes() for frame in other]


def reference(clip: Path, folder: Path) -> list[Frame]:
    """The frames of what this process makes of the clip."""
    return list(moviola.process(clip, CHAIN, out=folder / "reference.mp4", chunk_frames=CHUNK).output.frames())


def test_frames_come_while_the_last_chunk_is_held(cluster: moviola.Cluster, clip: Path, gate: Path) -> None:
    job = cluster.submit(clip, {"soft": gated(gate, 3), "small": "resize:width=64"}, chunk_frames=CHUNK)
    frames = job.frames("soft")
    early = list(islice(frames, 3 * CHUNK))
    assert job.status().state == "running"
    gate.touch()
    live = [*early, *frames]
    assert job.is_over
    assert len(live) == 4 * CHUNK
    assert [frame.notes[0]["frame"] for frame in live] == list(range(4 * CHUNK))
    assert_alike(live, list(job.frames("soft")))


def test_aggregator_and_middleware_are_killed_in_the_middle(
    running: LocalCluster, cluster: moviola.Cluster, clip: Path, gate: Path, tmp_path: Path
) -> None:
    """What was yielded is not yielded again; another reader begins only then, and has it all."""
    job = cluster.submit(clip, gated(gate, 2, 3), chunk_frames=CHUNK)
    frames = job.frames()
    early = list(islice(frames, CHUNK + 4))
    with connect(running, tmp_path / "others") as other:
        found = other.job(job.id)
        running.restart("aggregator")
        running.restart("middleware")
        late = found.frames()
        begun = list(islice(late, CHUNK))
        gate.touch()
        expected = reference(clip, tmp_path)
        assert_alike([*early, *frames], expected)
        assert_alike([*begun, *late], expected)


def test_a_slow_reader_goes_on_with_the_file_of_a_job_that_has_ended_and_is_forgotten(
    cluster: moviola.Cluster, clip: Path, tmp_path: Path
) -> None:
    job = cluster.submit(clip, CHAIN, chunk_frames=CHUNK)
    frames = job.frames()
    early = list(islice(frames, 3))
    job.wait()
    job.forget()
    assert_alike([*early, *frames], reference(clip, tmp_path))


def test_a_job_that_is_cancelled_or_fails_says_so(cluster: moviola.Cluster, clip: Path, gate: Path) -> None:
    job = cluster.submit(clip, gated(gate, 1), chunk_frames=CHUNK)
    frames = job.frames()
    assert len(list(islice(frames, CHUNK))) == CHUNK
    job.cancel()
    with pytest.raises(moviola.JobCancelled, match=r"clip\.mp4: cancelled by"):
        next(frames)
    gate.touch()
    job = cluster.submit(clip, f"raises:frame={CHUNK}", on_error="fail", chunk_frames=CHUNK)
    with pytest.raises(moviola.JobFailed, match="is not to my taste"):
        list(job.frames())


def test_whoever_leaves_reads_no_further(running: LocalCluster, clip: Path, gate: Path, tmp_path: Path) -> None:
    cluster = connect(running, tmp_path / "results")
    job = cluster.submit(clip, gated(gate, 3), chunk_frames=CHUNK)
    job.wait_until_sent()
    frames = job.frames()
    next(frames)
    cluster.close()
    assert len(list(islice(frames, CHUNK - 1))) == CHUNK - 1  # these were here already
    with pytest.raises(moviola.Closed, match="goes on without us"):
        next(frames)


def test_pictures_come_one_by_one_and_tables_have_none(cluster: moviola.Cluster, gate: Path, tmp_path: Path) -> None:
    pictures = [tmp_path / f"{name}.png" for name in ("one", "two", "zero")]
    for place, path in enumerate(pictures):
        cv2.imwrite(str(path), np.full((20, 30, 3), 90 + place, np.uint8))
    job = cluster.submit(pictures, f"flip,gate:frame=2:path={gate}", chunk_frames=1, format="jpg")
    frames = job.frames()
    early = list(islice(frames, 2))
    assert [frame.name for frame in early] == ["one.jpg", "two.jpg"]
    gate.touch()
    assert_alike([*early, *frames], list(job.frames()))
    table = tmp_path / "movies_metadata.csv"
    table.write_text("id,title,release_date,production_countries\n1,One,2001-01-01,[]\n")
    with pytest.raises(moviola.UsageError, match=r'output "post_2000" of .* has no pictures; wait for'):
        cluster.submit(table, "post_2000").frames()


def test_failed_and_lost_frames_are_as_in_the_file(cluster: moviola.Cluster, clip: Path) -> None:
    for on_error, count in (("original", 4 * CHUNK), ("drop", 4 * CHUNK - 1)):
        job = cluster.submit(clip, f"raises:frame={CHUNK + 3}", on_error=on_error, chunk_frames=CHUNK)
        live = list(job.frames())
        assert len(live) == count
        assert job.wait().state == "partial"
        assert_alike(live, list(job.frames()))


def test_two_readers_of_one_output_go_at_their_own_paces(cluster: moviola.Cluster, clip: Path, gate: Path) -> None:
    job = cluster.submit(clip, gated(gate, 2), chunk_frames=CHUNK)
    one, two = job.frames(), job.frames()
    first = list(islice(one, 2 * CHUNK))
    until(lambda: job.progress.frames_done >= 2 * CHUNK, "two chunks are done")
    second = list(islice(two, 5))
    gate.touch()
    assert_alike([*first, *one], [*second, *two])
