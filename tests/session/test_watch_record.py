from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moviola.session import watch_record
from moviola.session.watch import Identity
from moviola.session.watch_record import NAME, RecordUnusable, WatchRecord

ONE, TWO = Identity(1, 10, 5), Identity(2, 20, -6)


def test_a_file_keeps_its_session_and_its_folder_over_a_restart(tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        first, second = record.begin(ONE, "a.mp4"), record.begin(TWO, "A.mov")
        sessions = {record.session_of(first), record.session_of(second)}
        assert (first.results, second.results) == ("a", "A-2")
    with WatchRecord(tmp_path) as record:
        again = record.begin(ONE, "renamed.mp4")
        assert again.results == "a"
        assert {record.session_of(again), record.session_of(record.begin(TWO, "A.mov"))} == sessions
        assert len(sessions) == 2
        assert record.done == set()


def test_what_has_ended_is_done_after_a_restart(tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        record.end(record.begin(ONE, "a.mp4"), "failed")
        record.begin(TWO, "b.mp4")
    with WatchRecord(tmp_path) as record:
        assert record.done == {ONE}


def test_another_folder_of_results_has_other_sessions(tmp_path: Path) -> None:
    sessions = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with WatchRecord(tmp_path / name) as record:
            sessions.add(record.session_of(record.begin(ONE, "a.mp4")))
    assert len(sessions) == 2


def test_a_folder_that_is_there_is_not_taken_for_results(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    with WatchRecord(tmp_path) as record:
        assert record.begin(ONE, "a.mp4").results == "a-2"


@pytest.mark.parametrize("lost", [1, 10, 60])
def test_a_line_that_was_cut_off_is_passed_over(lost: int, tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        record.end(record.begin(ONE, "a.mp4"), "done")
        record.end(record.begin(TWO, "b.mp4"), "done")
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-lost])
    with WatchRecord(tmp_path) as record:
        assert ONE in record.done
        assert TWO not in record.done
        record.end(record.begin(TWO, "b.mp4"), "done")
    with WatchRecord(tmp_path) as record:
        assert record.done == {ONE, TWO}


@pytest.mark.parametrize(
    "garbage",
    ["no json", "[]", "{}", '{"inode": true, "size": 1, "mtime_ns": 1, "file": "", "results": ""}', "\x00", "\udcff"],
)
def test_a_line_that_cannot_be_read_is_passed_over(garbage: str, tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        record.end(record.begin(ONE, "a.mp4"), "done")
    with (tmp_path / NAME).open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{garbage}\n")
    with WatchRecord(tmp_path) as record:
        assert record.done == {ONE}


@pytest.mark.parametrize("head", ["", "{}", '{"moviola_watch": 2, "id": "x"}', '{"moviola_watch": 1}'])
def test_a_file_that_is_no_record_of_this_version_is_left_alone(head: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(f"{head}\n")
    with pytest.raises(RecordUnusable, match="move it away"), WatchRecord(tmp_path):
        pass
    assert (tmp_path / NAME).read_text() == f"{head}\n"


def test_a_record_that_is_refused_is_let_go(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{}\n")
    record = WatchRecord(tmp_path)
    with pytest.raises(RecordUnusable), record:
        pass
    (tmp_path / NAME).write_text("")
    with WatchRecord(tmp_path):  # nobody holds it
        pass


def test_a_second_watch_of_the_same_results_is_refused(tmp_path: Path) -> None:
    with WatchRecord(tmp_path), pytest.raises(RecordUnusable, match="another watch"), WatchRecord(tmp_path):
        pass
    with WatchRecord(tmp_path):
        pass


def test_files_that_are_done_and_gone_are_left_out(tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        record.end(record.begin(ONE, "a.mp4"), "done")
        record.begin(TWO, "b.mp4")
        session = record.session_of(record.arrivals[TWO])
        record.forget_gone([])
        assert set(record.arrivals) == {TWO}
        with pytest.raises(RecordUnusable, match="another watch"), WatchRecord(tmp_path):
            pass
        record.begin(Identity(3, 1, 1), "c.mp4")
    lines = (tmp_path / NAME).read_text().splitlines()
    assert [json.loads(line)["file"] for line in lines[1:]] == ["b.mp4", "c.mp4"]
    with WatchRecord(tmp_path) as record:
        assert record.session_of(record.arrivals[TWO]) == session
        assert len(record.arrivals) == 2


def test_more_files_than_can_be_remembered_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_record, "MAX_FILES", 1)
    with WatchRecord(tmp_path) as record:
        record.begin(ONE, "a.mp4")
        record.forget_gone([ONE])
        record.begin(TWO, "b.mp4")
        with pytest.raises(RecordUnusable, match="1 is the limit"):
            record.forget_gone([ONE, TWO])


def test_a_record_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(RecordUnusable, match="cannot be used"), WatchRecord(tmp_path):
        pass


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Files take `room` bytes, and no more, until the block is left."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        record.begin(ONE, "a.mp4")
    size = (tmp_path / NAME).stat().st_size
    with (
        full_disk(size + 10),
        pytest.raises(RecordUnusable, match=r"\.jsonl cannot be written: File too large"),
        WatchRecord(tmp_path) as record,
    ):
        record.begin(TWO, "b.mp4")
    with WatchRecord(tmp_path) as record:  # nobody holds it, and what was written before is there
        assert set(record.arrivals) == {ONE}


def test_a_full_disk_is_told_where_a_record_begins(tmp_path: Path) -> None:
    with full_disk(10), pytest.raises(RecordUnusable, match="cannot be used: File too large"), WatchRecord(tmp_path):
        pass


def test_a_full_disk_is_told_where_a_record_is_written_anew(tmp_path: Path) -> None:
    with WatchRecord(tmp_path) as record:
        record.end(record.begin(ONE, "a.mp4"), "done")
        record.begin(TWO, "b.mp4")
        with full_disk(100), pytest.raises(RecordUnusable, match="cannot be written: File too large"):
            record.forget_gone([])
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    with WatchRecord(tmp_path) as record:
        assert set(record.arrivals) == {ONE, TWO}
