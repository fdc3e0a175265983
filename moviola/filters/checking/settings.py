"""Settings of a filter's parameters to try it with: its defaults, its bounds and choices, and all of them changed."""

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
    """The filter with its defaults, with all parameters that can be changed unasked changed at once, and with each of
    them alone at its bounds and choices. Settings that the filter refuses as a whole are left out."""
    yield kind()
    changed = other(kind)
    if changed is not None:
        yield changed
    for parameter in schema_of(kind).parameters:
        for value in extremes(parameter):
            if (made := _made(kind, {parameter.name: value})) is not None:
                yield made


def other(kind: Kind) -> Filter | None:
    """The filter with every number, choice and switch different from its default, where it takes such a mixture."""
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
    """Its bounds and choices."""
    if parameter.type == "bool":
        return True, False
    bounds = [each for each in (parameter.minimum, parameter.maximum) if each is not None]
    return [*parameter.choices, *(str(each) if parameter.type == "rate" else each for each in bounds)]


def written(made: Filter) -> str:
    """The filter as a step of a chain."""
    return format_chain([Step(made.name, parameters_of(made))])


def parameters_of(made: Filter) -> dict[str, Value]:
    """As they are set, by name."""
    return {each.name: getattr(made, each.name) for each in schema_of(type(made)).parameters}
