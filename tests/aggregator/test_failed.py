"""Chunks that failed become files, and nothing else stays."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import av
import pytest

from aggregator.failed import LIMIT_S, MAX_WAITING, FailedChunks
from tests.aggregator.conftest import Material
from tests.waiting import until


def done(chunks: FailedChunks) -> None:
    """Wait until nothing more is to be done."""

    def is_done() -> bool:
        chunks.tick(time.monotonic())
        return chunks.next_deadline() is None

    until(is_done, "all chunks are files")


def names(results: Path) -> list[str]:
    return sorted(str(path.relative_to(results)) for path in results.glob("*/failed/*") if path.is_file())


def test_each_becomes_a_file_that_can_be_played(material: Material, tmp_path: Path) -> None:
    chunks = FailedChunks(tmp_path)
    for chunk in material.of_stream(0)[:2]:
        chunks.keep("job", "soft [1]", chunk.index, {"kind": "video", **material.source.process}, chunk.payload)
    done(chunks)
    assert names(tmp_path) == ["job/failed/soft [1]-000000.mkv", "job/failed/soft [1]-000001.mkv"]
    with av.open(str(tmp_path / "job" / "failed" / "soft [1]-000001.mkv")) as file:
        assert sum(1 for _ in file.decode(video=0)) >= material.of_stream(0)[1].frame_count


def test_what_cannot_be_made_a_file_leaves_nothing(material: Material, tmp_path: Path) -> None:
    chunks = FailedChunks(tmp_path)
    chunks.keep("job", "soft", 0, {"kind": "video", **material.source.process}, b"no chunk")
    done(chunks)
    assert names(tmp_path) == []
    assert not (tmp_path / "job" / "failed").exists()


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    chunks = FailedChunks(tmp_path, (sys.executable, "-c", "import threading; threading.Event().wait()"))
    chunks.keep("job", "soft", 0, {"kind": "video"}, b"")
    chunks.tick(0.0)
    chunks.tick(LIMIT_S - 1)
    assert chunks.next_deadline() is not None
    chunks.tick(LIMIT_S + 1)
    assert chunks.next_deadline() is None
    assert names(tmp_path) == []


def test_one_whose_process_cannot_be_started_is_given_up_and_the_next_has_its_turn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chunks = FailedChunks(tmp_path / "results", (str(tmp_path / "gone"),))
    for index in (0, 1):
        chunks.keep("job", "soft", index, {"kind": "video"}, b"")
    done(chunks)
    assert [record.message.partition(" could")[2] for record in caplog.records] == [
        " not be made a file: No such file or directory"
    ] * 2
    assert names(tmp_path / "results") == []


def test_there_is_a_bound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chunks = FailedChunks(tmp_path)
    for index in range(MAX_WAITING + 1):
        chunks.keep("job", "soft", index, {"kind": "video"}, b"")
    assert f"chunk {MAX_WAITING} of soft failed; it is not kept" in caplog.text
    assert len(names(tmp_path)) == MAX_WAITING
    chunks.stop()
    assert names(tmp_path) == []


def test_leftovers_of_a_killed_life_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "job" / "failed"
    folder.mkdir(parents=True)
    for name in (".soft-000001.part", ".soft-000001.part.mkv", "soft-000000.mkv"):
        (folder / name).touch()
    FailedChunks(tmp_path)
    assert names(tmp_path) == ["job/failed/soft-000000.mkv"]
