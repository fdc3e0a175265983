from __future__ import annotations

import pytest

from moviola.filters.chain import Value, parse_chain
from moviola.filters.registry import schemas
from moviola.filters.schema import ParameterError, check_chain


def rate(value: Value) -> Value:
    return schemas()["fps"].check({"rate": value})["rate"]


@pytest.mark.parametrize(
    ("given", "exact"),
    [("25", "25"), ("12.5", "25/2"), (12.5, "25/2"), (50, "50"), (" 30000/1001 ", "30000/1001"), ("29.97", "2997/100")],
)
def test_rates_become_exact_fractions(given: Value, exact: str) -> None:
    assert rate(given) == exact
    assert rate(exact) == exact


def test_a_rate_with_many_digits_is_the_nearest_handy_fraction() -> None:
    assert rate("29.97002997") == "30000/1001"


@pytest.mark.parametrize("given", ["fast", "1/0", "-5", "nan", "inf", "1e3", "25/", "", "9" * 30, True])
def test_what_is_no_rate_is_said(given: Value) -> None:
    with pytest.raises(ParameterError, match="rate takes frames a second"):
        rate(given)


@pytest.mark.parametrize(
    ("given", "bound"), [("0", "at least 0.1"), ("0.09", "at least 0.1"), ("1000.5", "at most 1000")]
)
def test_both_bounds_hold(given: str, bound: str) -> None:
    with pytest.raises(ParameterError, match=bound):
        rate(given)


def test_the_bounds_are_included() -> None:
    assert (rate("0.1"), rate("1000")) == ("1/10", "1000")


@pytest.mark.parametrize("chain", ["blur,fps", "fps,fps:rate=12", "blur,fps:rate=5,edges"])
def test_it_stands_first_and_once(chain: str) -> None:
    with pytest.raises(ParameterError, match="fps decides which frames there are: put it first in the chain, and once"):
        check_chain(parse_chain(chain), schemas())


def test_filters_may_follow_it() -> None:
    assert [step.name for step in check_chain(parse_chain("fps:rate=5,motion,blur"), schemas())] == [
        "fps",
        "motion",
        "blur",
    ]
