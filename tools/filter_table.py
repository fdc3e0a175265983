"""The table of filters in docs/FILTERS.md, from their schemas: `python -m tools.filter_table` writes it anew."""

from __future__ import annotations

import sys
from pathlib import Path

from moviola.filters import registry
from moviola.filters.chain import format_value
from moviola.filters.schema import CHARSETS, FilterSchema, Parameter

PAGE = Path(__file__).parents[1] / "docs" / "FILTERS.md"
BEGIN, END = "<!-- written by python -m tools.filter_table -->\n", "<!-- end -->\n"


def table() -> str:
    """Return the Markdown table, with a row for each built-in filter."""
    rows = [_row(registry.schemas()[name]) for name in sorted(registry.BUILT_IN)]
    return "\n".join(["| filter | what it does | parameters (default) |", "|---|---|---|", *rows]) + "\n"


def written(page: str) -> str:
    """Return the page with a fresh table. Raises ValueError if the page has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN.strip()} and {END.strip()}")
    return before + begin + table() + end + after


def _row(schema: FilterSchema) -> str:
    back = f"`{schema.context}`" if isinstance(schema.context, str) else str(schema.context)
    frames = "" if schema.context == 0 else f"; looks back {back} frame{'' if schema.context == 1 else 's'}"
    parameters = "<br>".join(_parameter(each) for each in schema.parameters)
    return f"| `{schema.name}` | {_cell(schema.summary + frames)} | {parameters} |"


def _parameter(parameter: Parameter) -> str:
    span = "" if parameter.minimum is None else f" {parameter.minimum:g}..{parameter.maximum:g}"
    unit = f" {parameter.unit}" if parameter.unit else ""
    choices = " " + ", ".join(parameter.choices) if parameter.choices else ""
    words = {"bool": " true, false", "asset": " file"}
    kind = "" if span or choices else words.get(parameter.type, f" {CHARSETS[parameter.charset]}")
    default = format_value(f"{parameter.default:g}" if isinstance(parameter.default, float) else parameter.default)
    told = "none" if parameter.type == "asset" else default
    return _cell(f"`{parameter.name}`{span}{unit}{choices}{kind} ({told}): {parameter.help}")


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def main() -> int:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote the table in {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
