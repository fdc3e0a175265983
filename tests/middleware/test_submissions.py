"""Clients and their chunks, as scripts: what is accepted, continued, given up and asked for again."""

from __future__ import annotations

import pytest

from moviola.wire.messages import Chunk, End, Error, Job, Own, Submit
from tests.middleware.script import Script, bits


def test_after_a_restart_the_client_learns_what_is_here(script: Script) -> None:
    job = script.submit(chunks=3, end=False)
    new = script.restarted(epoch=2)
    new.client(1, session="c1")
    source = {"kind": "video", "name": "clip", "stream_count": 1, "process": {}}
    new.tell(1, Submit("k", source, [{"name": "out", "chain": [{"name": "blur"}]}]))
    record = new.job(1)
    assert (record.job, record.have, record.accepted) == (job, [bits(0, 1, 2)], 0)


def test_the_same_key_continues_a_job_only_when_no_other_client_is_attached(script: Script) -> None:
    job = script.submit(chunks=2, end=False)
    script.client(2)
    assert script.submit(2, chunks=0, end=False) != job
    script.leave(1)
    script.client(3)
    assert script.submit(3, chunks=0, end=False) == job


def test_a_repeated_chunk_is_counted_once_and_an_edited_one_is_told(script: Script) -> None:
    job = script.submit(chunks=2, end=False)
    script.tell(1, Chunk(job, 0, 1, 10), size=1000, xxh3=2)
    script.tick()
    assert script.job(1).accepted == 3
    script.tell(1, Chunk(job, 0, 1, 10), size=1000, xxh3=77)
    assert script.said(1, Error)[-1].code == "edited"
    assert script.job(1).progress.chunks_sent == 2


def test_room_is_shared_and_told_again_when_there_is_some(script: Script) -> None:
    script.tick(room=3000)
    script.submit(chunks=0, end=False)
    script.tick(room=0)
    script.tell(1, Chunk("clip-1", 0, 0, 10), size=1000, xxh3=1)
    script.tick(room=0)
    assert script.job(1).send_window_bytes == 0
    script.tick(room=10_000)
    assert script.job(1).send_window_bytes == 10_000


def test_chunks_whose_results_are_lost_are_not_given_up_as_stored(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=2)
    script.deliver(11, 0)
    script.leave(9)
    script.aggregator(8, store="new", name="agg")
    script.wait(12)
    script.tick(1, room=0)
    assert script.said(8, Own)
    assert script.dispatcher.cluster.open[job].streams[0].here.to_wire() == bits(0, 1)
    assert script.dispatcher.cluster.open[job].tracks[0].queue.stored_frames == 0


def test_under_pressure_stored_chunks_are_given_up_and_asked_for_again_when_the_store_is_lost(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.deliver(11, 0)
    script.tick(1, room=0)
    assert script.dispatcher.cluster.open[job].streams[0].here.to_wire() == bits(1, 2)
    assert script.dispatcher.cluster.open[job].received()[0].to_wire() == bits(0, 1, 2)
    script.leave(9)
    script.leave(1)
    script.aggregator(8, store="new", name="agg")
    script.wait(12)
    script.hold(job, peer=8)
    script.client(2)
    assert script.submit(2, chunks=0, end=False) == job
    assert script.said(2, Job)[0].have == [bits(1, 2)]


def test_chunks_given_up_are_remembered_over_a_restart(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.deliver(11, 0)
    script.tick(1, room=0)
    new = script.restarted(epoch=2)
    assert new.dispatcher.cluster.open[job].received()[0].to_wire() == bits(0, 1, 2)
    assert new.dispatcher.cluster.open[job].all_sent


def test_an_attached_client_is_told_what_it_must_send_again(script: Script) -> None:
    script.worker(11)
    job = script.submit(chunks=3)
    script.deliver(11, 0)
    script.tick(1, room=0)
    script.leave(9)
    script.aggregator(8, store="new", name="agg")
    script.wait(12)
    script.hold(job, peer=8)
    script.tick()
    assert script.said(1, Job)[-1].have == [bits(1, 2)]


@pytest.mark.parametrize(
    ("source", "outputs", "word"),
    [
        ({}, [], "kind"),
        ({"kind": "video", "name": "x", "stream_count": 0, "process": {}}, [], "streams"),
        ({"kind": "video", "name": "x", "stream_count": 1, "process": {}}, [], "outputs"),
        ({"kind": "video", "name": "x", "stream_count": 1, "process": {}}, [{"name": "../up", "chain": []}], "file"),
        ({"kind": "video", "name": "x", "stream_count": 1, "process": {}}, [{"name": "o", "chain": []}], "filters"),
    ],
)
def test_what_cannot_be_a_job_is_refused_and_the_connection_lives(
    script: Script, source: dict[str, object], outputs: list[dict[str, object]], word: str
) -> None:
    script.tell(1, Submit("k", source, outputs))
    error = script.said(1, Error)[-1]
    assert (error.code, error.fatal) == ("bad-job", False)
    assert word in error.text
    assert not script.closed(1)


def test_chunks_beyond_the_end_are_a_broken_protocol(script: Script) -> None:
    job = script.submit(chunks=2)
    script.tell(1, Chunk(job, 0, 2, 10), size=10, xxh3=5)
    assert script.closed(1) == ["bad-message"]
    script.client(2)
    script.tell(2, End(job, [2]))
    assert script.said(2, Error)[-1].code == "not-yours"
