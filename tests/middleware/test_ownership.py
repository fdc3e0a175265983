"""Jobs and their aggregators, as scripts: who owns what, what is stored, finished and held."""

from __future__ import annotations

from middleware.events import FreeJob, Tick
from middleware.model.rules import Rules
from moviola.wire.addresses import Address
from moviola.wire.messages import (
    Aggregator,
    Beat,
    Control,
    Drop,
    FailedChunk,
    Finish,
    Finished,
    LeaseBeat,
    Own,
    Pass,
    Released,
    Revoke,
    Stored,
    Task,
)
from moviola.wire.schema import Lease
from tests.middleware.script import ROOM, Script, bits, counted, fail


def test_a_whole_job(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3, streams=2)
    assert len(script.said(9, Pass)) == 3
    script.pass_all()
    for index in range(3):
        assert not script.said(9, Finish)
        script.deliver(11, index)
    assert script.said(9, Finish)[0].chunk_counts == [3, 3]
    script.finish()
    record = script.job(1)
    assert (record.state, record.files[0].file, record.outputs[0].digest) == ("done", "out.mp4", "d")
    assert record.addresses == [Address("127.0.0.1", 5001)]
    assert FreeJob(job) in script.commands
    assert script.said(9, Drop) == [Drop(job, 1)]


def test_released_before_stored_and_stored_before_released_are_the_same(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=2)
    first, second = script.said(11, Task)
    script.tell(11, Released(first.lease, "stored"))
    script.tick()
    assert script.tasks(11) == [0, 1]
    for task in (first, second):
        script.tell(9, Stored(task.job, 0, task.index, "kept", task.lease, "w11", 10))
    script.tell(11, Released(second.lease, "stored"))
    script.tick()
    assert script.said(9, Finish)
    assert script.dispatcher.cluster.fleet.by_name["w11"].chunks == 2


