"""The assembler by scripts: results come, and are kept, compared or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.events import (
    MIDDLEWARE,
    Close,
    Keep,
    Send,
)
from aggregator.jobs import TrackRecord
from aggregator.results import NO_ROOM_DELAY_S
from moviola.wire.lease_tags import tag_of
from moviola.wire.limits import MAX_CHUNKS
from moviola.wire.messages import (
    Result,
    Stored,
)
from moviola.wire.schema import Lease
from tests.aggregator.script import (
    KEY,
    MACHINE,
    OTHER,
    WORKER,
    Script,
    holdings,
    kinds,
    said,
    verdicts,
)


def test_the_first_result_is_kept_then_told_to_worker_and_middleware() -> None:
    script = Script()
    script.own()
    commands = script.result(0)
    assert kinds(commands) == [Keep, Send, Send]
    assert verdicts(commands, WORKER) == verdicts(commands, MIDDLEWARE) == ["kept"]
    [told] = said(commands, MIDDLEWARE)
    assert told == Stored("j", 0, 0, "kept", Lease(1, 0), f"worker {WORKER}", frames_out=64)


def test_later_results_are_compared_counted_and_dropped() -> None:
    script = Script()
    script.own()
    script.result(0)
    for worker, content in ((WORKER, 11), (OTHER, 11), (OTHER, 12)):
        commands = script.result(0, worker=worker, content=content)
        assert Keep not in kinds(commands)
        assert verdicts(commands, worker) == ["duplicate"]
        assert verdicts(commands, MIDDLEWARE) == []
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 3, 1)
    assert "differs" in script.logged[-1]


def test_a_duplicate_of_another_machine_may_differ() -> None:
    script = Script()
    script.own()
    script.result(0)
    assert verdicts(script.result(0, worker=OTHER, content=12, machine="arm"), OTHER) == ["duplicate"]
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 1, 0)


FORGED: dict[str, dict[str, Any]] = {
    "no tag": {"tag": b""},
    "a tag made up": {"tag": b"x" * 32},
    "a lease never lent": {"lease": Lease(7, 7)},
    "another chunk": {"index": 1},
    "another output": {"track": 1},
    "another mode": {"mode": "bypass"},
    "another stage": {"stage": [0, 1]},
    "an invented fingerprint": {"build": "invented"},
    "a chunk that cannot be": {"index": MAX_CHUNKS},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_result_whose_tag_proves_nothing_is_refused_and_changes_nothing(forged: dict[str, Any]) -> None:
    script = Script()
    script.own(outputs=[{"name": "blur"}, {"name": "edges"}])
    before = script.records["j"]
    commands = script.result(0, forged=forged)
    assert kinds(commands) == [Send]
    assert verdicts(commands, WORKER) == ["refused"]
    assert script.records["j"] == before
    assert "lent" in script.logged[-1]
    assert verdicts(script.result(0), WORKER) == ["kept"], "the first valid one wins"
    assert verdicts(script.result(0, forged=forged), WORKER) == ["refused"], "and none is counted as its copy"
    assert script.records["j"].tracks[0] == TrackRecord("blur", MACHINE, 0, 0)


def test_a_lease_is_of_no_use_to_another_worker() -> None:
    script = Script()
    script.own()
    mine = Result(Lease(1, 0), "j", 0, 0, 1, MACHINE, 64, 64)
    mine = replace(mine, tag=tag_of(mine, KEY, f"token {WORKER}"))
    assert verdicts(script.hear(OTHER, mine, 100, 7), OTHER) == ["refused"]
    assert verdicts(script.hear(WORKER, mine, 100, 7), WORKER) == ["kept"]


def test_a_result_of_another_fingerprint_is_not_taken_in_that_track_only() -> None:
    script = Script()
    script.own(outputs=[{"name": "blur"}, {"name": "edges"}])
    script.result(0)
    assert verdicts(script.result(1, worker=OTHER, machine="arm"), OTHER) == ["unwanted"]
    assert verdicts(script.result(1, worker=OTHER, machine="arm", track=1), OTHER) == ["kept"]
    assert verdicts(script.result(1), WORKER) == ["kept"]


@pytest.mark.parametrize(("epoch", "job"), [(0, "j"), (2, "j"), (1, "unknown")])
def test_what_no_one_asked_for_is_unwanted(epoch: int, job: str) -> None:
    script = Script()
    script.own()
    assert verdicts(script.result(0, epoch=epoch, job=job), WORKER) == ["unwanted"]
    assert verdicts(script.passed(0, epoch=epoch, job=job), MIDDLEWARE) == ["unwanted"]


@pytest.mark.parametrize(("track", "index"), [(1, 0), (2, 0), (0, MAX_CHUNKS)])
def test_a_result_that_cannot_be_ends_its_connection(track: int, index: int) -> None:
    script = Script()
    script.own()
    commands = script.result(index, track=track)
    assert kinds(commands) == [Close]
    assert verdicts(script.result(0, worker=OTHER), OTHER) == ["kept"]
    assert script.result(0) == [], "what the closed connection had said before is not heard"


def test_without_room_the_middleware_is_told_at_once_and_the_sender_later() -> None:
    script = Script()
    script.own()
    script.room = False
    commands = script.result(0)
    assert verdicts(commands, MIDDLEWARE) == ["no-room"]
    assert verdicts(commands, WORKER) == []
    assert verdicts(script.passed(0), MIDDLEWARE) == []
    commands = script.tick(NO_ROOM_DELAY_S)
    assert verdicts(commands, WORKER) == ["unwanted"]
    assert verdicts(commands, MIDDLEWARE) == ["no-room"]
    script.room = True
    assert verdicts(script.result(0, machine="arm"), WORKER) == ["kept"], "nothing of the first one was kept"


def test_holdings_tell_what_is_stored() -> None:
    script = Script()
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"", b""])]
    script.result(0)
    script.result(9)
    script.passed(1)
    assert said(script.own(), MIDDLEWARE) == [holdings(1, [b"\x01\x02", b"\x02"])]
