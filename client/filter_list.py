"""`--list-filters`: what filters there are, and what each of them takes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from filters.chain import format_value
from filters.schema import FilterSchema, Parameter


def print_filters(console: Console, offered: Mapping[str, tuple[FilterSchema, int | None]]) -> None:
    """A table of filters; with counts, how many workers offer each. Several rows a filter, one a parameter."""
    counted = any(count is not None for _, count in offered.values())
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("filter", no_wrap=True)
    if counted:
        table.add_column("workers", justify="right")
    table.add_column("parameter", no_wrap=True)
    table.add_column("takes")
    table.add_column("default", overflow="fold")
    table.add_column("meaning", ratio=1)
    for name, (schema, count) in sorted(offered.items()):
        shown_count = [str(count)] if counted else []
        table.add_row(Text(name, "bold"), *shown_count, "", "", "", Text(schema.summary))
        for parameter in schema.parameters:
            cells = [Text(parameter.name), Text(takes(parameter)), Text(format_value(parameter.default))]
            table.add_row("", *[""] * len(shown_count), *cells, Text(parameter.help, "dim"))
    console.print(table)


def print_filters_json(console: Console, offered: Mapping[str, tuple[FilterSchema, int | None]]) -> None:
    """One object a filter, one a line."""
    for _, (schema, count) in sorted(offered.items()):
        data = schema.to_wire() | ({} if count is None else {"workers": count})
        console.print(json.dumps(data), highlight=False, markup=False, soft_wrap=True)


def takes(parameter: Parameter) -> str:
    """The values a parameter takes, such as `1..100 px` or `true, false`."""
    if parameter.choices:
        return ", ".join(parameter.choices)
    if parameter.type == "bool":
        return "true, false"
    if parameter.minimum is not None and parameter.maximum is not None:
        number = "" if parameter.type == "int" else ", with decimals"
        return f"{parameter.minimum}..{parameter.maximum}{' ' if parameter.unit else ''}{parameter.unit}{number}"
    return "text" if parameter.type == "str" else parameter.type
