"""What the splicing process answers, by its own functions: real results, and what a hostile client says of a source."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.channel import Channel
from aggregator.splice_messages import (
    DamagedReply,
    FailedReply,
    Ready,
    Reply,
    SplicedReply,
    SpliceRequest,
    Step,
    StoredPart,
    TrackChunk,
    read_reply,
    to_map,
)
from aggregator.splicing import answer
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics, Retried
from moviola.base.mapped import Malformed
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.filters.chain import Step as FilterStep
from moviola.media import kinds
from moviola.media.local import run_local
from moviola.media.manifest.reader import read_manifest
from moviola.media.material import Cutting, Encoder, Material, Output
from tests.garbage import VALUES, spoiled
from tests.media.video.clips import encode

OUTPUT = Output("blur", (FilterStep("blur", {"radius": 2}),), Encoder("mpeg4"))
CUTTING = Cutting(chunk_frames=6)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("clips") / "clip.mp4", "libx264", 24)


@pytest.fixture(scope="module")
def request_of_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> SpliceRequest:
    """A job whose results are stored, as the aggregator asks for its files."""
    folder = tmp_path_factory.mktemp("splicing")
    source, chunks = kinds.split(Material.single("video", clip), CUTTING)
    work = kinds.processor("video")
    parts = []
    for chunk in chunks:
        payload = work(chunk.payload, source.process, OUTPUT).payload
        path = folder / f"{chunk.index}"
        path.write_bytes(payload)
        made = StoredPart(str(path), 0, len(payload), xxhash.xxh3_64_digest(payload), "honest", 6, 1.0)
        parts.append(made)
    statistics = JobStatistics(2.5, [1], [0], [array("f", [1.0])])
    told = SpliceRequest("j", str(folder), source.to_wire(), [OUTPUT.to_wire()], [0], statistics, [parts])
    return SpliceRequest.from_wire(msgpack.unpackb(msgpack.packb(told.to_wire())))  # as in the other process


@pytest.fixture
def channel() -> Iterator[Channel]:
    ours, theirs = socket.socketpair()
    with theirs:
        made = Channel(ours)
        yield made
        made.close()


def test_a_request_becomes_the_files_that_local_gives(
    request_of_clip: SpliceRequest, channel: Channel, clip: Path, tmp_path: Path
) -> None:
    reply = answer(request_of_clip, channel)
    assert isinstance(reply, SplicedReply)
    (summary,) = reply.outputs
    (local,) = run_local(Material.single("video", clip), [OUTPUT], CUTTING, tmp_path.joinpath)
    assert (summary.name, summary.state, summary.retries) == ("blur", JobState.DONE, 1)
    assert (summary.digest, summary.frames_out) == (local.summary.digest, 24)
    assert read_reply(msgpack.unpackb(msgpack.packb(to_map(reply)))) == reply


def test_a_manifest_tells_who_made_each_chunk_and_at_which_try(
    request_of_clip: SpliceRequest, channel: Channel
) -> None:
    statistics = replace(request_of_clip.statistics, retried=[[Retried(1, 2)]])
    assert isinstance(answer(replace(request_of_clip, statistics=statistics), channel), SplicedReply)
    manifest = read_manifest(Path(request_of_clip.results, "j", "blur.manifest.jsonl.gz"))
    assert [(one.worker, one.attempt) for one in manifest.chunks][:3] == [("honest", 1), ("honest", 3), ("honest", 1)]
    assert (manifest.header.job, manifest.end.frames_out) == ("j", 24)


@pytest.mark.parametrize(
    "change",
    [
        {"splice": {}},
        {"splice": {"frame_count": 24, "rate": [0, 1]}},
        {"facts": {"findings": 5}},
        {"facts": {"metadata": "none"}},
    ],
)
def test_no_worker_is_blamed_for_what_a_client_says_of_its_source(
    request_of_clip: SpliceRequest, channel: Channel, change: dict[str, Any]
) -> None:
    """Each result was tried alone, made no file either, and its maker was named as one whose results make none."""
    source = request_of_clip.source | change
    reply = answer(replace(request_of_clip, source=source), channel)
    assert isinstance(reply, FailedReply)
    assert "the description of the source does not fit this version of Moviola" in reply.text


def test_an_output_that_is_none_fails_the_job_with_a_sentence(request_of_clip: SpliceRequest, channel: Channel) -> None:
    outputs = [OUTPUT.to_wire() | {"on_error": "ignore"}]
    reply = answer(replace(request_of_clip, outputs=outputs), channel)
    assert isinstance(reply, FailedReply)
    assert "one of original, fail, drop, black, not 'ignore'" in reply.text


def test_a_damaged_result_is_named(request_of_clip: SpliceRequest, channel: Channel) -> None:
    first, *rest = request_of_clip.tracks[0]
    reply = answer(replace(request_of_clip, tracks=[[first._replace(xxh3=bytes(8)), *rest]]), channel)
    assert isinstance(reply, DamagedReply)
    assert (reply.chunks, reply.makers) == ([TrackChunk(0, 0)], [])


REPLIES: list[Reply] = [
    Ready(),
    Step(),
    SplicedReply([OutputSummary("blur", JobState.DONE)], [FinishedFile("a", 1, "", "b")]),
    DamagedReply([TrackChunk(0, 1)], "text", ["worker"]),
    FailedReply("text"),
]


@given(data=st.data())
def test_garbage_is_no_reply_or_one(data: st.DataObject) -> None:
    reply = data.draw(st.sampled_from(REPLIES))
    assert read_reply(msgpack.unpackb(msgpack.packb(to_map(reply)))) == reply
    refusal = ""
    try:
        to_map(read_reply(data.draw(VALUES | spoiled(to_map(reply)))))
    except Malformed as error:
        refusal = str(error)
    assert "\n" not in refusal


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_garbage_is_no_request_or_one(request_of_clip: SpliceRequest, data: st.DataObject) -> None:
    refusal = ""
    try:
        SpliceRequest.from_wire(data.draw(VALUES | spoiled(request_of_clip.to_wire())))
    except Malformed as error:
        refusal = str(error)
    assert "\n" not in refusal
