"""The text form of a build path tells every path apart from every other, whatever builds are called."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moviola.base.build_path import BuildPath, extended, from_text, matches, to_text
from moviola.media.fingerprint import fingerprint

BUILDS = st.text(st.sampled_from("ab*%+ 1225A"), max_size=8)
PATHS = st.lists(BUILDS, min_size=1, max_size=6).map(tuple)


@given(PATHS)
@example(("a*2 + b*1",) * 3)
@example(("a*2 + b", "c"))
@example(("%2A", "*", "%252A"))
@example(("", "", ""))
@example(("a +", "+ a"))
def test_a_text_gives_its_path_back(path: BuildPath) -> None:
    assert from_text(to_text(path), len(path)) == path


@given(BUILDS, st.integers(1, 6))
def test_what_one_build_did_is_told_by_its_name(build: str, count: int) -> None:
    is_plain = bool(build) and "*" not in build
    assert (to_text((build,) * count) == build) == is_plain


def test_no_build_of_ours_needs_another_form() -> None:
    assert to_text((fingerprint(),)) == fingerprint()


def test_runs_tell_where_one_build_takes_over() -> None:
    assert to_text(("a", "a", "b")) == "a*2 + b*1"
    assert to_text(("a", "b", "b")) == "a*1 + b*2"
    assert to_text(()) == ""
    assert from_text("", 3) == ()


@pytest.mark.parametrize(
    "text",
    [
        "a*2", "a*1 + b*1", "a*4", "a*999999999999999999", "a*3", "a*1 + a*2", "a*02 + b*1", "a*0 + b*3", "a*2 + b*1 ",
        "a*2+b*1", "a*2 + b*1\n", "a*2 + b", "a*-1 + b*4", "a%*2 + b*1", "*",
    ],
)  # fmt: skip
def test_what_no_path_of_three_steps_is_told_by(text: str) -> None:
    with pytest.raises(ValueError, match="does not tell the builds of 3 steps"):
        from_text(text, 3)


@given(st.text(st.sampled_from("ab*%+ 12"), max_size=20), st.integers(0, 4))
def test_any_text_is_one_path_or_none(text: str, count: int) -> None:
    try:
        path = from_text(text, count)
    except ValueError:
        return
    assert to_text(path) == text
    assert len(path) == (count if text else 0)


def test_a_path_matches_what_it_may_become() -> None:
    whole = extended(extended((), "a", 2), "b", 1)
    assert whole == ("a", "a", "b")
    assert all(matches(whole[:count], whole) for count in range(4))
    assert matches(whole, ())
    assert not matches(("a", "b"), whole)
    assert not matches((*whole, "b"), whole)
