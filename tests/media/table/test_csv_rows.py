"""Results of tables as CSV: the same records as in JSON, and refused where they are more than one table."""

from __future__ import annotations

import csv
import io
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moviola.filters.chain import parse_chain
from moviola.media.errors import UnreadableSource
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.table.bundle import SEPARATOR, TableResult, u32s
from moviola.media.table.csv_rows import CsvRows
from moviola.media.table.naming import CSV
from moviola.media.table.report import TableReport
from moviola.media.table.schema import Table

HEAD = "id,release_date,title\n"
TEXT = HEAD + '1,1999-01-01,old\n2,2005-01-01,"a, ""b""\nc"\n3,2006-02-03,žluť\n4,,\n'


def made(folder: Path, files: dict[str, str], container: str, chunk_records: int | None = None) -> tuple[Path, str]:
    """The result, and its digest as the metrics tell it."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    material = Material("table", "tables", tuple((name, folder / name) for name in files))
    output = Output("post", tuple(parse_chain("post_2000")), Encoder(container=container))
    (one,) = run_local(
        material, [output], Cutting(chunk_records=chunk_records), lambda name: folder / (container or "json") / name
    )
    return one.path, one.metrics.digest


@pytest.mark.parametrize("chunk_records", [None, 1])
def test_it_has_the_records_of_the_json(tmp_path: Path, chunk_records: int | None) -> None:
    as_json, _ = made(tmp_path, {"movies.csv": TEXT}, "")
    as_csv, digest = made(tmp_path, {"movies.csv": TEXT}, CSV, chunk_records)
    assert (as_json.name, as_csv.name) == ("post_results.json", "post_results.csv")
    with as_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == json.loads(as_json.read_text())["movies"]
    assert [row["title"] for row in rows] == ['a, "b"\nc', "žluť"]
    assert digest == sha256(as_csv.read_bytes()).hexdigest()


def test_several_files_of_one_table_are_one(tmp_path: Path) -> None:
    as_csv, _ = made(tmp_path, {"a.csv": HEAD + "1,2001-01-01,a\n", "b.csv": HEAD + "2,2002-01-01,b\n"}, CSV)
    assert as_csv.read_text() == HEAD + "1,2001-01-01,a\n2,2002-01-01,b\n"


def test_more_than_one_table_is_refused(tmp_path: Path) -> None:
    ratings = "userId,movieId,rating\n1,1,5\n"
    with pytest.raises(UnreadableSource, match=r"and there are 2: movies, ratings; name the result .json"):
        made(tmp_path, {"movies.csv": TEXT, "ratings.csv": ratings}, CSV)
    other = "title,id,release_date\na,1,2001-01-01\n"
    with pytest.raises(UnreadableSource, match="the files of movies have different columns"):
        made(tmp_path, {"a.csv": TEXT, "b.csv": other}, CSV)
    assert not (tmp_path / CSV).exists()


def test_a_cr_within_a_cell_or_a_name_ends_no_record(tmp_path: Path) -> None:
    """Python's writer quotes the line ends that it was told to write, and no others."""
    text = '"na\rme",id,release_date\n"a\rb",1,2001-01-01\n"c\r\nd",2,2002-01-01\n'
    as_csv, _ = made(tmp_path, {"movies.csv": text}, CSV)
    assert as_csv.read_bytes() == text.encode()


CELLS = st.text(st.one_of(st.sampled_from('",\r\n \t;'), st.characters(exclude_categories=["Cs"])), max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda count: st.tuples(
        st.lists(CELLS, min_size=count, max_size=count, unique=True),
        st.lists(st.lists(CELLS, min_size=count, max_size=count), max_size=4),
    )
)


@settings(max_examples=100)
@given(TABLES)
def test_each_record_reads_back_as_it_was(table: tuple[list[str], list[list[str]]]) -> None:
    columns, rows = table
    records = [json.dumps(dict(zip(columns, row, strict=True))).encode() + SEPARATOR for row in rows]
    result = TableResult(0, TableReport(0, 0), u32s([len(each) for each in records]), b"", b"", b"".join(records))
    file = io.BytesIO()
    written = CsvRows(file, Table("", "a.csv", tuple(columns)))
    assert written.add("a", result, np.ones(len(rows), np.bool_)) == len(rows)
    text = file.getvalue().decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [columns, *rows]
    if "\r" not in text:
        expected = io.StringIO(newline="")
        csv.writer(expected, lineterminator="\n").writerows([columns, *rows])
        assert text == expected.getvalue()
