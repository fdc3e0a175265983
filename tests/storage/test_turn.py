"""The end of a turn: what happens in which order, and what does not when something before it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from moviola.storage.errors import LedgerFull
from moviola.storage.spool import Spool
from moviola.storage.turn import Turn


class Recorder:
    """A ledger and a loop that write down when they were called."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.story: list[tuple[str, int]] = []
        self.is_full = False

    def commit(self) -> None:
        if self.is_full:
            raise LedgerFull("no room")
        self.story.append(("commit", self.spool.used_bytes))

    def flush(self) -> None:
        self.story.append(("flush", self.spool.used_bytes))


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(Spool(tmp_path / "spool", limit_bytes=1 << 20, segment_bytes=10))


def test_what_is_forgotten_is_given_back_after_the_commit_and_before_anything_leaves(recorder: Recorder) -> None:
    turn = Turn(recorder.spool, recorder, recorder.flush)
    one = recorder.spool.append("a", b"12345")
    recorder.spool.append("b", b"1234567")
    recorder.spool.append("b", b"1234567")
    turn.free_location(one)
    turn.free("b")
    turn.end()
    assert recorder.story == [("commit", 19), ("flush", 0)]
    turn.end()
    assert recorder.story[2:] == [("commit", 0), ("flush", 0)], "each is given back once"


def test_where_the_commit_fails_nothing_is_given_back_and_nothing_leaves(recorder: Recorder) -> None:
    turn = Turn(recorder.spool, recorder, recorder.flush)
    turn.free_location(recorder.spool.append("a", b"12345"))
    recorder.is_full = True
    with pytest.raises(LedgerFull):
        turn.end()
    assert (recorder.story, recorder.spool.used_bytes) == ([], 5)


def test_payloads_reach_the_disk_before_the_facts_about_them(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder.spool, "sync", lambda: recorder.story.append(("sync", recorder.spool.used_bytes)))
    turn = Turn(recorder.spool, recorder, recorder.flush)
    recorder.spool.append("a", b"12345")
    turn.end()
    assert [what for what, _ in recorder.story] == ["sync", "commit", "flush"]
