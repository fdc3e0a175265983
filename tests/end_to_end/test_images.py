"""Folders of images through real processes: what comes back is what one process makes, whoever dies meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.cluster import LocalCluster, finished, local, output
from tests.end_to_end.faults.killing import GOP, killing
from tests.end_to_end.faults.witness import PLUGINS
from tests.media.images.pictures import bomb, corners, decoded, encoded, exif, short, tiff, with_exif

PNG = encoded(corners())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with LocalCluster(folder, workers=2, worker_arguments=("--plugins", str(PLUGINS))) as running:
        yield running


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def many(folder: Path, count: int, size: tuple[int, int] = (64, 48)) -> Path:
    """A folder of so many different pictures, every other one in a folder within it."""
    pictures = (np.roll(corners(*size), number * 7, axis=1) for number in range(count))
    return write(folder, {f"{'more/' * (n % 2)}{n:04d}.png": encoded(each) for n, each in enumerate(pictures)})


def listed(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_comes_back_under_its_own_names(cluster: LocalCluster, tmp_path: Path) -> None:
    files = {
        "a.png": PNG,
        "b/photo.jpg": with_exif(encoded(corners(64, 32), ".jpg"), exif({274: short(6)})),
        "b/c/deep.webp": encoded(corners(), ".webp"),
        "pages.tif": tiff([corners(), corners(20, 10)]),
        "grey.bmp": encoded(corners()[..., 0], ".bmp"),
    }
    folder, out = write(tmp_path / "in", files), tmp_path / "out"
    sent = output(cluster.send(str(folder), "--filters", "identity", "--out", str(out)))
    assert listed(out) == sorted(files)
    assert (decoded(out / "a.png") == corners()).all()
    assert decoded(out / "b" / "photo.jpg").shape == (64, 32, 3)
    assert sent["digest"] == output(local(cluster, str(folder), "--filters", "identity"))["digest"]
    assert sent["frames_in"] == sent["frames_out"] == 5
    assert not list(cluster.results.rglob("*.part*"))


@pytest.mark.parametrize("count", [1, 7])
def test_however_it_is_cut(cluster: LocalCluster, tmp_path: Path, count: int) -> None:
    arguments = (str(many(tmp_path / "in", 40)), "--filters", "blur,edges")
    sent = output(cluster.send(*arguments, "--chunk-frames", str(count)))
    assert sent["digest"] == output(local(cluster, *arguments))["digest"]


def test_what_is_broken_is_told_by_name_and_the_rest_go_on(cluster: LocalCluster, tmp_path: Path) -> None:
    noise = encoded(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8))
    files = {"a.png": PNG, "b.jpg": b"hello", "c.png": noise[:-500], "d.png": bomb(10**5, 10**5), "e.png": PNG}
    out = tmp_path / "out"
    outcome = cluster.send(str(write(tmp_path / "in", files)), "--filters", "blur", "--out", str(out), status=4)
    assert listed(out) == ["a.png", "e.png"]
    sent = output(outcome)
    assert (sent["frames_in"], sent["frames_out"], sent["lost_frames"]) == (5, 2, 3)
    metrics = json.loads(Path(str(sent["metrics_path"])).read_text())
    told = {each["name"]: each["error"] for each in metrics["troubles"]["images"]}
    assert set(told) == {"b.jpg", "c.png", "d.png"}
    assert "not a JPEG" in told["b.jpg"]
    assert metrics["state"] == "partial"


def test_no_picture_at_all(cluster: LocalCluster, tmp_path: Path) -> None:
    write(tmp_path / "in", {"a.jpg": b"hello", "b.png": b""})
    done = cluster.run("client.file_sender", str(tmp_path / "in"), "--filters", "blur")
    assert done.returncode == 2
    assert "is a picture that can be read" in done.stderr


def test_another_format_and_several_outputs(cluster: LocalCluster, tmp_path: Path) -> None:
    folder, out = write(tmp_path / "in", {"a.png": PNG, "a.bmp": encoded(corners(), ".bmp")}), tmp_path / "out"
    cluster.send(str(folder), "--filters", "blur", "--filters", "edges", "--format", "jpg", "--out", str(out))
    assert listed(out / "blur") == listed(out / "edges") == ["a-2.jpg", "a.jpg"]


def test_a_filter_that_fails_on_one_image(cluster: LocalCluster, tmp_path: Path) -> None:
    arguments = (str(many(tmp_path / "in", 12)), "--filters", "raises:frame=10")
    out = tmp_path / "out"
    sent = output(cluster.send(*arguments, "--out", str(out), status=4))
    assert sent["fallback_frames"] == 1
    assert (decoded(out / "more" / "0009.png") == decoded(tmp_path / "in" / "more" / "0009.png")).all()
    dropped = output(cluster.send(*arguments, "--on-error", "drop", "--out", str(tmp_path / "dropped"), status=4))
    assert dropped["lost_frames"] == 1
    assert "more/0009.png" not in listed(tmp_path / "dropped")
    assert cluster.begin(*arguments, "--on-error", "fail").wait(60) == 1


def test_notes_without_pictures(cluster: LocalCluster, tmp_path: Path) -> None:
    arguments = (str(many(tmp_path / "in", 12)), "--filters", "faces", "--no-video")
    out = tmp_path / "notes.jsonl"
    sent = output(cluster.send(*arguments, "--out", str(out)))
    notes = [json.loads(line) for line in out.read_text().splitlines()]
    assert [note["image"] for note in notes] == listed(tmp_path / "in")
    assert sent["digest"] == output(local(cluster, *arguments))["digest"]
    assert sent["frames_out"] == 12
    assert not list(tmp_path.rglob("faces/*"))


def test_filters_that_need_a_sequence_are_refused(cluster: LocalCluster, tmp_path: Path) -> None:
    done = cluster.run("client.file_sender", str(many(tmp_path / "in", 3)), "--filters", "motion")
    assert done.returncode == 2
    assert "images, each by itself" in done.stderr


@pytest.mark.suite("long")
@pytest.mark.timeout(300)
def test_each_role_killed_once_in_one_job(tmp_path: Path) -> None:
    chunks = 24
    folder = many(tmp_path / "in", chunks * GOP, (320, 240))
    killing(tmp_path, folder, chunks, ["worker", "middleware", "aggregator", "client"])


def test_two_folders_at_once_get_their_own(cluster: LocalCluster, tmp_path: Path) -> None:
    senders = [
        cluster.begin(str(many(tmp_path / f"in{count}", count)), "--out", str(tmp_path / f"out{count}"))
        for count in (13, 29)
    ]
    for count, sender in zip((13, 29), senders, strict=True):
        assert output(finished(sender))["frames_out"] == count
        assert listed(tmp_path / f"out{count}") == listed(tmp_path / f"in{count}")
