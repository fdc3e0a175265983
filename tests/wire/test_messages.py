"""Messages: there and back, and what is refused with which words."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, get_args, get_origin, get_type_hints

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.failures import Failure
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.texts import MAX_TEXT
from moviola.base.trouble import Trouble
from moviola.base.vocabulary import JobState
from moviola.wire.addresses import Address
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.limits import MAX_HEADER
from moviola.wire.messages import (
    MESSAGES,
    AssetFacts,
    Beat,
    Cause,
    Chunk,
    Error,
    EventRecord,
    Job,
    JobGlance,
    LeaseBeat,
    Message,
    Own,
    Revoke,
    Stored,
    Task,
    Worker,
    decode,
    encode,
)
from moviola.wire.schema import Lease

RECORDS: dict[Any, Any] = {
    Address: Address("there", 5001),
    AssetFacts: AssetFacts("sha256:0", 4, "logo.png"),
    EventRecord: EventRecord(7, "task-failed", "it failed", 1.5, "j", worker="w", output="out", chunk=2, frames=3),
    JobGlance: JobGlance("j", "running", user="u", name="clip.mp4"),
    FinishedFile: FinishedFile("a.mp4", 5, "00"),
    LeaseBeat: LeaseBeat(Lease(3, 4), "computing", 5, 6),
    Trouble: Trouble(1.5, "filter", "exception", "boom"),
    OutputSummary: OutputSummary("out", JobState.DONE, failures=[Failure(output="out", frames=[1, 2])]),
}
"""One of each that is in lists of messages."""

SAMPLES: dict[Any, Any] = {
    int: 3,
    float: 1.5,
    bool: True,
    bytes: b"b",
    str: "s",
    Lease: Lease(1, 2),
    dict[str, int]: {"key": 3},
}


def sample(cls: type[Message]) -> Message:
    """A message with every field set."""
    hints = get_type_hints(cls)
    return cls(**{f.name: _value(hints[f.name]) for f in fields(cls)})  # type: ignore[arg-type]


def _value(hint: Any) -> Any:
    if hint in SAMPLES:
        return SAMPLES[hint]
    if isinstance(hint, type) and hasattr(hint, "from_wire"):
        return hint()
    if get_origin(hint) is list and hasattr(inner := get_args(hint)[0], "from_wire"):
        return [RECORDS.get(inner) or inner()]
    if hint == Cause | None:
        return Cause(frame=2)
    text = str(hint)
    if "AssetFacts" in text:
        return [AssetFacts("sha256:0", 4, "logo.png")]
    if "Cause" in text:
        return Cause("exception", "it raised", "blur", 3, "Traceback")
    if "LeaseBeat" in text:
        return [LeaseBeat(Lease(3, 4), "computing", 5, 6)]
    if text.startswith("dict") or text.startswith("dict[str, typing.Any] |"):
        return {"key": [1, "two", None, {"deep": b"x"}]}
    if text == "int | None":
        return 7
    if text == "float | None":
        return 1.5
    if "list[bytes]" in text:
        return [b"\x01"]
    if "list[int]" in text:
        return [1, 2]
    if "list[dict" in text:
        return [{"a": 1}]
    if "list[str]" in text or "list[typing" in text:
        return ["a"]
    return Lease(1, 2)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_message_survives_the_wire(name: str) -> None:
    message = sample(MESSAGES[name])
    assert decode(encode(message)) == message


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_required_field_is_missed_by_name(name: str) -> None:
    cls = MESSAGES[name]
    for field in fields(cls):  # type: ignore[arg-type]
        data = msgpack.unpackb(encode(sample(cls)))
        del data[field.name]
        if field.default is MISSING and field.default_factory is MISSING:
            with pytest.raises(ProtocolError, match=field.name):
                decode(msgpack.packb(data))
        else:
            decode(msgpack.packb(data))


def test_unknown_fields_are_ignored_so_that_fields_may_be_added() -> None:
    data = msgpack.unpackb(encode(Chunk("j", 0, 1, 2)))
    assert decode(msgpack.packb({**data, "new_in_version_2": 1})) == Chunk("j", 0, 1, 2)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"type": "Chunk", "job": 5, "stream": 0, "index": 0, "frame_count": 0}, "Chunk.job"),
        ({"type": "Chunk", "job": "j", "stream": -1, "index": 0, "frame_count": 0}, "Chunk.stream"),
        ({"type": "Chunk", "job": "j", "stream": True, "index": 0, "frame_count": 0}, "Chunk.stream"),
        ({"type": "Chunk", "job": "j" * 256, "stream": 0, "index": 0, "frame_count": 0}, "at most 255"),
        ({"type": "Revoke", "lease": [1]}, "Revoke.lease"),
        ({"type": "Beat", "leases": [{"lease": [1, 2], "phase": 3, "frames": 0}]}, "LeaseBeat.phase"),
        ({"type": "Released", "lease": [1, 2], "outcome": "failed", "cause": {"kind": ["crash"]}}, "Cause.kind"),
        ({"type": "Released", "lease": [1, 2], "outcome": "failed", "cause": {"text": "x" * 100_000}}, "Cause.text"),
        ({"type": "Beat", "cpu_percent": float("nan")}, "Beat.cpu_percent"),
        ({"type": "Message"}, "no message"),
        ({"type": ["Chunk"]}, "no message"),
        ([1, 2], "no message"),
        ({"type": "Job", "job": "j", "name": "n", "state": "s", "have": ["text"]}, "Job.have"),
    ],
)
def test_a_wrong_field_is_named(fields: Any, word: str) -> None:
    with pytest.raises(ProtocolError, match=word) as caught:
        decode(msgpack.packb(fields))
    assert caught.value.code == "bad-message"


@given(st.binary(max_size=300))
def test_garbage_never_does_more_than_raise_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(data)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ProtocolError):
        decode(b"\x81\xa1a" + b"\x91" * 100_000)


def test_leases_look_like_leases_in_a_log() -> None:
    assert str(Revoke(Lease(3, 17)).lease) == "3.17"


def test_nested_records_and_defaults() -> None:
    beat = Beat([LeaseBeat(Lease(1, 2), "waiting", 0)])
    assert decode(encode(beat)) == beat
    assert isinstance(Stored("j", 0, 0, "kept"), Message)
    assert Job("j", "n", "pending").have is None
    assert Task(Lease(1, 1), "j", 0, 0, {}, {}, "o", 1).mode == "filter"


def test_a_wrong_message_says_which_job_it_is_about() -> None:
    fields = {"type": "Own", "job": "clip-1", "name": "n" * 256, "owner_epoch": 1, "source": {}, "outputs": []}
    with pytest.raises(ProtocolError) as caught:
        decode(msgpack.packb(fields))
    assert caught.value.job == "clip-1"
    with pytest.raises(ProtocolError) as caught:
        decode(msgpack.packb({**fields, "job": "j" * 256}))
    assert caught.value.job == ""


def test_what_the_other_side_would_refuse_is_not_sent() -> None:
    with pytest.raises(Unsendable, match=r"Own\.name"):
        encode(Own("j", "n" * 256, 1, {}, [], b""))
    with pytest.raises(Unsendable, match="4194304 are the most"):
        encode(Own("j", "n", 1, {"x": bytes(MAX_HEADER)}, [], b""))
    with pytest.raises(Unsendable, match="Own"):
        encode(Own("j", "n", 1, {"x": object()}, [], b""))


def test_a_text_for_people_is_cut_where_it_is_sent() -> None:
    said = decode(encode(Error("bad-job", "t" * (MAX_TEXT + 5))))
    assert isinstance(said, Error)
    assert len(said.text) == MAX_TEXT
    assert said.text.endswith("…")


@pytest.mark.parametrize(
    ("message", "field", "inner"),
    [
        (Job("j", "clip.mp4", "running"), "progress", "frames_done"),
        (Worker("w", "s", "ready"), "facts", "chunks"),
    ],
)
def test_a_record_of_garbage_within_a_message_is_refused_by_name(message: Message, field: str, inner: str) -> None:
    data = {"type": type(message).__name__, **message.to_wire()}
    data[field][inner] = "many"
    with pytest.raises(ProtocolError, match=f"{field}: \\w+.{inner}: an integer from 0 to 2\\^63-1, not 'many'"):
        decode(msgpack.packb(data))
