"""Chains that no worker offers as a whole, and workers together do."""

from __future__ import annotations

import pytest

from middleware.events import FreeStage, SendChunk, SendStage
from middleware.model.rules import Rules
from moviola.wire.messages import (
    Beat,
    Cause,
    Control,
    HandOn,
    Holdings,
    LeaseBeat,
    Own,
    Released,
    Revoke,
    Stored,
    Subscribe,
    Task,
)
from moviola.wire.schema import Lease
from tests.middleware.script import Script, held_lease

RESIZE, MARK, BOTH = 11, 12, 13


@pytest.fixture
def script() -> Script:
    made = Script(rules=Rules(stage_bytes=10_000))
    made.aggregator(9)
    made.client(1)
    return made


def share(script: Script, chunks: int = 3, **more: object) -> str:
    script.worker(RESIZE, filters=("resize",))
    script.worker(MARK, filters=("watermark",))
    return script.submit(chunks=chunks, filters=("resize", "watermark"), stages=True, **more)  # type: ignore[arg-type]


def stages(script: Script, peer: int) -> list[tuple[int, list[int]]]:
    return [(task.index, task.stage) for task in script.said(peer, Task)]


def payloads(script: Script, peer: int) -> list[type]:
    return [type(one) for one in script.commands if isinstance(one, SendChunk | SendStage) and one.peer == peer]


def test_each_worker_gets_the_steps_that_it_offers(script: Script) -> None:
    job = share(script)
    assert stages(script, RESIZE) == [(0, [0, 1]), (1, [0, 1])]
    assert stages(script, MARK) == []
    script.hand_on(RESIZE, 0)
    assert stages(script, MARK) == [(0, [1, 2])]
    assert payloads(script, RESIZE) == [SendChunk] * 3
    assert payloads(script, MARK) == [SendStage]
    assert script.stages == {(job, 0, 0)}
    script.deliver(MARK)
    assert script.stages == set()
    for index in (1, 2):
        script.hand_on(RESIZE, index)
        script.deliver(MARK, index)
    script.finish()
    assert script.job(1).state == "done"
    assert not script.stages


def test_a_source_that_cannot_be_shared_waits_for_a_worker_that_offers_all(script: Script) -> None:
    script.worker(RESIZE, filters=("resize",))
    script.worker(MARK, filters=("watermark",))
    script.submit(filters=("resize", "watermark"))
    assert stages(script, RESIZE) == []
    assert script.job(1).code == "no-worker"
    assert script.job(1).reason == (
        "no single worker offers all of resize, watermark; 2 workers offer resize, watermark"
    )


def test_what_workers_cannot_do_even_together_waits_and_says_why(script: Script) -> None:
    script.worker(RESIZE, filters=("resize",))
    script.worker(MARK, filters=("watermark",))
    script.submit(filters=("resize", "sharpen", "watermark"), stages=True)
    assert stages(script, RESIZE) == []
    assert script.job(1).reason == "no worker offers 'sharpen'; 2 workers offer resize, watermark"
    script.worker(BOTH, filters=("sharpen",))
    script.tick()
    assert stages(script, RESIZE) == [(0, [0, 1]), (1, [0, 1])]


def test_a_worker_that_offers_all_keeps_a_chain_to_itself(script: Script) -> None:
    script.worker(BOTH, filters=("resize", "watermark"))
    share(script, chunks=4)
    assert stages(script, BOTH) == [(0, []), (1, [])]
    assert stages(script, RESIZE) == []


def test_a_worker_that_joins_takes_over_what_is_left(script: Script) -> None:
    share(script, chunks=4)
    script.hand_on(RESIZE, 0)
    script.hand_on(RESIZE, 1)
    script.leave(MARK)
    script.worker(BOTH, filters=("resize", "watermark"))
    script.tick()
    assert stages(script, BOTH) == [(0, [1, 2]), (1, [1, 2])]
    script.deliver(BOTH, 0)
    script.hand_on(RESIZE, 2)
    assert stages(script, BOTH)[-1] == (2, [1, 2])


