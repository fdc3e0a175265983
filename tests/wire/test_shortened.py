"""Data for people: whatever comes, what is told is plain, and within its bound."""

from __future__ import annotations

import json
from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from moviola.wire.shortened import fitted, shortened, shortened_data, shortened_end

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


@given(st.dictionaries(st.text(max_size=10), PLAIN), st.integers(100, 20_000))
def test_any_data_fits_and_can_be_printed(data: dict[str, Any], size: int) -> None:
    made = fitted(data, size)
    assert len(msgpack.packb(made)) <= size
    json.dumps(made)


def test_what_is_small_stays_as_it_is() -> None:
    data = {"name": "v" * 180, "chain": [{"name": "blur", "parameters": {"radius": 5, "deep": [1.5, None, True]}}]}
    assert fitted(data, 10_000) == data


def test_texts_end_with_an_ellipsis_and_lists_with_a_count() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened_end("abcdef", 4) == "…def"
    assert shortened("abcd", 4) == shortened_end("abcd", 4) == "abcd"
    assert shortened_data([1, 2, 3], characters=9, items=2) == [1, 2, "… 1 more"]
    assert shortened_data([{"name": "a"}] * 5, characters=9, items=1) == [{"name": "a"}, {"name": "… 4 more"}]
    assert shortened_data({"x": b"\0" * 7}, characters=9, items=1) == {"x": "7 bytes"}


def test_of_much_the_names_stay() -> None:
    """What a client needs of an output is there whatever is told beside it."""
    summary = {"name": "n" * 120, "file": "f" * 140, "digest": "d" * 64, "warnings": ["w" * 500] * 1000}
    made = fitted(summary, 4096)
    assert {name: made[name] for name in ("name", "file", "digest")} == {
        name: summary[name] for name in ("name", "file", "digest")
    }
    assert made["warnings"][-1].endswith("more")
