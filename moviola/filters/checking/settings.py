"""Settings of a filter to test it with: its defaults, its bounds and choices, and all parameters changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from moviola.filters.base import Filter, schema_of
from moviola.filters.chain import Step, Value, format_chain
from moviola.filters.schema import Parameter, ParameterError

Kind = type[Filter]

# How far from its least value a number is moved in other settings: odd, and small enough for a small picture.
_STEP = 21


def settings(kind: Kind) -> Iterator[Filter]:
    """Yield a filter with various parameters; combinations that it refuses are left out.

    First come the defaults, then all parameters changed at once, then each one alone at its bounds and choices.
    """
    yield kind()
    changed = other(kind)
    if changed is not None:
        yield changed
    for parameter in schema_of(kind).parameters:
        for value in extremes(parameter):
            if (made := _made(kind, {parameter.name: value})) is not None:
                yield made


def other(kind: Kind) -> Filter | None:
    """Return the filter with every number, choice and switch changed; None if it refuses that combination."""
    return _made(kind, {each.name: _other(each) for each in schema_of(kind).parameters})


def _made(kind: Kind, parameters: Mapping[str, Value]) -> Filter | None:
    try:
        return kind(**parameters)
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