def test_the_longest_part_goes_to_whoever_has_credit(script: Script) -> None:
    script.worker(RESIZE, filters=("resize",))
    script.worker(BOTH, filters=("resize", "blur"))
    script.worker(MARK, filters=("watermark",))
    script.submit(chunks=5, filters=("resize", "blur", "watermark"), stages=True)
    assert stages(script, BOTH) == [(0, [0, 2]), (1, [0, 2])]
    assert stages(script, RESIZE) == [(2, [0, 1]), (3, [0, 1])]
    script.hand_on(RESIZE, 2)
    script.hand_on(BOTH, 0)
    assert stages(script, BOTH)[2:] == [(2, [1, 2])]
    assert stages(script, MARK) == [(0, [2, 3])]


def test_a_lost_worker_costs_its_stage_only(script: Script) -> None:
    job = share(script)
    script.hand_on(RESIZE, 0)
    script.leave(MARK)
    assert script.stages == {(job, 0, 0)}
    script.worker(14, filters=("watermark",))
    script.tick()
    assert stages(script, 14) == [(0, [1, 2])]
    assert payloads(script, 14) == [SendStage]


def test_failures_are_counted_per_task_and_the_last_try_begins_with_the_chunk(script: Script) -> None:
    share(script, chunks=1)
    script.hand_on(RESIZE)
    for _ in range(3):
        script.tell(MARK, Released(script.said(MARK, Task)[-1].lease, "failed", Cause(text="no")))
        script.tick()
    assert [task.mode for task in script.said(MARK, Task)] == ["filter"] * 3
    assert [(task.mode, task.stage) for task in script.said(RESIZE, Task)] == [("filter", [0, 1]), ("bypass", [0, 1])]
    script.hand_on(RESIZE)
    assert (script.said(MARK, Task)[-1].mode, script.said(MARK, Task)[-1].stage) == ("bypass", [1, 2])
    script.deliver(MARK)
    assert not script.stages


def test_what_comes_too_late_or_twice_is_unwanted(script: Script) -> None:
    share(script, chunks=1)
    task = script.said(RESIZE, Task)[0]
    script.hand_on(RESIZE)
    script.tell(RESIZE, HandOn(task.lease, task.job, 0, 0, task.tag), size=10)
    assert script.said(RESIZE, Stored)[-1].verdict == "unwanted"
    assert stages(script, MARK) == [(0, [1, 2])]


def test_a_returning_worker_goes_on_with_its_stage_and_after_a_restart_as_well(script: Script) -> None:
    job = share(script, chunks=2)
    script.hand_on(RESIZE, 0)
    first, last = script.said(RESIZE, Task)[1], script.said(MARK, Task)[0]
    again = script.restarted(2)
    again.aggregator(9)
    again.hold(job)
    held = [held_lease(one) for one in (first, last)]
    again.worker(RESIZE, filters=("resize",), held=(held[0],))
    again.worker(MARK, filters=("watermark",), held=(held[1],))
    again.tick()
    assert stages(again, RESIZE) == stages(again, MARK) == []
    again.tell(RESIZE, HandOn(first.lease, job, 0, 1, first.tag), size=1000)
    again.tell(9, Stored(job, 0, 0, "kept", last.lease, "w12", 10))
    again.tell(MARK, Released(last.lease, "stored"))
    again.tick()
    assert stages(again, MARK) == [(1, [1, 2])]


def test_a_restart_begins_with_the_chunk(script: Script) -> None:
    job = share(script, chunks=1)
    script.hand_on(RESIZE)
    again = script.restarted(2)
    again.aggregator(9)
    again.hold(job)
    again.worker(RESIZE, filters=("resize",))
    again.worker(MARK, filters=("watermark",))
    again.tick()
    assert stages(again, RESIZE) == [(0, [0, 1])]


