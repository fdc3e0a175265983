"""`--list-filters`: what filters there are, and what each of them takes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from moviola.display.terminal import Terminal
from moviola.filters.chain import format_value
from moviola.filters.schema import CHARSETS, FilterSchema, Parameter

Offered = Mapping[str, tuple[FilterSchema, int | None]]
"""By name: a filter's schema and how many workers offer it, None where nobody was asked."""

_INDENT = " " * 4


def print_filters(console: Terminal, offered: Offered) -> None:
    """A filter's name and summary, below it a line for each parameter and requirement. Wrapped on a terminal only:
    elsewhere each line is whole, for grep."""
    width = console.width if console.is_terminal else None
    for name, (schema, count) in sorted(offered.items()):
        workers = "" if count is None else f" ({count} {'worker' if count == 1 else 'workers'})"
        _print(console, name, f"{schema.summary}{workers}", _INDENT, width)
        longest = max((len(parameter.name) for parameter in schema.parameters), default=0)
        for parameter in schema.parameters:
            text = f"{takes(parameter)} ({default_of(parameter)})" + (f": {parameter.help}" if parameter.help else "")
            hanging = _INDENT + " " * (longest + 2)
            _print(console, f"{_INDENT}{parameter.name:<{longest}}", text, hanging, width, name_style="")
        if schema.label:
            asked = f"a worker labelled {schema.label}"
            _print(console, f"{_INDENT}asks for", asked, _INDENT * 2, width, name_style="")
        for requirement in schema.requires:
            _print(console, f"{_INDENT}needs", requirement, _INDENT * 2, width, name_style="")


def _print(console: Terminal, name: str, text: str, hanging: str, width: int | None, name_style: str = "bold") -> None:
    """Print `name  text`; lines after the first one are indented by `hanging`."""
    for number, line in enumerate(_lines(f"{name}  {text}", hanging, width)):
        head = len(name) if number == 0 else 0
        console.say((line[:head], name_style), line[head:])


def _lines(text: str, hanging: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield text
    else:
        yield from textwrap.wrap(text, max(width, 2 * len(hanging)), subsequent_indent=hanging, break_on_hyphens=False)


def print_filters_json(console: Terminal, offered: Offered) -> None:
    """Print a JSON object for each filter, one a line."""
    for _, (schema, count) in sorted(offered.items()):
        data = schema.to_wire() | ({} if count is None else {"workers": count})
        console.json(data)


def takes(parameter: Parameter) -> str:
    """Return the values that a parameter takes, such as `1..100 px` or `true, false`."""
    if parameter.choices:
        return ", ".join(parameter.choices)
    if parameter.type == "bool":
        return "true, false"
    if parameter.minimum is not None and parameter.maximum is not None:
        return f"{parameter.minimum}..{parameter.maximum}{' ' if parameter.unit else ''}{parameter.unit}"
    if parameter.type == "asset":
        return "a file"
    return CHARSETS[parameter.charset] if parameter.type == "str" else parameter.type


def default_of(parameter: Parameter) -> str:
    """Return a parameter's default as it would be typed; `none` for an empty text."""
    return "none" if parameter.default == "" else format_value(parameter.default)
