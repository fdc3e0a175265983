"""Which filters of a chain work on which tables of a job, and what goes together at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moviola.filters import registry
from moviola.filters.records import RecordFilter
from moviola.filters.schema import ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.material import Output, Source, header
from moviola.media.table.naming import CSV
from moviola.media.table.schema import KINDS, Table, TableProcess, only_table


def check(source: Source, outputs: Iterable[Output]) -> None:
    """Raise UnreadableSource, with what is wrong, if an output's chain does not suit the tables of `source`.

    A chain with filters that only workers have is checked by them.
    """
    tables = header(TableProcess, source.process).tables
    known = registry.names()
    for output in outputs:
        if output.encoder.container == CSV:
            try:
                only_table(tables)
            except ValueError as error:
                raise UnreadableSource(source.name, str(error), "name the result .json, which holds all") from error
        if all(step.name in known for step in output.chain):
            try:
                record_filters(output, tables)
            except ParameterError as error:
                raise UnreadableSource(
                    source.name, str(error), "ask for another filter, or send other tables"
                ) from error


def record_filters(output: Output, tables: Sequence[Table]) -> list[list[RecordFilter]]:
    """Return for each table the output's filters that its records must pass.

    A filter works on the tables that it is made for, or that have its columns. There must be one for each filter. A
    table of an unknown schema goes only with filters that are made for no table in particular.

    Raise ParameterError with a sentence for the person who asked.
    """
    chosen: list[list[RecordFilter]] = [[] for _ in tables]
    for each in registry.make_chain(output.chain):
        if not isinstance(each, RecordFilter):
            raise ParameterError(f"{each.name} works on pictures, but {_listed(tables)} are tables")
        suiting = [place for place, table in enumerate(tables) if each.works_on(table.kind, table.columns)]
        if not suiting:
            raise ParameterError(_why_none(each, tables))
        if each.tables:
            _check_known(each, tables)
        for place in suiting:
            chosen[place].append(each)
    return chosen


def _check_known(each: RecordFilter, tables: Iterable[Table]) -> None:
    for table in tables:
        if not table.kind:
            raise ParameterError(
                f"{each.name} works on the tables known here ({', '.join(KINDS)}), and {table.file} is not one of "
                f"them: its columns are {_shown(table.columns)}; with the filter where alone, it can be sent too"
            )


def _why_none(each: RecordFilter, tables: Sequence[Table]) -> str:
    candidates = [table for table in tables if not each.tables or table.kind in each.tables]
    if not candidates:
        unknown = next((table for table in tables if not table.kind), None)
        told = f": the columns of {unknown.file} are {_shown(unknown.columns)}" if unknown else ""
        return f"{each.name} works on {' and '.join(each.tables)}, and there are none in {_listed(tables)}{told}"
    missing = [column for column in each.columns if all(column not in table.columns for table in candidates)]
    columns = dict.fromkeys(column for table in candidates for column in table.columns)
    wanted = f'no column "{missing[0]}"' if missing else f"no table with all of {', '.join(each.columns)}"
    return f"{each.name}: there is {wanted} in {_listed(candidates)}, only {_shown(list(columns))}"


def _listed(tables: Sequence[Table]) -> str:
    return ", ".join(table.file for table in tables)


def _shown(columns: Sequence[str]) -> str:
    """Return the first columns in words, as many as a person reads."""
    return ", ".join(columns[:30]) + (", …" if len(columns) > 30 else "")