def test_a_stage_done_already_is_not_adopted(script: Script) -> None:
    job = share(script, chunks=1)
    task = script.said(RESIZE, Task)[0]
    script.tell(RESIZE, HandOn(task.lease, job, 0, 0, task.tag), size=1000)  # its verdict is lost with the connection
    script.leave(RESIZE)
    script.worker(14, "w11", filters=("resize",), held=(held_lease(task, "delivering"),))
    assert script.said(14, Revoke) == [Revoke(task.lease)]
    script.tick()
    assert stages(script, MARK) == [(0, [1, 2])]


def test_nothing_is_begun_while_much_lies_between_workers_and_what_is_begun_is_ended(script: Script) -> None:
    share(script, chunks=6)
    script.hand_on(RESIZE, 0, size=9_000)
    script.hand_on(RESIZE, 1, size=9_000)
    begun = len(script.tasks(RESIZE))
    script.hand_on(RESIZE, 2, size=9_000)
    assert len(script.tasks(RESIZE)) == begun
    assert script.tasks(MARK) == [0, 1]
    script.deliver(MARK, 0)
    script.deliver(MARK, 1)
    script.deliver(MARK, 2)
    assert len(script.tasks(RESIZE)) > begun


def test_a_full_disk_makes_the_task_wait_and_keeps_nothing_of_it(script: Script) -> None:
    job = share(script, chunks=1)
    script.disk_is_full = True
    script.hand_on(RESIZE)
    assert script.said(RESIZE, Stored)[-1].verdict == "unwanted"
    script.tick(1)
    assert (script.job(1).code, script.job(1).reason) == (
        "no-room",
        "the disk is full; it is tried again every 5 s",
    )
    script.disk_is_full = False
    script.tick(5)
    assert stages(script, RESIZE) == [(0, [0, 1])] * 2
    script.hand_on(RESIZE)
    assert script.stages == {(job, 0, 0)}


def test_frames_that_cannot_be_sent_at_once_wait_for_a_worker_that_offers_all(script: Script) -> None:
    share(script, chunks=1)
    cause = Cause("too-large", "the frames of one chunk take more than 192 MB")
    script.tell(RESIZE, Released(script.said(RESIZE, Task)[0].lease, "failed", cause))
    script.tick(1)
    assert script.job(1).code == "too-large"
    assert script.job(1).reason == "chunk 0 of out (job clip-1): the frames of one chunk take more than 192 MB"
    assert script.job(1).progress.retries == 0
    script.worker(BOTH, filters=("resize", "watermark"))
    script.tick()
    assert stages(script, BOTH) == [(0, [])]


def test_a_cancelled_job_gives_everything_back(script: Script) -> None:
    job = share(script)
    script.hand_on(RESIZE, 0)
    script.tell(1, Control(job, "cancel"))
    assert not script.stages
    assert not script.spool
    assert len(script.said(MARK, Revoke)) == 1


def test_a_frame_counts_once_when_its_last_filter_is_done(script: Script) -> None:
    share(script, chunks=1)
    lease = script.said(RESIZE, Task)[0].lease
    script.tell(RESIZE, Beat([LeaseBeat(lease, "computing", 7, 7)]))
    script.tick(1)
    assert script.job(1).progress.frames_done == 0
    script.hand_on(RESIZE)
    lease = script.said(MARK, Task)[0].lease
    script.tell(MARK, Beat([LeaseBeat(lease, "computing", 4, 4)]))
    script.tick(1)
    assert script.job(1).progress.frames_done == 4


def chose(script: Script, job: str, *builds: str) -> None:
    """These builds were chosen for the steps of the first output."""
    script.dispatcher.cluster.open[job].tracks[0].fingerprint = builds


