"""Files that filters name: a stream without a track, sent to whoever asks for the task at hand, awaited before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from middleware.events import FreeJob, NotKept, SendChunk, SpoolChunk
from moviola.base.vocabulary import ErrorCode
from moviola.wire.messages import Asset, AssetFacts, AssetRequest, Chunk, End, Error, Job, Revoke, Submit
from tests.middleware.script import Script

VALUE, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.fixture
def script() -> Script:
    made = Script()
    made.aggregator(9)
    made.client(1)
    made.worker(11)
    return made


def with_files(*values: str) -> Submit:
    submission = Script.submission(("blur",))
    submission.outputs[0]["chain"][0]["parameters"] = {"file": VALUE, "radius": 3}
    return replace(submission, assets=[AssetFacts(value, 4, "logo.png") for value in values])


def submitted(script: Script) -> str:
    script.tell(1, with_files(VALUE, OTHER))
    job = script.job(1).job
    script.hold(job)
    script.chunk(1, job, 0)
    script.tick()
    return job


def files_come(script: Script, job: str) -> None:
    for index in (0, 1):
        script.tell(1, Chunk(job, 1, index, 1), size=4, xxh3=7)
    script.tick()


def sent_files(script: Script) -> list[tuple[int, int]]:
    found = (one for one in script.commands if isinstance(one, SendChunk) and isinstance(one.message, Asset))
    return [(one.stream, one.index) for one in found]


def test_nothing_is_handed_out_before_all_files_are_here(script: Script) -> None:
    job = submitted(script)
    assert script.tasks(11) == []
    files_come(script, job)
    assert script.tasks(11) == [0]
    values = [one.value for one in script.commands if isinstance(one, SpoolChunk)]
    assert values == ["", VALUE, OTHER]
    script.tell(1, End(job, [1, 2]))
    script.tick(1.0)
    assert script.job(1).progress.frames_total == 10


def test_a_worker_gets_a_file_of_its_lease_once(script: Script) -> None:
    job = submitted(script)
    files_come(script, job)
    task = next(one.message for one in script.commands if isinstance(one, SendChunk) and one.peer == 11)
    assert task.assets == [VALUE]  # type: ignore[attr-defined]
    lease = task.lease  # type: ignore[attr-defined]
    for value in (VALUE, VALUE, "sha256:" + "c" * 64):
        script.tell(11, AssetRequest(lease, value))
    assert sent_files(script) == [(1, 0)]
    assert script.said(11, Revoke)  # of a file that is not here


def test_files_are_kept_over_a_restart_and_sent_to_who_comes_back(script: Script) -> None:
    job = submitted(script)
    files_come(script, job)
    again = script.restarted(2)
    again.aggregator(9)
    again.worker(11)
    again.hold(job)
    again.tick()
    assert again.tasks(11) == [0]


def test_what_is_not_the_file_ends_its_connection_and_is_awaited_still(script: Script) -> None:
    job = submitted(script)
    files_come(script, job)
    spooled = next(one for one in script.commands if isinstance(one, SpoolChunk) and (one.stream, one.index) == (1, 1))
    event = NotKept(spooled, "the file sent has another content hash", ErrorCode.CORRUPT)
    script._take(script.dispatcher.handle(event, script.now))
    assert script.closed(1) == ["corrupt"]
    assert not script.dispatcher.cluster.open[job].has_assets


@pytest.mark.parametrize(
    "assets",
    [
        [AssetFacts("/etc/passwd", 4)],
        [AssetFacts(VALUE.upper(), 4)],
        [AssetFacts(VALUE, 16 * 1024 * 1024 + 1)],
        [AssetFacts(VALUE, 4), AssetFacts(VALUE, 4)],
        [AssetFacts("sha256:" + f"{number:064x}", 4) for number in range(9)],
    ],
)
def test_what_is_no_file_or_too_much_is_refused(script: Script, assets: list[AssetFacts]) -> None:
    script.tell(1, replace(with_files(), assets=assets))
    assert script.said(1, Error)[-1].code == "bad-job"
    assert not script.said(1, Job)


@pytest.mark.parametrize(("index", "size"), [(2, 4), (0, 5)])
def test_a_file_too_many_or_of_another_size_ends_its_connection(script: Script, index: int, size: int) -> None:
    job = submitted(script)
    script.tell(1, Chunk(job, 1, index, 1), size=size, xxh3=7)
    assert script.closed(1) == ["bad-message"]


def test_files_stay_when_chunks_are_given_up_for_room(script: Script) -> None:
    job = script.dispatcher.cluster.open[submitted(script)]
    files_come(script, job.id)
    job.tracks[0].queue.store(0)
    assert job.free_stored(1 << 30) == [(0, 0)]
    assert job.has_assets


def test_a_lost_file_without_room_beside_its_chunks_makes_the_source_be_sent_anew(script: Script) -> None:
    """The chunks cannot be worked on before the file is here, so they would hold its room for ever."""
    job = submitted(script)
    script.commands.clear()
    script.tick(0.5, room=0)
    assert FreeJob(job) in script.commands
    told = [one for one in script.said(1, Job) if one.have is not None]
    assert told[-1].have == [b"", b""], "the client learns that nothing is here"
    script.tick()
    assert script.job(1).send_window_bytes > 0
    files_come(script, job)
    script.chunk(1, job, 0)
    script.tick()
    assert script.tasks(11) == [0]


def test_chunks_stay_while_there_is_room_for_the_file_that_is_missing(script: Script) -> None:
    job = submitted(script)
    script.tick(0.5)
    assert FreeJob(job) not in script.commands
