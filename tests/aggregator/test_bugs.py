"""What a bug in the assembler costs: a connection where nothing was changed, and no job that ended it repeatedly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregator.assembler import Assembler
from aggregator.events import MIDDLEWARE, PeerMessage, Send, Tick
from aggregator.results import Results
from moviola.storage.crashes import MAX_CRASHES
from moviola.wire.messages import Error, Finished, Own, Welcome
from tests.aggregator.script import OUTPUTS, SOURCE, Script
from tests.aggregator.shell import CLIENT, UPLINK, Shell


def _bug(*_told: Any) -> None:
    raise IndexError("a planted bug")


def test_what_raised_before_it_commanded_anything_is_no_half_change(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.own()
    monkeypatch.setattr(Results, "passed", _bug)
    with pytest.raises(IndexError):
        script.passed(0)
    assert script.brain.half_done() == ""
    monkeypatch.undo()
    assert script.passed(0)


def test_what_was_commanded_before_or_does_not_agree_is_half_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script()
    script.collected()
    monkeypatch.setattr("aggregator.splice_queue.SpliceQueue.begin", _bug)
    with pytest.raises(IndexError):
        script.own()
    assert "Holdings" in script.brain.half_done()
    with pytest.raises(IndexError):
        script.finish(2, 1)
    assert "does not agree" in script.brain.half_done()


def test_a_job_that_ended_the_aggregator_too_often_is_not_taken_again() -> None:
    brain = Assembler(epoch=1, crashes={"poison": MAX_CRASHES, "good": MAX_CRASHES - 1})
    brain.handle(Tick(), 1.0)
    brain.handle(PeerMessage(MIDDLEWARE, Welcome(version=3, epoch=1)), 1.0)
    for job, is_taken in (("poison", False), ("good", True)):
        own = Own(job, "clip", 1, SOURCE, OUTPUTS, b"k" * 32)
        commands = brain.handle(PeerMessage(MIDDLEWARE, own), 1.0)
        [told] = [one.message for one in commands if isinstance(one, Send)]
        assert isinstance(told, Finished) is not is_taken


def test_a_bug_over_a_job_that_is_over_costs_the_one_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tmp_path)
    shell.whole_job("j")
    monkeypatch.setattr(Assembler, "_fetch", _bug)
    shell.fetch("j")
    [(peer, error)] = shell.turn()
    assert isinstance(error, Error)
    assert (peer, error.code, error.job) == (CLIENT, "failed", "j")
    shell.finish("j", 4)
    [(peer, told)] = shell.turn()
    assert isinstance(told, Finished)
    assert (peer, told.state) == (UPLINK, "done")
    shell.close()