def test_results_of_other_builds_are_not_mixed_in(script: Script) -> None:
    """The first result is made by builds f and g in turn: so are the others."""
    script.worker(RESIZE, filters=("resize",))
    script.worker(14, filters=("resize",), fingerprint="g")
    script.worker(MARK, filters=("watermark",), fingerprint="g")
    script.submit(chunks=4, filters=("resize", "watermark"), stages=True)
    mine, other = script.tasks(RESIZE), script.tasks(14)
    assert mine
    assert other
    script.hand_on(RESIZE)
    assert script.said(MARK, Task)[0].build == "f*1 + g*1"
    script.hand_on(14)
    script.hand_on(14, other[0])
    assert script.tasks(MARK) == [mine[-1]], "what the others began leads nowhere"
    script.leave(14)
    script.tick()
    for index in (*mine[:-1], *other):
        script.hand_on(RESIZE, index)
    for index in script.tasks(MARK):
        script.deliver(MARK, index)
    assert {task.build for task in script.said(MARK, Task)} == {"f*1 + g*1"}


def test_each_step_runs_under_one_build_in_all_results(script: Script) -> None:
    """Workers of the build f hand on after one step and after two, g ends both: `edges` must run under f in all of
    them, or under g in all."""
    both, first, last = 11, 12, 13
    script.worker(both, filters=("blur", "edges"))
    script.worker(first, filters=("blur",))
    script.worker(last, filters=("edges", "sharpen"), fingerprint="g")
    script.submit(chunks=4, filters=("blur", "edges", "sharpen"), stages=True)
    after_two, after_one = script.tasks(both)[0], script.tasks(first)[0]
    script.hand_on(both, after_two)
    script.hand_on(first, after_one)
    while held := [(peer, index) for peer in (both, first, last) for index in _held(script, peer)]:
        peer, index = held[0]
        (script.deliver if peer == last else script.hand_on)(peer, index)
    script.finish()
    assert script.job(1).state == "done"
    builds = {both: "f", first: "f", last: "g"}
    ran: dict[int, dict[int, str]] = {index: {} for index in range(4)}
    for peer, build in builds.items():
        for task in script.said(peer, Task):
            ran[task.index] |= dict.fromkeys(range(*task.stage), build)
    assert len({tuple(sorted(steps.items())) for steps in ran.values()}) == 1, ran


def _held(script: Script, peer: int) -> list[int]:
    """The tasks that a worker holds."""
    return [one.index for one in script.dispatcher.cluster.fleet.by_name[f"w{peer}"].held.values() if not one.revoked]


def test_what_no_message_could_carry_is_not_handed_out(script: Script) -> None:
    """Two builds fit into a message each, and what tells of both does not."""
    script.worker(RESIZE, filters=("resize",), fingerprint="f" * 3000)
    script.worker(MARK, filters=("watermark",), fingerprint="g" * 3000)
    script.worker(14, filters=("watermark",))
    script.submit(chunks=1, filters=("resize", "watermark"), stages=True)
    script.hand_on(RESIZE)
    assert stages(script, MARK) == []
    assert stages(script, 14) == [(0, [1, 2])]


def test_stages_that_nobody_needs_any_more_are_given_back_when_the_task_is_stored(script: Script) -> None:
    job = share(script, chunks=1)
    script.hand_on(RESIZE)
    script.tell(9, Stored(job, 0, 0, "kept", Lease(7, 7), "somebody", 10))
    assert FreeStage(job, 0, 0) in script.commands
    assert script.said(MARK, Revoke)


def test_what_was_begun_of_a_chunk_that_is_lost_keeps_no_room_from_it(script: Script) -> None:
    job = share(script, chunks=1, end=False)
    script.leave(MARK)
    script.hand_on(RESIZE)
    script.dispatcher.cluster.lose_chunk(script.dispatcher.cluster.open[job], 0, 0, 0.0)
    script.tick()
    assert FreeStage(job, 0, 0) in script.commands
    assert script.dispatcher.cluster.staged_bytes == 0
    script.worker(MARK, filters=("watermark",))
    script.chunk(1, job, 0)
    script.tick()
    assert stages(script, RESIZE) == [(0, [0, 1]), (0, [0, 1])], "it begins again"


