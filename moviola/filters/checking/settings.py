"""Settings of a filter to test it with: its defaults, its bounds and choices, and all parameters changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from moviola.filters.base import Filter, schema_of
from moviola.filters.chain import Step, Value, format_chain
from moviola.filters.schema import FilterSchema, Parameter, ParameterError


@dataclass(frozen=True, slots=True)
class Subject:
    """A filter that is tried.

    Attributes:
        kind: its class.
        given: values that parameters have in all settings, such as a file that it needs.
    """

    kind: type[Filter]
    given: Mapping[str, Value] = field(default_factory=dict)

    @property
    def schema(self) -> FilterSchema:
        """Return what it takes. Raise what `schema_of` raises."""
        return schema_of(self.kind)

    def __call__(self, **parameters: Value) -> Filter:
        """Return the filter with these parameters, and what is given."""
        return self.kind(**{**self.given, **parameters})


# How far from its least value a number is moved in other settings: odd, and small enough for a small picture.
_STEP = 21


def settings(subject: Subject) -> Iterator[Filter]:
    """Yield a filter with various parameters; combinations that it refuses are left out.

    First come the defaults, then all parameters changed at once, then each one alone at its bounds and choices.
    """
    yield subject()
    changed = other(subject)
    if changed is not None:
        yield changed
    for parameter in subject.schema.parameters:
        for value in extremes(parameter):
            if (made := _made(subject, {parameter.name: value})) is not None:
                yield made


def other(subject: Subject) -> Filter | None:
    """Return the filter with every number, choice and switch changed that is not given; None if it refuses that
    combination."""
    changed = {each.name: _other(each) for each in subject.schema.parameters if each.name not in subject.given}
    return _made(subject, changed)


def _made(subject: Subject, parameters: Mapping[str, Value]) -> Filter | None:
    try:
        return subject(**parameters)
    except ParameterError:
        return None


def _other(parameter: Parameter) -> Value:
    if parameter.type == "bool":
        return not parameter.default
    if parameter.choices:
        return parameter.choices[-1] if parameter.choices[-1] != parameter.default else parameter.choices[0]
    if parameter.type in ("int", "float") and parameter.minimum is not None and parameter.maximum is not None:
        step = min(_STEP, (parameter.maximum - parameter.minimum) / 2)
        return parameter.minimum + (step if parameter.type == "float" else math.floor(step))
    return parameter.default


def extremes(parameter: Parameter) -> Sequence[Value]:
    """Return the bounds and choices of a parameter."""
    if parameter.type == "bool":
        return True, False
    bounds = [each for each in (parameter.minimum, parameter.maximum) if each is not None]
    return [*parameter.choices, *(str(each) if parameter.type == "rate" else each for each in bounds)]


def written(made: Filter) -> str:
    """Return a filter as the text of a chain with one step."""
    return format_chain([Step(made.name, parameters_of(made))])


def parameters_of(made: Filter) -> dict[str, Value]:
    """Return the values of the parameters of a filter, by name."""
    return {each.name: getattr(made, each.name) for each in schema_of(type(made)).parameters}
