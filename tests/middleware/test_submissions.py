"""Clients and their chunks, as scripts: what is accepted, continued, given up and asked for again."""

from __future__ import annotations

import pytest

from moviola.wire.messages import Chunk, Control, End, Error, Finish, Job, Own, Submit
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


# ── a source that came while it was submitted ────────────────────────────────────────────────────────────────────────


def arriving(script: Script) -> tuple[str, dict[str, object]]:
    """A job of which all chunks are here, of a source that is known by its beginning alone; and the whole source."""
    job = script.submit(chunks=2, end=False, key="made up", fingerprint="")
    source = script.submission().source | {"fingerprint": "f", "splice": {"frame_count": 20}}
    return job, source


def test_the_owner_is_told_what_a_source_is_when_all_of_it_has_come(script: Script) -> None:
    script.worker(11)
    job, source = arriving(script)
    script.deliver(11, 0)
    script.deliver(11, 1)
    assert not script.said(9, Finish)
    script.tell(1, End(job, [2], source, "k"))
    assert [own.source for own in script.said(9, Own)] == [script.submission(fingerprint="").source, source]
    assert len({own.owner_epoch for own in script.said(9, Own)}) == 1, "what is stored stays"
    script.hold(job, bits(0, 1))
    script.tick()
    assert script.said(9, Finish)[-1].chunk_counts == [2]


def test_a_job_is_known_by_its_whole_source_once_that_has_come(script: Script) -> None:
    job, source = arriving(script)
    script.leave(1)
    script.client(2, session="c1")
    assert script.submit(2, chunks=0, end=False, key="made up", fingerprint="") == job, "its own client is back"
    script.tell(2, End(job, [2], source, "k"))
    script.leave(2)
    new = script.restarted(epoch=2)
    new.aggregator(9)
    assert new.said(9, Own)[-1].source == source
    new.client(3)
    assert new.submit(3, chunks=0, end=False) == job, "whoever sends the same file continues it"
    new.client(4)
    assert new.submit(4, chunks=0, end=False, key="other", fingerprint="other") != job


def test_a_job_that_begins_again_with_a_beginning_alone_is_finished_by_the_whole(script: Script) -> None:
    script.worker(11)
    job, source = arriving(script)
    script.tell(1, End(job, [2], source, "k"))
    script.leave(1)
    script.client(2)
    for verb in ("cancel", "retry"):
        script.tell(2, Control(job, verb))
    script.client(3, session="c1")
    assert script.submit(3, chunks=2, end=False, key="made up", fingerprint="") == job, "its own client is back"
    script.deliver(11, 0)
    script.deliver(11, 1)
    script.tick()
    assert not script.said(9, Finish), "by what its beginning tells"
    script.tell(3, End(job, [2], source, "k"))
    assert script.said(9, Own)[-1].source == source
    script.hold(job, bits(0, 1))
    script.tick()
    assert script.said(9, Finish)[-1].chunk_counts == [2]


def test_nobody_continues_a_job_whose_source_is_not_known_yet(script: Script) -> None:
    job, _ = arriving(script)
    script.leave(1)
    script.client(2)
    assert script.submit(2, chunks=0, end=False) != job


@pytest.mark.parametrize("part", ["kind", "name", "stream_count", "process"])
def test_a_source_that_ends_as_another_is_refused(script: Script, part: str) -> None:
    job, source = arriving(script)
    other = {"kind": "table", "name": "other", "stream_count": 3, "process": {"codec": "vp9"}}
    script.tell(1, End(job, [2], source | {part: other[part]}, "k"))
    error = script.said(1, Error)[-1]
    assert (error.code, error.fatal, error.job) == ("bad-job", False, job)
    assert part in error.text
    assert script.dispatcher.cluster.open[job].chunk_counts is None
    script.tell(1, End(job, [2], source, "k"))
    assert script.dispatcher.cluster.open[job].chunk_counts == [2]


def test_what_no_submission_may_have_no_end_may_have(script: Script) -> None:
    job, source = arriving(script)
    script.tell(1, End(job, [2], source | {"splice": {"passthrough": [{"template": 5}]}}, "k"))
    assert "template" in script.said(1, Error)[-1].text
    assert len(script.said(9, Own)) == 1
