from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from moviola.filters.base import Filter, parameter, schema_of
from moviola.filters.builtin.blur import Blur
from moviola.filters.schema import ParameterError, SchemaError


def test_parameters_are_checked_when_a_filter_is_made() -> None:
    with pytest.raises(ParameterError, match="radius is 0; it must be at least 1 px"):
        Blur(radius=0)
    with pytest.raises(ParameterError, match="takes a whole number"):
        Blur(radius="wide")  # type: ignore[arg-type]


def test_the_schema_has_the_fields_with_their_facts() -> None:
    (radius,) = schema_of(Blur).parameters
    assert (radius.name, radius.type, radius.default, radius.minimum, radius.unit) == ("radius", "int", 7, 1, "px")
    assert radius.describe() == "radius (int, 1..127 px, default 7): how far the blur reaches"


@dataclass(frozen=True)
class Trail(Filter):
    name: ClassVar[str] = "trail"
    summary: ClassVar[str] = "for the test"
    context: ClassVar[int | str] = "length"
    length: int = parameter(3, minimum=1, maximum=9, help="frames")


def test_context_may_be_a_parameters_value() -> None:
    assert Trail(length=5).context_frames == 5
    assert schema_of(Trail).context_frames({"length": 4}) == 4


@dataclass(frozen=True)
class Perhaps(Filter):
    name: ClassVar[str] = "perhaps"
    summary: ClassVar[str] = "looks back when told to"
    context: ClassVar[int | str] = "length if back"
    context_needed: ClassVar[bool] = False

    length: int = parameter(3, minimum=0, maximum=9, help="frames")
    back: bool = parameter(False, help="whether it looks back")


def test_context_may_depend_on_a_switch() -> None:
    assert Perhaps().context_frames == 0
    assert Perhaps(back=True).context_frames == 3
    schema = schema_of(Perhaps)
    assert [schema.context_frames({"length": 4, "back": back}) for back in (False, True)] == [0, 4]
    assert not schema.context_needed


@pytest.mark.parametrize("context", ["length if", "length if length", "back if back", "length if nothing"])
def test_context_with_a_strange_switch_is_refused(context: str) -> None:
    with pytest.raises(SchemaError, match="context"):
        schema_of(type("Strange", (Perhaps,), {"context": context}))


def test_context_that_names_no_parameter_is_refused() -> None:
    @dataclass(frozen=True)
    class Lost(Trail):
        context: ClassVar[int | str] = "nothing"

    with pytest.raises(SchemaError, match="context"):
        schema_of(Lost)


def test_a_filter_without_apply_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Trail"):
        Trail().apply(None, ())  # type: ignore[arg-type]


@dataclass(frozen=True)
class Detect(Trail):
    label: ClassVar[str] = "gpu"


def test_the_label_that_a_filter_asks_for_is_in_its_schema() -> None:
    assert schema_of(Detect).label == "gpu"
    assert schema_of(Trail).label == ""


def test_a_filter_that_asks_for_what_is_no_label_is_refused() -> None:
    with pytest.raises(SchemaError, match="label must have 1 to 63 characters of a-z"):
        schema_of(type("Shouting", (Trail,), {"label": "GPU"}))
