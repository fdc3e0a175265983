"""Finished files: all or none, under safe names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import xxhash

from aggregator.publishing import Publication, clear, sweep
from moviola.base.file_names import check_file_name
from moviola.base.finished_file import FinishedFile
from moviola.base.result_folders import LISTS, job_folder


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if LISTS not in path.parts)


def test_all_files_appear_together_with_size_and_checksum(tmp_path: Path) -> None:
    with Publication(tmp_path, "job") as publication:
        for name, content in (("a.mp4", b"video"), ("a.metrics.json", b"{}"), ("notes", b"")):
            publication.partial(name).write_bytes(content)
        publication.withdraw("notes")
        assert not any(not name.rpartition("/")[2].startswith(".") for name in everything(tmp_path / "job"))
        files = publication.publish()
    assert files[0] == FinishedFile("a.mp4", 5, xxhash.xxh3_128_hexdigest(b"video"))
    assert everything(tmp_path) == ["job", "job/a.metrics.json", "job/a.mp4", "latest"]
    noted = job_folder(tmp_path, "job")
    assert noted is not None
    assert noted.remove() == (7, ())
    assert everything(tmp_path) == []


def test_files_in_folders_are_listed_in_a_file(tmp_path: Path) -> None:
    for content in (b"first", b"second"):  # a job may be spliced again
        with Publication(tmp_path, "job") as publication:
            for name in ("blur/b.jpg", "blur/deep/a b.jpg", "blur.metrics.json"):
                publication.partial(name).write_bytes(content)
            publication.partial("blur/gone.jpg").touch()
            publication.withdraw("blur/gone.jpg")
            files = publication.publish()
        assert [(entry.file, entry.folder) for entry in files] == [
            ("blur.files.jsonl", "blur"),
            ("blur.metrics.json", ""),
        ]
        lines = (tmp_path / "job" / "blur.files.jsonl").read_text().splitlines()
        told = {"size": len(content), "xxh3": xxhash.xxh3_128_hexdigest(content)}
        assert [json.loads(line) for line in lines] == [
            {"file": "blur/b.jpg", **told},
            {"file": "blur/deep/a b.jpg", **told},
        ]
        assert everything(tmp_path / "job") == [
            "blur",
            "blur.files.jsonl",
            "blur.metrics.json",
            "blur/b.jpg",
            "blur/deep",
            "blur/deep/a b.jpg",
        ]


def test_a_folder_that_is_not_whole_leaves_nothing(tmp_path: Path) -> None:
    with Publication(tmp_path, "job") as publication:
        publication.partial("blur/a.jpg").write_bytes(b"x")
        with pytest.raises(ValueError, match="cannot be"):
            publication.partial("blur/../../a.jpg")
    assert everything(tmp_path) == []


def published(folder: Path, job: str, *names: str, content: bytes = b"x", forgotten: str = "") -> None:
    with Publication(folder, job) as publication:
        for name in names:
            publication.partial(name).write_bytes(content)
        if forgotten:
            publication.partial(forgotten)
        publication.publish()


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        published(tmp_path, "job", "a.mp4", forgotten="b.mp4")
    assert everything(tmp_path) == []


def test_a_failure_leaves_earlier_files_alone(tmp_path: Path) -> None:
    published(tmp_path, "job", "a.mp4", content=b"first")
    with pytest.raises(FileNotFoundError):
        published(tmp_path, "job", "a.mp4", content=b"second", forgotten="b.mp4")
    assert (tmp_path / "job" / "a.mp4").read_bytes() == b"first"
    assert everything(tmp_path) == ["job", "job/a.mp4", "latest"]


def test_latest_is_the_newest_and_never_missing(tmp_path: Path) -> None:
    for job in ("first", "second", "first"):
        published(tmp_path, job, "a")
        assert os.readlink(tmp_path / "latest") == job


def test_a_folder_in_place_of_latest_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "latest" / "mine").mkdir(parents=True)
    published(tmp_path, "job", "a")
    assert everything(tmp_path) == ["job", "job/a", "latest", "latest/mine"]


def test_what_an_interrupted_splice_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / ".a.mp4.part").write_bytes(b"half")
    clear(tmp_path, "job")
    assert everything(tmp_path) == []
    clear(tmp_path, "job")


class Later:
    """A thread that runs when it is told to."""

    threads: ClassVar[list[Later]] = []

    def __init__(self, target: Callable[..., object], args: tuple[object, ...], daemon: bool) -> None:
        self._target, self._args = target, args

    def run(self) -> None:
        self._target(*self._args)

    def start(self) -> None:
        self.threads.append(self)


def test_a_folder_of_thousands_is_put_away_at_once_and_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Later, "threads", [])
    monkeypatch.setattr("aggregator.publishing.threading.Thread", Later)
    (tmp_path / "job" / ".blur.part" / "deep").mkdir(parents=True)
    (tmp_path / "job" / ".blur.part" / "deep" / "a.jpg").write_bytes(b"half")
    clear(tmp_path, "job", later=True)
    (gone,) = tmp_path.iterdir()
    assert gone.name.startswith(".gone-")
    sweep(tmp_path)  # as after a restart, before which nothing was removed
    Later.threads[-1].run()
    assert everything(tmp_path) == []


@pytest.mark.parametrize("name", ["blur", "soft-edges_2", "Kürzung 1", "a.b", "x" * 180, "日本語"])
def test_ordinary_names_are_taken(name: str) -> None:
    assert check_file_name(name, "a name") == name


PATHS = [".", "..", "/", "a/b", "../a", "/etc/passwd", "a\\b", ".hidden"]
TRAPS = ["", "-rf", "a:b", "a*", "a.", "a ", "a\nb", "a\0b", "x" * 181, "ü" * 91, "a\u202eb", "\ud800"]


@pytest.mark.parametrize("name", [*PATHS, *TRAPS, "latest", "Latest"])
def test_names_that_are_no_file_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a name"):
        check_file_name(name, "a name")
    with pytest.raises(ValueError, match="a job's id"):
        Publication(tmp_path, name)
