"""What Moviola made in a folder of results goes, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moviola.base.result_folders import LISTS, JobFolder, job_folder, job_folders, note, to_remove

DAY_S = 24 * 3600


def made(results: Path, job: str, *, age_s: float = 0, size: int = 10, now: float = 1e9) -> JobFolder:
    """A job's folder with a video, its metrics and a folder of pictures."""
    for file in ("blur.mp4", "blur.metrics.json", "pictures/deep/a.png"):
        path = results / job / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        note(results, job, file, path)
    os.utime(results / LISTS / f"{job}.jsonl", (now - age_s, now - age_s))
    found = job_folder(results, job)
    assert found is not None
    return found


def test_a_job_goes_with_its_folder(tmp_path: Path) -> None:
    folder = made(tmp_path, "job-1")
    assert (folder.job, folder.size, list(folder.strangers())) == ("job-1", 30, [])
    assert folder.remove() == (30, ())
    assert not list(tmp_path.iterdir())


def test_what_is_not_moviolas_stays_and_is_said(tmp_path: Path) -> None:
    folder = made(tmp_path, "job-1")
    (folder.path / "notes.txt").write_text("mine")
    (folder.path / "pictures" / "b.png").write_text("mine")
    removed = folder.remove()
    assert sorted(removed.strangers) == ["notes.txt", "pictures/b.png"]
    assert sorted(path.name for path in folder.path.rglob("*") if path.is_file()) == ["b.png", "notes.txt"]
    assert not job_folders(tmp_path)


@pytest.mark.parametrize("change", ["edited", "touched", "replaced by a link", "replaced by a folder"])
def test_so_does_what_was_changed_since(tmp_path: Path, change: str) -> None:
    folder = made(tmp_path, "job-1")
    video = folder.path / "blur.mp4"
    match change:
        case "edited":
            video.write_bytes(b"0123456789")
            os.utime(video, ns=(1, 1))
        case "touched":
            os.utime(video, ns=(1, 1))
        case "replaced by a link":
            video.rename(tmp_path / "mine.mp4")
            video.symlink_to("../mine.mp4")
        case _:
            video.unlink()
            video.mkdir()
            (video / "mine").touch()
    assert folder.remove().size == 20
    assert video.exists()


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = made(tmp_path, "job-1")
    elsewhere = tmp_path / "elsewhere"
    (folder.path / "pictures").rename(elsewhere)
    (folder.path / "pictures").symlink_to(elsewhere)
    folder.remove()
    assert (elsewhere / "deep" / "a.png").exists()


def test_a_list_that_lies_is_not_believed(tmp_path: Path) -> None:
    folder = made(tmp_path, "job-1")
    precious = tmp_path / "precious"
    precious.write_bytes(bytes(10))
    with folder.list_path.open("a") as notes:
        notes.write(f'{{"file": "../precious", "size": 10, "mtime_ns": {precious.stat().st_mtime_ns}}}\n')
        notes.write("[1]\nnonsense\n")
    again = job_folder(tmp_path, folder.job)
    assert again is not None
    assert again.made == folder.made
    again.remove()
    assert precious.exists()


def test_a_folder_without_a_list_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "a.mp4").touch()
    (tmp_path / "file").touch()
    made(tmp_path, "job-1")
    (tmp_path / "latest").symlink_to("job-1")
    assert [folder.job for folder in job_folders(tmp_path)] == ["job-1"]
    assert job_folders(tmp_path / "nowhere") == []


def test_latest_leads_to_the_newest_that_is_left(tmp_path: Path) -> None:
    old, new = made(tmp_path, "old", age_s=5), made(tmp_path, "new", age_s=1)
    (tmp_path / "latest").symlink_to("new")
    new.remove()
    assert os.readlink(tmp_path / "latest") == "old"
    old.remove()
    assert not list(tmp_path.iterdir())


def test_the_space_of_a_file_with_another_name_elsewhere_is_not_freed(tmp_path: Path) -> None:
    folder = made(tmp_path / "results", "job-1")
    os.link(folder.path / "blur.mp4", tmp_path / "mine.mp4")
    assert folder.remove().size == 20
    assert (tmp_path / "mine.mp4").stat().st_size == 10


def test_which_go(tmp_path: Path) -> None:
    now = 1e9
    for age in range(5):
        made(tmp_path, f"job-{age}", age_s=age * DAY_S, now=now)
    folders = job_folders(tmp_path)

    def going(**rule: float) -> list[str]:
        return [folder.job for folder in to_remove(folders, now, **rule)]  # type: ignore[arg-type]

    assert going() == []
    assert going(max_age_s=2.5 * DAY_S) == ["job-4", "job-3"]
    assert going(max_age_s=2.5 * DAY_S, keep=4) == ["job-4"]
    assert going(max_age_s=0.5 * DAY_S, keep=5) == []
    assert going(max_size=90) == ["job-4", "job-3"]
    assert going(max_size=0) == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    assert going(max_size=90, max_age_s=1.5 * DAY_S) == ["job-4", "job-3", "job-2"]
    (tmp_path / "job-4" / ".blur.mp4.part").touch()
    assert going(max_age_s=2.5 * DAY_S) == ["job-3"]