def test_what_comes_of_a_stage_whose_chunk_was_lost_meanwhile_takes_no_room_from_it(script: Script) -> None:
    job = share(script, chunks=1, end=False)
    script.dispatcher.cluster.lose_chunk(script.dispatcher.cluster.open[job], 0, 0, 0.0)
    script.hand_on(RESIZE)
    assert script.stages == set()
    assert script.said(RESIZE, Stored)[-1].verdict == "unwanted"
    script.chunk(1, job, 0)
    script.tick()
    assert stages(script, RESIZE) == [(0, [0, 1]), (0, [0, 1])], "it begins again"
    script.hand_on(RESIZE)
    assert stages(script, MARK) == [(0, [1, 2])]


def test_what_is_begun_is_ended_before_something_else_begins(script: Script) -> None:
    """Otherwise what is begun holds its room for as long as there is something to begin."""
    ends = 15
    script.worker(ends, filters=("crop",))
    script.worker(MARK, filters=("watermark",))
    script.submit(chunks=4, filters=("crop", "watermark", "crop"), stages=True)
    script.hand_on(ends, 1)
    script.leave(ends)
    script.hand_on(MARK, 1)
    script.worker(14, "w15", filters=("crop",))
    script.tick()
    assert stages(script, 14) == [(1, [2, 3]), (0, [0, 1])]


def test_what_other_builds_began_gives_its_room_back(script: Script) -> None:
    job = share(script, chunks=3)
    script.hand_on(RESIZE, 0, size=9_000)
    script.hand_on(RESIZE, 1, size=9_000)
    script.leave(MARK)
    script.worker(14, filters=("resize",), fingerprint="g")
    chose(script, job, "g", "f")
    script.worker(MARK, filters=("watermark",))
    script.tick()
    assert not script.stages
    assert stages(script, 14) == [(0, [0, 1]), (1, [0, 1])]


def test_room_that_a_dead_end_gives_back_is_used_in_the_same_turn(script: Script) -> None:
    """The other job is served first, and refused for room. Then the end of chunk 0 decides on builds, and what another
    build has made of chunk 1 is of no use and gives its room back."""
    script.worker(RESIZE, filters=("resize",))
    script.worker(14, filters=("resize",), fingerprint="g")
    script.worker(MARK, filters=("watermark",))
    script.submit(chunks=2, filters=("resize", "watermark"), stages=True)
    script.leave(MARK)
    script.hand_on(RESIZE, 0, size=9_000)
    script.hand_on(14, 1, size=9_000)
    script.client(2)
    script.submit(2, chunks=2, filters=("resize", "watermark"), stages=True, key="other")
    script.worker(MARK, filters=("watermark",))
    script.tick()
    assert stages(script, MARK)[-1] == (0, [1, 2])
    assert len(script.stages) == 1
    begun = [task.job for peer in (RESIZE, 14) for task in script.said(peer, Task)]
    assert begun.count(script.job(2).job) == 2


def test_a_task_that_waits_for_its_next_stage_keeps_no_other_from_beginning(script: Script) -> None:
    """After a reconnection of the aggregator all tasks are looked at again, those that wait among them."""
    job = share(script, chunks=8)
    for index in range(4):
        script.hand_on(RESIZE, index)
    script.leave(9)
    script.aggregator(9)
    script.hold(job)
    script.hand_on(RESIZE, 4)
    assert script.tasks(RESIZE) == [0, 1, 2, 3, 4, 5, 6]


def test_after_a_restart_the_aggregator_says_whose_results_go_together(script: Script) -> None:
    job = share(script, chunks=2)
    again = script.restarted(2)
    again.aggregator(9)
    again.tell(9, Holdings(job, 1, [b"\x01"], ["f*1 + g*1"]))
    again.worker(RESIZE, filters=("resize",), fingerprint="g")
    again.worker(MARK, filters=("watermark",), fingerprint="g")
    again.tick()
    assert again.tasks(RESIZE) == []
    again.worker(14, filters=("resize",))
    again.tick()
    assert stages(again, 14) == [(1, [0, 1])]


