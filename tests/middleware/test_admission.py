"""Submissions: what cannot become a job is refused with a sentence, and of what is taken every message can be sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.assembler import Assembler
from aggregator.events import MIDDLEWARE, PeerMessage, Tick
from aggregator.events import Send as AggregatorSend
from middleware.admission import (
    JOB_ID_SIZE,
    MAX_OUTPUTS,
    MAX_STREAMS,
    MAX_TEMPLATE_SIZE,
    TEMPLATE_BEGINNINGS,
    derived_from,
    fault_of,
)
from middleware.events import Send, SendChunk, SendStage
from middleware.server import new_id
from moviola.base.file_names import MAX_OUTPUT_NAME_SIZE
from moviola.base.texts import MAX_NAME
from moviola.media.video.templates import TEMPLATE_FORMATS
from moviola.wire.errors import Unsendable
from moviola.wire.limits import MAX_DESCRIPTION
from moviola.wire.messages import Error, Holdings, Own, Submit, Subscribe, Watch, Welcome, check_sendable, packed_size
from tests.middleware.script import Script

MATROSKA = b"\x1aE\xdf\xa3"


def submission(name: str = "clip.mp4", outputs: list[dict[str, Any]] | None = None, **source: Any) -> Submit:
    described = {"kind": "video", "name": name, "stream_count": 1, "process": {}, "fingerprint": "f", **source}
    return Submit("k", described, outputs or [{"name": "out", "chain": [{"name": "blur", "parameters": {}}]}])


@pytest.mark.parametrize("name", ["v" * 205 + ".mp4", "v" * 251 + ".mp4", "ä" * 125 + ".mp4", "中" * 85])
def test_every_name_that_a_file_system_allows_is_a_jobs(name: str) -> None:
    assert fault_of(submission(name)) == ""
    for derived in derived_from(submission(name)):
        check_sendable(derived)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "v" * 256}, ("name", "255")),
        ({"fingerprint": "f" * 256}, ("fingerprint", "255")),
        ({"fingerprint": 7}, ("fingerprint",)),
        ({"stream_count": True}, ("streams",)),
        ({"splice": [1]}, ("splice",)),
        ({"process": None}, ("process",)),
        ({"facts": {"comment": "x" * (MAX_DESCRIPTION + 1)}}, ("description", str(MAX_DESCRIPTION), "fewer")),
        ({"facts": {"values": [0] * 100_001}}, ("100000",)),
        ({"facts": {"inner": {b"bytes": 1}}}, ("not text",)),
    ],
)
def test_what_is_too_large_to_derive_is_refused(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    fault = fault_of(submission(**changes))
    assert all(word in fault for word in words), fault


def test_depth_is_bounded_before_anything_recurses() -> None:
    nested: Any = 1
    for _ in range(400):
        nested = [nested]
    assert "within each other" in fault_of(submission(facts={"nested": nested}))


@pytest.mark.parametrize(
    ("form", "template", "is_taken"),
    [
        ("matroska", MATROSKA + bytes(20), True),
        ("matroska", b"v=0\nm=audio 40000 RTP/AVP 0\n", False),
        ("ffconcat", b"ffconcat version 1.0\nfile secret.mp4\n", False),
        ("sdp", b"v=0\n", False),
        ("mov", b"ffconcat version 1.0\nfile secret.mp4\n", False),
        ("mpegts", b"#EXTM3U\n", False),
        (None, MATROSKA, False),
        ("", b"", True),  # an attachment
        ("matroska", MATROSKA + bytes(MAX_TEMPLATE_SIZE), False),
        ("matroska", "text", False),
    ],
)
def test_a_template_is_a_file_of_one_of_our_formats(form: Any, template: Any, *, is_taken: bool) -> None:
    facts = {"template": template, "template_format": form}
    fault = fault_of(submission(stream_count=2, splice={"passthrough": [facts]}))
    assert (fault == "") is is_taken, fault
    assert is_taken or "stream 1" in fault


def test_the_client_makes_templates_of_no_other_formats() -> None:
    assert set(TEMPLATE_FORMATS) == set(TEMPLATE_BEGINNINGS)


def test_no_job_has_a_longer_id() -> None:
    assert len(new_id("a" * 255 + ".mp4")) <= JOB_ID_SIZE


# ── the property ─────────────────────────────────────────────────────────────────────────────────────────────────────

LETTERS = st.sampled_from("aä中")
LENGTHS = st.sampled_from([0, 1, 40, MAX_OUTPUT_NAME_SIZE - 1, MAX_OUTPUT_NAME_SIZE, 180, 200, MAX_NAME, MAX_NAME + 1])
SIZES = st.sampled_from(
    [0, 10, 200_000, MAX_DESCRIPTION // 2, MAX_DESCRIPTION - 2000, MAX_DESCRIPTION - 200, MAX_DESCRIPTION]
)


@st.composite
def submissions(draw: st.DrawFn) -> Submit:
    """Submissions near all limits, on both sides of them."""
    chain_text, blob = draw(SIZES), draw(SIZES)
    step = {"name": "blur", "parameters": {"text": "x" * chain_text}}
    count = draw(st.sampled_from([1, 2, MAX_OUTPUTS, MAX_OUTPUTS + 1]))
    name = draw(LETTERS) * draw(LENGTHS)
    outputs = [{"name": f"{number}{name}" if number else name, "chain": [{"name": "blur"}]} for number in range(count)]
    outputs[0]["chain"] = [step] * draw(st.sampled_from([1, 2, 100]))
    streams = draw(st.sampled_from([1, 2, MAX_STREAMS]))
    facts = {"template": MATROSKA + bytes(draw(st.sampled_from([0, 50_000, MAX_TEMPLATE_SIZE])))}
    splice = {"passthrough": [{**facts, "template_format": "matroska"}] * (streams - 1)}
    clip = draw(LETTERS) * draw(LENGTHS)
    process = {"extradata": bytes(blob), "stages": draw(st.booleans())}
    return submission(clip, outputs, stream_count=streams, splice=splice, process=process)


@settings(max_examples=15)
@given(submissions())
def test_whatever_follows_from_a_submission_that_was_taken_can_be_sent(message: Submit) -> None:
    """By the real brains: the job is owned, worked on, looked at and finished."""
    try:
        packed_size([message.source, message.outputs])
    except Unsendable:
        return
    script = Script()
    script.dispatcher.cluster.new_id = new_id  # as the server makes them
    script.aggregator()
    script.worker(11)
    script.client()
    script.client(2)
    script.tell(1, message)
    refusals = script.said(1, Error)
    if refusals:
        assert refusals[0].code == "bad-job"
        assert fault_of(message) == refusals[0].text
        return
    job = script.job(1).job
    script.hold(job)
    script.chunk(1, job, 0)
    script.tick()
    script.tell(2, Watch(job))
    script.tell(2, Watch(topics=["jobs", "workers"]))
    script.tell(2, Subscribe(since_unix_s=0.0, snapshot=True))
    script.tick(1.0)
    sent = [one.message for one in script.commands if isinstance(one, Send | SendChunk | SendStage)]
    for each in sent:
        check_sendable(each)
    own = next(one for one in sent if isinstance(one, Own))
    brain = Assembler(epoch=1)
    brain.handle(Tick(), 0.0)
    brain.handle(PeerMessage(MIDDLEWARE, Welcome(1, 1)), 0.0)
    answers = [
        one.message for one in brain.handle(PeerMessage(MIDDLEWARE, own), 0.0) if isinstance(one, AggregatorSend)
    ]
    assert [type(one) for one in answers] == [Holdings]
