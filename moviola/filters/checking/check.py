"""Try filters against the contract: `python -m moviola.filters.checking.check my_filters.py`.

Without a file, all that are built in are tried.

Exit status: 0 when all promises are kept, 1 when one is not, 2 when there is nothing to try.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from moviola.filters import registry
from moviola.filters.assets import AssetError, travelled, value_of
from moviola.filters.base import schema_of
from moviola.filters.chain import Step, Value
from moviola.filters.checking.contract import CHECKS
from moviola.filters.schema import ParameterError

KEPT, BROKEN, NOTHING = 0, 1, 2


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Check filters, print a table of kept and broken promises, and return the exit status.

    Args:
        arguments: of the command line; those of this process if None.
        console: where to print; standard output if None.
    """
    console = console or Console(highlight=False)
    options = _options(arguments)
    try:
        names = _names(options.file, options.filter)
        given, files = _given(names, options.set or ())
        with travelled(files):
            failures = {name: _failures(name, given[name], console) for name in names}
    except (registry.PluginError, ParameterError, AssetError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return NOTHING
    console.print(_table(failures))
    for number, check in enumerate(CHECKS, 1):
        console.print(f"{number:2} [bold]{check.name}[/]: {check.promise}")
    broken = [(name, check, text) for name, texts in failures.items() for check, text in texts.items() if text]
    for name, check_name, text in broken:
        console.print(f"\n[red]✗ {name}, {check_name}[/]: {escape(text)}")
    return BROKEN if broken else KEPT


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary = "Tries filters against the contract in docs/FILTERS.md."
    parser = argparse.ArgumentParser(prog="python -m moviola.filters.checking.check", description=summary)
    parser.add_argument("file", nargs="?", type=Path, help="a Python file with filters; without: the built-in ones")
    parser.add_argument("--filter", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--all", action="store_true", help="the built-in ones too, with a file")
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="of a parameter, in all that is tried; may be repeated"
    )
    options = parser.parse_args(arguments)
    if options.all and options.file is not None:
        options.filter = [*(options.filter or []), *registry.BUILT_IN]
    return options


def _names(file: Path | None, wanted: Sequence[str] | None) -> list[str]:
    """Return the names of the filters to try. Raise PluginError for a file that cannot be loaded, ParameterError for a
    name that no filter has."""
    found = registry.BUILT_IN if file is None else registry.load_plugin(file)
    for name in wanted or ():
        registry.filter_class(name)
    return sorted(wanted or found)


def _given(names: Sequence[str], told: Sequence[str]) -> tuple[dict[str, dict[str, Value]], dict[str, bytes]]:
    """Return the values that `--set` gives, by filter and parameter, and the content of the files among them. Raise
    ParameterError if no filter has such a parameter, or one refuses the value; AssetError if a filter cannot read
    a file."""
    given: dict[str, dict[str, Value]] = {name: {} for name in names}
    files: dict[str, bytes] = {}
    for text in told:
        name, equals, value = text.partition("=")
        takers = [each for each in names if name in _types(each)]
        if not equals or not takers:
            raise ParameterError(f"--set {text}: give a parameter of {', '.join(names)}, as NAME=VALUE")
        for each in takers:
            given[each][name] = _sent(f"--set {text}", value, files) if _types(each)[name] == "asset" else value
    with travelled(files):
        for each in names:
            if given[each]:
                registry.make(Step(each, given[each]))
    return given, files


def _types(name: str) -> dict[str, str]:
    return {each.name: each.type for each in schema_of(registry.filter_class(name)).parameters}


def _sent(told: str, path: str, files: dict[str, bytes]) -> str:
    """Read a file into `files`, and return the value that stands for it. Raise ParameterError if it cannot be read."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ParameterError(f"{told}: the file cannot be read: {error.strerror}") from error
    value = value_of(content)
    files[value] = content
    return value


def _failures(name: str, given: dict[str, Value], console: Console) -> dict[str, str | None]:
    """Return for each check what is wrong with a filter: a sentence, empty if the promise is kept, None if the check
    does not apply."""
    kind = registry.filter_class(name)
    with console.status(f"trying {name}"):
        return {check.name: (check.failure(kind, given) or "") if check.concerns(kind) else None for check in CHECKS}


def _table(failures: dict[str, dict[str, str | None]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("filter")
    for number, _ in enumerate(CHECKS, 1):
        table.add_column(str(number), justify="center")
    signs = {"": "[green]✓[/]", None: "[dim]–[/]"}
    for name, texts in failures.items():
        table.add_row(name, *(signs.get(text, "[red]✗[/]") for text in texts.values()))
    return table


if __name__ == "__main__":
    sys.exit(main())