def test_after_a_restart_a_stage_in_the_middle_of_a_chain_goes_on(script: Script) -> None:
    """The lease itself tells who did what came before it, and so to whose results it belongs."""
    script.worker(RESIZE, filters=("resize",))
    script.worker(BOTH, filters=("blur",))
    script.worker(MARK, filters=("watermark",))
    job = script.submit(chunks=1, filters=("resize", "blur", "watermark"), stages=True)
    script.hand_on(RESIZE)
    task = script.said(BOTH, Task)[0]
    held = held_lease(task)
    for one in (script, script.restarted(2)):
        one.leave(BOTH)
        one.worker(BOTH, filters=("blur",), held=(held,))
        assert one.said(BOTH, Revoke) == []
        (begun,) = one.dispatcher.cluster.open[job].tracks[0].queue.in_flight[0].leases.values()
        assert begun.part.path == ("f", "f")


# ── library versions that are gone ──────────────────────────────────────────────────────────────────────────────────


def test_a_stage_that_would_lead_nowhere_is_not_begun(script: Script) -> None:
    """The first result was made by f and g in turn: f must leave the end to g, although it offers that as well."""
    script.worker(RESIZE, filters=("resize", "blur"))
    script.worker(MARK, filters=("watermark",), fingerprint="g")
    script.worker(14, filters=("blur",), fingerprint="h")
    job = script.submit(chunks=3, filters=("resize", "blur", "watermark"), stages=True)
    chose(script, job, "f", "h", "g")
    script.hand_on(RESIZE, 0)  # resize and blur, begun before that was known
    script.hand_on(RESIZE, 1)
    assert stages(script, RESIZE) == [(0, [0, 2]), (1, [0, 2]), (0, [0, 1]), (1, [0, 1])]
    assert not script.stages
    script.hand_on(RESIZE, 0)
    assert stages(script, 14) == [(0, [1, 2])]
    script.hand_on(14, 0)
    script.deliver(MARK, 0)


def test_what_is_begun_waits_for_the_worker_that_can_go_on_while_there_is_none(script: Script) -> None:
    job = share(script, chunks=2)
    chose(script, job, "f", "f")
    script.hand_on(RESIZE, 0)
    script.leave(MARK)
    script.tick(1)
    assert script.stages == {(job, 0, 0)}


def test_what_is_begun_and_can_neither_end_nor_begin_again_says_why(script: Script) -> None:
    job = share(script, chunks=1)
    script.hand_on(RESIZE)
    script.leave(RESIZE)
    script.leave(MARK)
    chose(script, job, "f", "g")
    script.worker(14, filters=("watermark",), fingerprint="h")
    script.tick(1)
    assert script.tasks(14) == []
    assert (script.job(1).code, script.job(1).reason) == (
        "no-worker",
        "no worker offers 'resize'; 1 worker offers watermark",
    )


def _live(script: Script, seconds: int, *workers: int) -> None:
    for _ in range(seconds):
        for peer in workers:
            script.tell(peer, Beat([]))
        script.tick(1)


def test_an_output_begun_by_builds_that_are_gone_begins_again(script: Script) -> None:
    job = share(script, chunks=3)
    script.tell(1, Subscribe())
    script.hand_on(RESIZE, 0)
    script.deliver(MARK, 0)
    script.leave(RESIZE)
    script.worker(14, filters=("resize",), fingerprint="g")
    _live(script, 28, MARK, 14)
    assert "begins again unless a worker with the first versions is back in 30 s" in script.job(1).reason
    _live(script, 3, MARK, 14)
    [own] = script.said(9, Own)[1:]
    assert own.owner_epoch == 2
    assert any(event.kind == "job-restarted" for event in script.events(1))
    script.hold(job)
    script.tick()
    for index in (1, 2, 0):
        script.hand_on(14, index)
        script.deliver(MARK, index)
    script.finish()
    assert script.job(1).state == "done"
