"""`moviola filters NAME`: all that there is to know of one filter before it is used."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from moviola.base.invocation import typed
from moviola.display.terminal import Terminal
from moviola.filters.assets import SERVED
from moviola.filters.chain import Step, Value, format_chain
from moviola.filters.schema import MATERIALS, FilterSchema, Parameter, ParameterError
from moviola.media.kinds import KINDS
from moviola.session.units import counted

from .filter_list import default_of, takes

SHOWN_IN_EXAMPLE: Final = 2
"""Parameters of an example: enough to see how they are written."""

EXAMPLE_SIZE: Final = 320
"""A whole number that suits most parameters without a useful default, such as a width in pixels."""

_SOURCES: Final = {"record": "movies_metadata.csv"}
"""What an example filters, by the material; a video where nothing else is said."""


_INSTEAD: Final = {"record": "a record on which it fails is left out"}
"""A clause for each material that says what becomes of a unit on which a hiding filter fails. Where none stands here, a
black frame takes its place."""


def print_page(console: Terminal, schema: FilterSchema, workers: int | None) -> None:
    """Print what a filter does, on what, what it takes, and an example that can be typed."""
    width = console.width if console.is_terminal else None
    for line in _wrapped(f"{schema.name}: {schema.summary}", 4, width):
        console.say(line)
    console.say()
    for name, text in _facts(schema, workers):
        for line in _wrapped(f"  {name:<10}  {text}", 14, width):
            console.say(line)
    if schema.parameters:
        console.say()
        console.say(("parameters", "bold"))
    longest = max((len(parameter.name) for parameter in schema.parameters), default=0)
    for parameter in schema.parameters:
        head = f"  {parameter.name:<{longest}}  "
        for line in _wrapped(head + _about(parameter), len(head), width):
            console.say(line)
    console.say()
    console.say(("example", "bold"))
    source = _SOURCES.get(schema.material, "holiday.mp4")
    console.say(f"  {typed('send')} {source} -f {format_chain([Step(schema.name, example(schema))])}")


def example(schema: FilterSchema) -> dict[str, Value]:
    """Return parameters for an example: some with their defaults, or others if the filter cannot be used without
    these."""
    shown = [each for each in schema.parameters if each.type not in ("asset", "str") or each.choices]
    given: dict[str, Value] = {each.name: each.default for each in shown[:SHOWN_IN_EXAMPLE]}
    if _fits(schema, given):
        return given
    for each in shown:
        if each.type == "int" and each.minimum is not None and each.maximum is not None:
            candidate: dict[str, Value] = {each.name: int(min(max(EXAMPLE_SIZE, each.minimum), each.maximum))}
            if _fits(schema, candidate):
                return candidate
    for each in schema.parameters:
        if each.type == "asset" and _fits(schema, served := {**given, each.name: f"{SERVED}{each.name}"}):
            return served
    return {}


def _fits(schema: FilterSchema, given: Mapping[str, Value]) -> bool:
    with suppress(ParameterError):
        schema.check(given)
        return True
    return False


def _facts(schema: FilterSchema, workers: int | None) -> Iterator[tuple[str, str]]:
    kinds = [kind.plural for kind in KINDS.values() if schema.material in kind.takes]
    yield "for", f"{' and '.join(kinds)}: it works on {MATERIALS[schema.material]}" if kinds else schema.material
    if schema.context:
        yield "looks back", _context(schema)
    if schema.hides:
        instead = _INSTEAD.get(schema.material, "a frame on which it fails is black")
        yield "hides", f"what it covers must not be seen: {instead}"
    if schema.label:
        yield "asks for", f"a worker labelled {schema.label}"
    for requirement in schema.requires:
        yield "needs", requirement
    if workers is not None:
        yield "offered by", counted(workers, "worker")


def _context(schema: FilterSchema) -> str:
    if isinstance(schema.context, int):
        return counted(schema.context, "frame")
    holder, _, switch = schema.context.partition(" if ")
    return f"as many frames as {holder} says" + (f", where {switch} is true" if switch else "")


def _about(parameter: Parameter) -> str:
    """`1..100 px; 7 by default: how far it reaches`."""
    values = "true or false" if parameter.type == "bool" else takes(parameter)
    return f"{values}; {default_of(parameter)} by default" + (f": {parameter.help}" if parameter.help else "")


def _wrapped(text: str, hanging: int, width: int | None) -> Iterator[str]:
    if width is None:
        yield text
    else:
        yield from textwrap.wrap(text, width, subsequent_indent=" " * hanging, break_on_hyphens=False)
