"""Data for people: whatever comes, what is told is plain, and within its bound."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.details import Details, RequestedOutput, RequestedStep
from moviola.base.failures import Failure
from moviola.base.mapped import Map
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.shortened import LEVELS, fitted_record, shortened, shortened_data, shortened_end

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.binary(max_size=50),
    st.text(max_size=50),
    st.sampled_from(["x" * 10_000, "ä" * 300, b"\0" * 5000]),
)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=300), inner, max_size=20),
    max_leaves=50,
)


@given(PLAIN, st.sampled_from(LEVELS))
def test_any_data_is_told_in_a_form_that_can_be_printed(data: Any, level: tuple[int, int]) -> None:
    characters, items = level
    json.dumps(shortened_data(data, characters=characters, items=items))


@given(st.dictionaries(st.text(max_size=10), PLAIN, max_size=3))
def test_a_record_of_any_parameters_is_told_as_one(parameters: Map) -> None:
    made = fitted_record(Details([RequestedOutput("out", [RequestedStep("blur", parameters)] * 3)]), 2_000)
    assert repr(Details.from_wire(msgpack.unpackb(msgpack.packb(made.to_wire())))) == repr(made)  # NaN is not NaN
    json.dumps(made.to_wire())


def test_what_is_small_stays_as_it_is() -> None:
    steps = [RequestedStep("blur", {"radius": 5, "deep": [1.5, None, True]})]
    whole = Details([RequestedOutput("v" * 180, steps)], failures=[Failure(frames=[1, 2])])
    assert fitted_record(whole, 10_000) == whole


def test_texts_end_with_an_ellipsis_and_lists_with_a_count() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened_end("abcdef", 4) == "…def"
    assert shortened("abcd", 4) == shortened_end("abcd", 4) == "abcd"
    assert shortened_data([1, 2, 3], characters=9, items=2) == [1, 2, "… 1 more"]
    assert shortened_data([{"name": "a"}] * 5, characters=9, items=1) == [{"name": "a"}, {"name": "… 4 more"}]
    assert shortened_data({"x": b"\0" * 7}, characters=9, items=1) == {"x": "7 bytes"}


def test_of_much_the_names_stay_and_what_is_left_out_is_counted() -> None:
    """What a client needs of an output is there whatever is told beside it."""
    failures = [Failure(explanation="e" * 3000, frames=[number, number]) for number in range(5)]
    summary = OutputSummary("n" * 120, JobState.DONE, file="f" * 140, digest="d" * 64, failures=failures)
    made = fitted_record(replace(summary, warnings=["w" * 500] * 1000), 4096)
    assert (made.name, made.file, made.digest) == (summary.name, summary.file, summary.digest)
    assert made.warnings[-1].endswith("more")
    assert (made.failures[0].frames, made.failures[-1].explanation) == ([0, 0], "… 1 more")
    assert len(msgpack.packb(made.to_wire())) <= 4096
    chain = fitted_record(RequestedOutput("out", [RequestedStep("blur", {"text": "x" * 500})] * 300), 4096).chain
    assert chain[-1].name.startswith("… ")
