"""What is kept of jobs that are over: few bytes in memory, and all that anybody asks for in the ledger."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from aggregator.events import PeerMessage, Recall
from aggregator.history import History
from aggregator.jobs import TrackRecord
from moviola.wire.messages import Drop, Error, Fetch, Finished, Holdings, Stored
from tests.aggregator.script import CLIENT as SCRIPTED_CLIENT
from tests.aggregator.script import MACHINE, Script
from tests.aggregator.shell import CLIENT, UPLINK, WORKER, Shell

MOST_BYTES: Final = 600
"""Of an ended job: its id, an object that holds it, and its places in two dictionaries are some 250; a dictionary that
has just grown is twice as large."""

MOST_PEAK_BYTES: Final = 2 * 1024 * 1024
"""What a start takes for a while beyond what it keeps; the jobs below take more than twice of it on the disk."""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.close()


@pytest.fixture
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.usefixtures("_traced")
def test_a_job_that_is_over_takes_few_bytes(shell: Shell) -> None:
    for number in range(100):
        shell.whole_job(f"before-{number}", outputs=2)
    before = held_bytes()
    for number in range(300):
        shell.whole_job(f"job-{number}", outputs=2)
    assert (held_bytes() - before) / 300 < MOST_BYTES


@pytest.mark.usefixtures("_traced")
def test_a_start_does_not_take_all_jobs_that_are_over_into_memory(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for number in range(300):
        shell.whole_job(f"job-{number}", outputs=3)
    shell.close()
    del shell
    assert (tmp_path / "ledger.sqlite").stat().st_size > 2 * MOST_PEAK_BYTES
    before = held_bytes()
    tracemalloc.reset_peak()
    again = Shell(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    kept = held_bytes()
    assert (kept - before) / 300 < MOST_BYTES
    assert peak - kept < MOST_PEAK_BYTES
    again.close()


def test_what_is_over_is_answered_from_the_ledger(shell: Shell) -> None:
    shell.whole_job("j", chunks=3, outputs=2)
    (shell.server._results / "j").mkdir(parents=True)
    (shell.server._results / "j" / "output-0.mp4").write_bytes(bytes(1 << 20))
    for _ in range(2):
        shell.own("j", outputs=2)
        [(peer, holdings)] = shell.turn()
        assert isinstance(holdings, Holdings)
        assert (peer, holdings.tracks, holdings.fingerprints) == (UPLINK, [b"\x07"] * 2, ["build"] * 2)

        shell.finish("j", 3, outputs=2)
        [(peer, finished)] = shell.turn()
        assert isinstance(finished, Finished)
        assert (peer, finished.state, len(finished.files), len(finished.outputs[1].warnings)) == (
            UPLINK,
            "done",
            2,
            100,
        )

        shell.result("j", 1)
        [(peer, stored)] = shell.turn()
        assert isinstance(stored, Stored)
        assert (peer, stored.verdict) == (WORKER, "duplicate")

        shell.fetch("j")
        shell.fetch("j", "another.mp4")
        [(_, file), (peer, error)] = shell.turn()
        assert file.to_wire()["size"] == 1 << 20
        assert isinstance(error, Error)
        assert (peer, error.code) == (CLIENT, "not-found")

        shell.say(Drop("j", 1))
        assert shell.turn() == [], "its files stay, and so does what is told of it"


def test_what_was_over_before_a_restart_is_answered_as_before(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.whole_job("j", chunks=3)
    shell.close()
    again = Shell(tmp_path)
    again.finish("j", 3)
    [(_, finished)] = again.turn()
    assert isinstance(finished, Finished)
    assert (finished.state, finished.files[0].file) == ("done", "output-0.mp4")
    again.close()


def test_a_job_that_is_over_begins_anew_under_a_higher_epoch() -> None:
    script = Script()
    script.ended()
    script.own(epoch=2)
    assert script.records["j"].finished is None
    assert script.brain._memory.history.get("j") is None
    script.result(0, epoch=2)
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 0, 0)


def test_only_messages_that_name_a_job_which_is_over_wait_for_the_ledger() -> None:
    script = Script()
    script.ended()
    script.own("k")
    for job, is_read in (("j", True), ("k", False), ("unknown", False)):
        said = PeerMessage(SCRIPTED_CLIENT, Fetch(job, "blur.mp4", 0, 1))
        commands = script.brain.handle(said, script.now)
        assert (commands == [Recall(said, job)]) is is_read


def test_the_user_with_most_jobs_loses_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.history.MAX_HISTORY", 3)
    history = History()
    for job, user in (("a", "ann"), ("b", "bob"), ("c", "bob")):
        history.add(job, 1, user)
        assert history.surplus() is None
    history.add("d", 1, "ann")
    history.add("e", 1, "bob")
    surplus = history.surplus()
    assert surplus is not None
    assert (surplus.id, surplus.user) == ("b", "bob")


@pytest.mark.parametrize("seed", range(5))
def test_the_history_agrees_with_itself_whatever_happens(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.history.MAX_HISTORY", 20)
    random, history, there = Random(seed), History(), set[str]()
    for number in range(300):
        if there and random.random() < 0.3:
            job = random.choice(sorted(there))
            there.remove(job)
            history.remove(job)
        else:
            there.add(f"{number}")
            history.add(f"{number}", 1, random.choice(("ann", "bob", "cid")))
        while (surplus := history.surplus()) is not None:
            there.remove(surplus.id)
            history.remove(surplus.id)
        history.validate()
        assert len(history) == len(there) <= 20
