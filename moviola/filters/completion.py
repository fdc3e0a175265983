"""What the Tab key offers inside a chain: names of filters, their parameters, and the values of those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from moviola.filters import registry
from moviola.filters.chain import format_value
from moviola.filters.schema import FilterSchema, Parameter

BETWEEN_STEPS: Final = ","
BETWEEN_PARAMETERS: Final = ":"

ALL: Final = "all"


def chains(typed: str) -> Mapping[str, str]:
    """Return what a chain that is typed so far may become, each with a few words about it.

    Args:
        typed: the text so far, such as `small=resize:wi` or `blur:radius=5,ed`.
    """
    head, step = _last(typed, BETWEEN_STEPS)
    name, is_begun, parameters = step.partition(BETWEEN_PARAMETERS)
    if "=" in name:  # the output's name
        output, _, name = name.partition("=")
        head += f"{output}="
    schemas = registry.schemas()
    if not is_begun:
        return {head + text: about for schema in schemas.values() for text, about in _filter(schema)}
    if name not in schemas:
        return {}
    given, parameter = _last(parameters, BETWEEN_PARAMETERS)
    head += f"{name}{BETWEEN_PARAMETERS}{given}"
    known = {each.name: each for each in schemas[name].parameters}
    key, is_valued, _ = parameter.partition("=")
    if is_valued:
        return {f"{head}{key}={value}": about for value, about in _values(known.get(key))}
    before = {each.partition("=")[0] for each in given.split(BETWEEN_PARAMETERS)}
    return {f"{head}{each.name}=": each.help for each in known.values() if each.name not in before}


def names(typed: str) -> Mapping[str, str]:
    """Return what a list of filters that is typed so far may become, as a worker's `--filters` takes it."""
    head, _ = _last(typed, BETWEEN_STEPS)
    offered = {name: schema.summary for name, schema in registry.schemas().items()} | {ALL: "every filter"}
    return {head + name: about for name, about in offered.items()}


def filters(_typed: str) -> Mapping[str, str]:
    """Return what the name of one filter may be."""
    return {name: schema.summary for name, schema in registry.schemas().items()}


def _last(text: str, between: str) -> tuple[str, str]:
    """Return the text up to and with the last separator that is not in quotes, and the text behind it."""
    place = 0
    is_quoted = False
    for number, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif character == between and not is_quoted:
            place = number + 1
    return text[:place], text[place:]


def _filter(schema: FilterSchema) -> Iterator[tuple[str, str]]:
    """Yield what may stand for a filter: its name alone and, if it has parameters, its name ready for the first of
    them."""
    yield schema.name, schema.summary
    if schema.parameters:
        yield f"{schema.name}{BETWEEN_PARAMETERS}", f"{schema.summary}, with parameters"


def _values(parameter: Parameter | None) -> Iterator[tuple[str, str]]:
    if parameter is None:
        return
    if parameter.type == "bool":
        yield from (("true", parameter.help), ("false", parameter.help))
    elif parameter.choices:
        yield from ((each, parameter.help) for each in parameter.choices)
    elif parameter.default != "":
        yield format_value(parameter.default), f"the default; {parameter.help}"
