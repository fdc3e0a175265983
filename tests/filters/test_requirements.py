"""What the parameters of a filter must satisfy together: stated once, checked wherever a chain is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from moviola.filters import registry
from moviola.filters.base import Filter, parameter, schema_of
from moviola.filters.chain import Step, parse_chain
from moviola.filters.requirements import Requirement
from moviola.filters.schema import FilterSchema, ParameterError, check_chain


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        ("crop", "crop needs x, y, width or height, as in crop:x=NUMBER"),
        ("crop:x=0:height=0", "crop needs x, y, width or height, as in crop:x=NUMBER"),
        ("resize", "resize needs width or height, as in resize:width=NUMBER"),
        ("resize:aspect=false", "resize needs width or height, as in resize:width=NUMBER"),
        ("edges:low=200", "edges: low is 200 and high is 150; low must be at most high"),
        ("edges:low=9:high=8", "edges: low is 9 and high is 8; low must be at most high"),
    ],
)
def test_a_chain_that_does_no_good_is_refused_by_clients_and_by_workers(chain: str, sentence: str) -> None:
    steps = parse_chain(chain)
    for check in (lambda: check_chain(steps, registry.schemas()), lambda: registry.make_chain(steps)):
        with pytest.raises(ParameterError) as caught:
            check()
        assert str(caught.value) == sentence


@pytest.mark.parametrize("chain", ["crop:y=2", "crop:width=8", "resize:height=480", "edges:low=150", "edges:high=50"])
def test_one_that_does_some_is_taken(chain: str) -> None:
    assert registry.make_chain(check_chain(parse_chain(chain), registry.schemas()))


def test_requirements_travel_with_the_schema() -> None:
    schema = FilterSchema.from_wire(schema_of(registry.filter_class("crop")).to_wire())
    assert schema.requires == ("x or y or width or height",)
    with pytest.raises(ParameterError, match="crop needs"):
        check_chain([Step("crop")], {"crop": schema})


def test_a_peer_of_another_version_is_understood() -> None:
    data = schema_of(registry.filter_class("edges")).to_wire()
    del data["requires"]
    assert FilterSchema.from_wire(data).requires == ()
    data["requires"] = ["low <= high", "low + high < 300", "low <= hi", "low or high"]
    assert FilterSchema.from_wire(data).requires == ("low <= high", "low or high")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("low <= hi", "has no parameter 'hi'"),
        ("low < high", "has no parameter 'low < high'"),
        ("low <= mode", "does not compare two numbers"),
        ("low <= high <= low", "does not compare two numbers"),
        ("", "has no parameter ''"),
    ],
)
def test_a_filter_that_requires_what_cannot_be_read_is_no_filter(text: str, why: str) -> None:
    types = {"low": "int", "high": "float", "mode": "str"}
    with pytest.raises(ValueError, match="it requires") as caught:
        Requirement.read(text, types)
    assert why in str(caught.value)

    @dataclass(frozen=True)
    class Wrong(Filter):
        name: ClassVar[str] = "wrong"
        summary: ClassVar[str] = "is refused"
        requires: ClassVar[tuple[str, ...]] = (text,)

        low: int = parameter(0, minimum=0, maximum=9, help="least")
        high: float = parameter(0.0, minimum=0, maximum=9, help="most")
        mode: str = parameter("a", help="how")

    with pytest.raises(TypeError, match="Wrong: it requires"):
        schema_of(Wrong)
