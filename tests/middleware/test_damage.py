"""Payloads that are not what they were: asked for again, and nobody is blamed."""

from __future__ import annotations

import pytest

from middleware.model.rules import Rules
from moviola.wire.messages import Chunk, End, FailedChunk, Finish, HandOn, Holdings, Job, Pass, Released, Stored, Task
from tests.middleware.script import Script, bits


def begun(**submission: object) -> tuple[Script, str]:
    """A job of two chunks at one worker, which holds both."""
    script = Script()
    script.aggregator()
    script.worker(2)
    script.client()
    return script, script.submit(chunks=2, **submission)  # type: ignore[arg-type]


def held(script: Script, index: int, peer: int = 2) -> Task:
    return next(task for task in reversed(script.said(peer, Task)) if task.index == index)


def blame(script: Script) -> tuple[int, int, dict[str, int]]:
    worker = script.dispatcher.cluster.fleet.by_name["w2"]
    excluded = [job.excluded for job in script.dispatcher.cluster.open.values() if job.excluded]
    return worker.failures, worker.losses, dict(*excluded)


# ── what the store loses ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("times", [1, 2])
def test_finish_is_owed_again_when_the_store_has_lost_a_result(times: int) -> None:
    script, job = begun()
    script.deliver(2, 0)
    script.deliver(2, 1)
    for done in range(times):
        assert len(script.said(9, Finish)) == done + 1
        script.tell(9, Holdings(job, 1, [bits(0)]))
        script.tick()
        assert len(script.tasks(2)) == 3 + done
        script.deliver(2, 1)
    assert len(script.said(9, Finish)) == times + 1
    script.finish()
    assert script.job(1).state == "done"


def test_a_lost_chunk_of_a_stream_that_is_passed_on_is_passed_again() -> None:
    script, job = begun(streams=2)
    script.deliver(2, 0)
    script.deliver(2, 1)
    script.pass_all()
    script.tell(9, Holdings(job, 1, [bits(0, 1), bits(1)]))
    script.tick()
    assert [one.index for one in script.said(9, Pass)] == [0, 1, 0]
    script.pass_all()
    assert len(script.said(9, Finish)) == 2


def test_a_result_beyond_the_last_chunk_does_not_stand_for_one_that_is_missing() -> None:
    script, job = begun()
    script.deliver(2, 0)
    script.tell(9, Stored(job, 0, 7, "kept"))
    assert script.said(9, Finish) == []
    script.deliver(2, 1)
    assert len(script.said(9, Finish)) == 1


# ── what is damaged in the spool ─────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_chunk_is_asked_for_again_and_nobody_is_blamed() -> None:
    script, job = begun()
    script.damaged.add((job, 0, 0))
    script.tell(2, Released(held(script, 0).lease, "damaged"))
    script.tick(3)
    assert script.tasks(2) == [0, 1], "it is not handed out while it is not here"
    assert (job, 0, 0) not in script.spool
    asked = script.job(1)
    assert asked.have == [bits(1)]
    script.damaged.clear()
    script.tell(1, Chunk(job, 0, 0, 10), size=1000, xxh3=1)
    script.tell(1, End(job, [2]))
    script.tick()
    assert script.tasks(2) == [0, 1, 0]
    script.deliver(2, 1)
    script.deliver(2, 0)
    script.finish()
    assert script.job(1).state == "done"
    assert blame(script) == (0, 0, {})


def test_a_damaged_chunk_of_an_edited_source_is_not_taken() -> None:
    script, job = begun()
    script.damaged.add((job, 0, 0))
    script.tell(2, Released(held(script, 0).lease, "damaged"))
    script.tell(1, Chunk(job, 0, 0, 10), size=1000, xxh3=77)
    assert script.tasks(2) == [0, 1]
    assert (job, 0, 0) not in script.spool


def test_without_a_client_a_damaged_chunk_is_a_reason_that_is_told() -> None:
    script, job = begun()
    script.leave(1)
    script.deliver(2, 1)
    script.damaged.add((job, 0, 0))
    script.tell(2, Released(held(script, 0).lease, "damaged"))
    script.tick(3)
    assert script.dispatcher.cluster.jobs[job].code == "source-needed"
    script.client(3)
    script.tell(3, script.submission())
    assert script.said(3, Job)[0].have == [bits(1)]


def test_a_damaged_chunk_that_is_stored_everywhere_is_needed_no_more() -> None:
    script, job = begun()
    lease = held(script, 0).lease
    script.tell(9, Stored(job, 0, 0, "kept", lease, "w2", 10))
    script.damaged.add((job, 0, 0))
    script.tell(9, Stored(job, 0, 0, "damaged"))  # of a FailedChunk
    script.tell(2, Released(lease, "stored"))
    script.deliver(2, 1)
    script.finish()
    assert script.job(1).state == "done"
    assert len(script.said(1, Job)[-1].files) == 1
    assert script.said(9, FailedChunk) == []


def test_a_damaged_chunk_is_known_after_a_restart() -> None:
    script, job = begun()
    script.damaged.add((job, 0, 0))
    script.tell(2, Released(held(script, 0).lease, "damaged"))
    again = script.restarted(2)
    again.aggregator()
    again.hold(job, b"")
    again.client()
    again.tell(1, again.submission())
    assert again.job(1).have == [bits(1)]


def test_what_is_damaged_between_two_stages_begins_again_with_its_chunk() -> None:
    script = Script()
    script.aggregator()
    script.worker(2, filters=("blur",))
    script.worker(3, filters=("edges",))
    script.client()
    job = script.submit(chunks=1, filters=("blur", "edges"), stages=True)
    script.hand_on(2, 0)
    script.damaged.add((job, 0, 0))
    script.tell(3, Released(held(script, 0, 3).lease, "damaged"))
    script.tick()
    assert script.tasks(2) == [0, 0]
    assert blame(script) == (0, 0, {})


# ── what is damaged on its way ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_damaged_on_its_way_is_sent_again_until_that_is_no_accident() -> None:
    script = Script(rules=Rules(max_losses=3))
    script.aggregator()
    script.worker(2)
    script.client()
    job = script.submit(chunks=1)
    for _ in range(3):
        assert script.dispatcher.cluster.jobs[job].state.value == "running"
        script.tell(2, Released(held(script, 0).lease, "damaged"))
        script.tick()
    found = script.dispatcher.cluster.open[job]
    assert (found.state.value, found.code) == ("paused", "lost-too-often")
    assert "worker w2, where it arrived damaged" in found.reason
    assert blame(script)[0] == 0


def test_a_damaged_pass_is_sent_again() -> None:
    script, job = begun(streams=2)
    script.tell(9, Stored(job, 1, 0, "damaged"))
    script.tick()
    assert [one.index for one in script.said(9, Pass)] == [0, 1, 0]


def test_a_damaged_hand_on_is_told_so() -> None:
    script = Script()
    script.aggregator()
    script.worker(2, filters=("blur",))
    script.worker(3, filters=("edges",))
    script.client()
    job = script.submit(chunks=1, filters=("blur", "edges"), stages=True)
    task = held(script, 0)
    script.garble(2, HandOn(task.lease, job, 0, 0))
    assert script.said(2, Stored)[-1].verdict == "damaged"
    script.tell(2, Released(task.lease, "damaged"))
    script.tick()
    assert script.tasks(2) == [0, 0]


def test_a_chunk_that_arrives_damaged_sends_its_client_back_to_ask_what_is_here() -> None:
    script, job = begun()
    script.garble(1, Chunk(job, 0, 1, 10))
    assert script.closed(1) == ["corrupt"]