def test_a_late_result_after_a_hand_out_elsewhere_revokes_the_copy(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    task = script.said(11, Task)[0]
    script.leave(11)
    script.worker(12)
    script.tick()
    copy = script.said(12, Task)[0]
    script.tell(9, Stored(task.job, 0, 0, "kept", task.lease, "w11", 10))
    script.tick()
    assert script.said(12, Revoke) == [Revoke(copy.lease)]
    script.tell(12, Released(copy.lease, "revoked"))
    script.tick()
    assert script.said(9, Finish)


def test_the_late_word_of_a_lease_that_ended_changes_nothing(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    script.tell(11, Released(Lease(0, 1), "stored"))
    script.tell(11, Beat([LeaseBeat(Lease(0, 1), "computing", 5)]))
    script.tick()
    assert script.said(11, Revoke) == [Revoke(Lease(0, 1))]
    assert not script.said(9, Finish)


def test_jobs_go_to_the_aggregator_that_has_the_fewest(script: Script) -> None:
    script.aggregator(8, store="second", name="b")
    for key in "abcd":
        script.submit(chunks=1, key=key)
    assert len(script.said(9, Own)) == len(script.said(8, Own)) == 2
    for own in script.said(9, Own):
        script.tell(1, Control(own.job, "cancel"))
    script.leave(8)
    script.aggregator(7, store="second", name="b")  # which has its two still
    before = len(script.said(9, Own))
    for key in "ef":
        script.submit(chunks=1, key=key)
    assert len(script.said(9, Own)) == before + 2


def test_few_chunks_of_unfiltered_streams_are_on_their_way_at_a_time(script: Script) -> None:
    """Each holds a file open in the middleware until it has left."""
    rules = Rules()
    script.client(2)
    jobs = [script.submit(peer, chunks=3, streams=21, key=key) for peer, key in ((1, "a"), (2, "b"))]
    assert [sum(one.job == job for one in script.said(9, Pass)) for job in jobs] == [rules.pass_window] * 2
    for _ in range(8):
        script.pass_all()
    assert len({(one.job, one.track, one.index) for one in script.said(9, Pass)}) == 2 * 3 * 20
    for number in range(20):
        script.submit(1, chunks=1, streams=11, key=str(number))
    jobs_open = script.dispatcher.cluster.open.values()
    assert sum(len(track.queue.in_flight) for job in jobs_open for track in job.tracks) == rules.aggregator_pass_window


def test_an_aggregator_that_returns_says_what_it_holds(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=4)
    script.tell(11, Released(script.said(11, Task)[0].lease, "stored"))  # its Stored is lost with the connection
    script.tell(11, Released(script.said(11, Task)[1].lease, "stored"))
    script.leave(9)
    script.tick(1)
    assert script.tasks(11) == [0, 1]  # the owner is away: nobody could take more
    script.aggregator(8)
    script.hold(job, bits(0), peer=8)
    script.tick()
    stored = script.dispatcher.cluster.open[job].tracks[0].queue.stored
    assert list(stored) == [0]
    assert script.tasks(11)[2:] == [1, 2]


def test_an_aggregator_with_another_store_gets_the_job_anew_and_a_stale_finish_is_refused(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    script.deliver(11)
    finish = script.said(9, Finish)[-1]
    script.leave(9)
    script.aggregator(8, store="other", name="agg")
    script.wait(12)
    assert script.said(8, Own)[-1].owner_epoch == 2
    for lease in [one.lease for one in script.said(11, Revoke)]:
        script.tell(11, Released(lease, "revoked"))
    script.hold(job, peer=8)
    script.tick()
    assert script.tasks(11) == [0, 0]
    script.aggregator(9, store="store", name="ghost")
    script.tell(9, Stored(job, 0, 0, "kept", None, "w11", 10))
    script.tell(9, Finished(job, finish.owner_epoch, "done"))
    assert script.said(9, Drop)[-1] == Drop(job, 1)
    script.deliver(11, aggregator=8)
    script.finish(8)
    assert script.job(1).state == "done"


def test_a_job_whose_aggregator_has_no_room_waits_and_says_so_and_tries_again(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=3)
    first, second = script.said(11, Task)
    script.tell(9, Stored("clip-1", 0, 0, "no-room", first.lease, "w11", text="the disk is full"))
    for task in (first, second):
        script.tell(11, Released(task.lease, "unwanted"))
    script.tick(1)
    assert script.tasks(11) == [0, 1]
    assert (script.job(1).state, script.job(1).code) == ("pending", "no-room")
    assert "the disk is full" in script.job(1).reason
    for _ in range(6):
        script.tell(11, Beat())
        script.tick(1)
    assert script.tasks(11) == [0, 1, 0, 1]


def test_workers_learn_where_aggregators_are(script: Script) -> None:
    script.worker(11)
    assert script.said(11, Aggregator)[-1].addresses == [Address("127.0.0.1", 5001)]
    script.leave(9)
    script.aggregator(8, host="127.0.0.2")
    assert script.said(11, Aggregator)[-1].addresses == [Address("127.0.0.2", 5001)]


def _beats(script: Script, seconds: float, *workers: int) -> None:
    """Time passes; these workers are heard of."""
    end = script.now + seconds
    while script.now < end:
        for peer in workers:
            script.tell(peer, Beat([]))
        script.tick(min(1, end - script.now))


def test_what_a_worker_says_is_stored_and_is_not_is_done_again(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    script.tell(11, Released(script.said(11, Task)[0].lease, "stored"))
    _beats(script, 59, 11)
    assert script.tasks(11) == [0]
    _beats(script, 2, 11)
    assert script.tasks(11) == [0, 0]
    first, second = script.said(11, Task)
    script.tell(9, Stored(first.job, 0, 0, "kept", first.lease, "w11", 10))
    assert script.said(11, Revoke) == [Revoke(second.lease)], "a late word is a word"
    assert counted(script)[:2] == (1, 1)


def test_who_only_says_that_all_is_stored_pauses_the_job(script: Script) -> None:
    script.worker(11)
    script.submit(chunks=1)
    for _ in range(Rules().max_losses):
        script.tell(11, Released(script.said(11, Task)[-1].lease, "stored"))
        _beats(script, 61, 11)
    assert (script.job(1).state, script.job(1).code) == ("paused", "lost-too-often")


def test_a_chunk_passed_on_of_which_nothing_is_heard_is_passed_again(script: Script) -> None:
    script.submit(chunks=1, streams=2)
    assert len(script.said(9, Pass)) == 1
    script.tick(61)
    assert len(script.said(9, Pass)) == 2


def test_nothing_is_expected_of_an_aggregator_that_has_no_room_or_not_been_sent_it_all(script: Script) -> None:
    job = script.submit(chunks=2, streams=2)
    script.tell(9, Stored(job, 1, 1, "no-room", text="the disk is full"))
    for _ in range(70):  # chunk 0 is on its way, and the line is slow
        script.tell(9, Beat())
        script.now += 1
        script._take(script.dispatcher.handle(Tick(ROOM, behind=frozenset({9})), script.now))
    assert [one.index for one in script.said(9, Pass)].count(0) == 1


def test_a_chunk_that_failed_is_given_to_the_owner_once(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=1)
    for _ in range(3):
        fail(script, 11)
    assert script.said(9, FailedChunk) == [FailedChunk(job, 0, 0, 1)]


def test_a_chunk_with_fallback_frames_is_given_to_the_owner(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.tell(9, Stored(job, 0, 1, "kept", script.said(11, Task)[1].lease, "w11", 10, fallback_frames=1))
    assert script.said(9, FailedChunk) == [FailedChunk(job, 0, 1, 1)]


def test_a_job_that_goes_on_is_told_with_its_aggregators_address(script: Script) -> None:
    """Who reads its results while others are made has to know it, also when the aggregator comes back elsewhere."""
    script.worker(11)
    script.submit(chunks=3)
    assert script.job(1).addresses == [Address("127.0.0.1", 5001)]
    script.leave(9)
    script.tick(1)
    assert script.job(1).addresses == []
    script.aggregator(8, host="10.0.0.8")
    script.tick(1)
    assert script.job(1).addresses == [Address("10.0.0.8", 5001)]
