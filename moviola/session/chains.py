"""Chains as people type them, `CHAIN` or `NAME=CHAIN`, and what they may have meant by one that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from moviola.filters import registry
from moviola.filters.chain import ChainError, NamelessValue, Step, parse_chain
from moviola.filters.schema import FilterSchema, Parameter, ParameterError

MAX_OUTPUT_NAME: Final = 60
"""Characters of an output's name: its files' names stay short, whatever the chain."""

_NAMED = re.compile(r'([^:,"=]*)=(.*)', re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def read_chain(text: str) -> tuple[str, tuple[Step, ...]]:
    """Return an output's name, empty if it has none, and the steps of its chain.

    Raises:
        ChainError: the text is no chain, or an output cannot have that name; it suggests what was meant.
    """
    name, chain = split_name(text)
    try:
        steps = parse_chain(chain)
    except ChainError as error:
        raise ChainError(_explained(text, name, chain, error)) from error
    if len(steps) == 1 and not steps[0].parameters and steps[0].name not in registry.BUILT_IN:
        known = _schema(name)
        if known is not None and any(chain in each.choices for each in known.parameters):
            raise ChainError(_as_output(text, name, chain) + _meant(known, chain))
    return name, steps


def filters_of(chains: Iterable[str]) -> set[str]:
    """Return the names of all filters of chains. Raises ChainError."""
    return {step.name for text in chains for step in read_chain(text)[1]}


def split_name(text: str) -> tuple[str, str]:
    """Name and chain of `NAME=CHAIN`; an empty name for a chain alone. Raises ChainError for what is no name."""
    named = _NAMED.fullmatch(text)
    if named is None:
        return "", text
    name, chain = named[1].strip(), named[2]
    _check_name(name)
    return name, chain


def named_chain(name: str, chain: str) -> str:
    """Return the text of a chain whose output has a name. Raises ChainError for what is no name."""
    _check_name(name)
    return f"{name}={chain}"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > MAX_OUTPUT_NAME:
        raise ChainError(
            f'"{name}" cannot name an output: letters, digits, - and _ can, up to {MAX_OUTPUT_NAME}, not - or _ first'
        )


def _explained(text: str, name: str, chain: str, error: ChainError) -> str:
    """A sentence about a text that cannot be read, with what was meant."""
    if isinstance(error, NamelessValue):
        schema = _schema(error.filter)
        if schema is None or error.value in _types(schema):
            return str(error)
        return f'{error.filter}: "{error.value}" is the value of no parameter{_meant(schema, error.value)}'
    if not name:
        return str(error)
    said = _as_output(text, name, chain)
    schema = _schema(name)
    return f"{said}; {error}" if schema is None else said + _meant(schema, chain)


def _as_output(text: str, name: str, chain: str) -> str:
    return f'"{text}" asks for an output called {name}, made by the chain "{chain}", which is not a chain'


def _meant(schema: FilterSchema, text: str) -> str:
    """The end of a sentence: the step that was meant by a filter and a value, or what the filter takes."""
    key, equals, _ = text.partition("=")
    types = _types(schema)
    if equals and key.strip() in types:
        return f'; did you mean "{schema.name}:{text}"?'
    fitting = next((each.name for each in schema.parameters if not equals and _takes(each, text)), "")
    if fitting:
        return f'; did you mean "{schema.name}:{fitting}={text}"?'
    return f"; {schema.name} takes {', '.join(types)}, each as NAME=VALUE" if types else f"; {schema.name} takes none"


def _takes(parameter: Parameter, text: str) -> bool:
    """Whether a text can be meant for a parameter, and for few others."""
    if parameter.type == "str" and not parameter.choices:
        return False
    with suppress(ParameterError):
        parameter.check(text, "")
        return True
    return False


def _types(schema: FilterSchema) -> Mapping[str, str]:
    return {each.name: each.type for each in schema.parameters}


def _schema(name: str) -> FilterSchema | None:
    """The schema of a filter that is built in."""
    return registry.schemas()[name] if name in registry.BUILT_IN else None
