from __future__ import annotations

import pickle

import msgpack
import pytest

from moviola.base.mapped import Malformed
from moviola.filters.chain import Step
from moviola.media.errors import UnreadableSource
from moviola.media.material import Encoder, Output, Source

SOURCE = Source(
    kind="video",
    name="a.mp4",
    fingerprint="00ff",
    facts={"frame_count": 3},
    process={"extradata": b"\1\2"},
    splice={"rate": [25, 1], "first_pts": None},
    stream_count=2,
)
OUTPUT = Output("blur", (Step("blur", {"radius": 5}), Step("identity", {})), Encoder("mpeg4", 12, "fast"), "drop")


def test_a_source_survives_msgpack() -> None:
    assert Source.from_wire(msgpack.unpackb(msgpack.packb(SOURCE.to_wire()))) == SOURCE


def test_an_output_survives_msgpack() -> None:
    again = Output.from_wire(msgpack.unpackb(msgpack.packb(OUTPUT.to_wire())))
    assert again.to_wire() == OUTPUT.to_wire()
    assert again.encoder == OUTPUT.encoder
    assert [step.name for step in again.chain] == ["blur", "identity"]


def test_fields_of_a_newer_version_are_left_out() -> None:
    assert Source.from_wire(SOURCE.to_wire() | {"mood": "sepia"}) == SOURCE


def test_a_missing_field_is_an_error() -> None:
    fields = SOURCE.to_wire()
    del fields["splice"]
    with pytest.raises(Malformed, match="Source lacks splice"):
        Source.from_wire(fields)


def test_an_unknown_policy_is_an_error() -> None:
    with pytest.raises(ValueError, match="one of original, fail, drop, black, not 'ignore'"):
        Output.from_wire(OUTPUT.to_wire() | {"on_error": "ignore"})


def test_an_unreadable_source_is_one_sentence_and_survives_pickling() -> None:
    error = UnreadableSource("a.mp4", "the file is empty", "record it again")
    assert str(pickle.loads(pickle.dumps(error))) == "a.mp4: the file is empty; record it again."
