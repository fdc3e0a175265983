"""The first records of tables, read from the beginning of a result."""

from __future__ import annotations

import csv
import io
import json

from moviola.report.samples import MAX_CELL, MAX_COLUMNS, MAX_READ, ROWS, samples_of


class Beginning(io.BytesIO):
    """A file whose pieces can be asked for, as a RemoteFile's can."""

    def pieces(self, most: int) -> list[bytes]:
        return [self.getvalue()[:most]]


def result(**tables: list[dict[str, str]]) -> bytes:
    lists = (f'"{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for name, rows in tables.items())
    return ("{\n" + ",\n".join(lists) + "\n}\n").encode()


def test_each_table_shows_its_first_records() -> None:
    movies = [{"id": str(number), "title": f"film {number}"} for number in range(20)]
    first, second = samples_of(Beginning(result(movies=movies, ratings=[{"rating": "5"}])), "x.json")  # type: ignore[arg-type]
    assert (first.name, first.columns, len(first.rows)) == ("movies", ["id", "title"], ROWS)
    assert first.rows[1] == ["1", "film 1"]
    assert (second.name, second.rows) == ("ratings", [["5"]])


def test_a_record_that_is_cut_off_is_left_out() -> None:
    whole = result(movies=[{"id": "1"}, {"id": "2"}])
    cut = whole[: whole.index(b'"2"')]
    assert samples_of(Beginning(cut), "x.json")[0].rows == [["1"]]  # type: ignore[arg-type]


def test_what_is_nested_too_deeply_is_left_out() -> None:
    deep = b"[" * 100_000 + b": [\n{" + b'"a": ' + b"[" * 100_000 + b"\n" + b'{"a": 1}\n'
    (sample,) = samples_of(Beginning(deep), "x.json")  # type: ignore[arg-type]
    assert (sample.name, sample.rows) == ("", [["1"]])


def test_long_values_and_many_columns_are_shortened() -> None:
    row = {f"c{number}": "x" * 500 for number in range(40)}
    (sample,) = samples_of(Beginning(result(t=[row])), "x.json")  # type: ignore[arg-type]
    assert len(sample.columns) == len(sample.rows[0]) == MAX_COLUMNS
    assert {len(value) for value in sample.rows[0]} == {MAX_CELL}


def test_csv_has_one_table() -> None:
    (sample,) = samples_of(Beginning(b'id,title\r\n1,"a, b"\r\n'), "x.csv")  # type: ignore[arg-type]
    assert (sample.columns, sample.rows) == (["id", "title"], [["1", "a, b"]])


def test_a_csv_cell_may_have_all_that_is_read() -> None:
    limit = csv.field_size_limit(131_072)  # as it is where no table was read before
    try:
        (sample,) = samples_of(Beginning(b"id,cast\r\n1," + b"x" * MAX_READ), "x.csv")  # type: ignore[arg-type]
    finally:
        csv.field_size_limit(limit)
    assert [len(value) for value in sample.rows[0]] == [1, MAX_CELL]


def test_a_limit_of_csv_that_is_higher_stays() -> None:
    limit = csv.field_size_limit(2 * MAX_READ)
    try:
        samples_of(Beginning(b"id\r\n1\r\n"), "x.csv")  # type: ignore[arg-type]
        assert csv.field_size_limit() == 2 * MAX_READ
    finally:
        csv.field_size_limit(limit)


def test_records_with_separators_of_lines_in_their_texts_are_shown() -> None:
    data = '{\n"movies": [\n{"title": "a\u2028b"},\n{"title": "c\u0085d"}\n]\n}\n'.encode()
    assert samples_of(Beginning(data), "x.json")[0].rows == [["a b"], ["c d"]]  # type: ignore[arg-type]


def test_an_empty_result_has_none() -> None:
    assert samples_of(Beginning(b""), "x.csv") == []  # type: ignore[arg-type]
    assert samples_of(Beginning(b'{\n"movies": []\n}\n'), "x.json") == []  # type: ignore[arg-type]
