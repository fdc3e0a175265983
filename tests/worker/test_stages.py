"""A stage of a shared chain, by script: what comes of it goes to the middleware, not to the store."""

from __future__ import annotations

from dataclasses import replace

from moviola.media.errors import TooLargeToHandOn
from moviola.wire.messages import HandOn, Released, Revoke, Stored
from moviola.wire.schema import Lease
from tests.worker.cluster import task
from tests.worker.script import RESULT, WELCOME, A, B, Script, held, released
from worker.compute import cause_of
from worker.events import MIDDLEWARE, Compute, Computed, Lost, Opened, Send, ServerMessage

CHAIN = {"chain": [{"name": "blur"}, {"name": "edges"}]}
FIRST = replace(task(A), output=CHAIN, stage=[0, 1])
LAST = replace(task(B), output=CHAIN, stage=[1, 2])
HANDED = Send(MIDDLEWARE, HandOn(A, "job", 0, A.sequence, b"tag"), RESULT.payload)


def verdict(script: Script, lease: Lease, word: str) -> list[object]:
    stored = Stored("job", 0, lease.sequence, word, lease)
    return list(script.after(ServerMessage(MIDDLEWARE, stored)))


def computed(script: Script) -> list[object]:
    assert Compute(FIRST, b"chunk") in script.told(FIRST, b"chunk")
    return list(script.after(Computed(A, RESULT)))


def test_a_stage_is_handed_to_the_middleware_and_released_with_its_verdict() -> None:
    script = Script().connect()
    assert computed(script) == [HANDED]
    assert verdict(script, A, "kept") == [released(A, "stored")]


def test_no_store_is_dialled_for_it() -> None:
    script = Script().connect()
    assert script.told(FIRST, b"chunk") == [Compute(FIRST, b"chunk")]


def test_what_nobody_wants_any_more_is_dropped() -> None:
    script = Script().connect()
    computed(script)
    assert verdict(script, A, "unwanted") == [released(A, "unwanted")]


def test_a_store_has_no_say_in_it() -> None:
    script = Script().connect()
    computed(script)
    assert script.stored(A) == []
    assert script.session.held_tasks


def test_without_a_verdict_it_is_sent_again_after_a_lost_connection() -> None:
    script = Script().connect()
    computed(script)
    script.after(Lost(MIDDLEWARE, "gone"))
    [dial] = script.wait(60)
    assert held(dial) == [(A, "delivering")]
    assert dial.hello.details["held"][0]["stage"] == [0, 1]  # type: ignore[union-attr]
    assert script.after(Opened(MIDDLEWARE, WELCOME)) == [HANDED]
    assert script.told(Revoke(A)) == [Send(MIDDLEWARE, Released(A, "revoked"))]


def test_the_last_stage_goes_to_the_store() -> None:
    script = Script().connect()
    script.told(LAST, b"what the first one made")
    script.connect_store()
    [sent] = script.after(Computed(B, RESULT))
    assert isinstance(sent, Send)
    assert sent.peer == "store"


def test_too_large_is_nobodys_fault() -> None:
    cause = cause_of(TooLargeToHandOn(300 << 20, 192 << 20, 40))
    assert cause.kind == "too-large"
    assert cause.text.startswith("the frames of one chunk take more than 192 MB between two workers: start a worker")
    assert cause.text.endswith("--chunk-frames 30")
