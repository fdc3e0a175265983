from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.table import scan
from moviola.media.table.scan import NEVER_CLOSED, TOO_LONG, Run, Scanner

ANY_COUNT, ANY_SIZE = 10**9, 4 * 1024**2


@pytest.fixture(autouse=True)
def _small_csv_limit() -> None:
    csv.field_size_limit(16 * 1024**2)


def runs(data: bytes, max_count: int = ANY_COUNT, max_size: int = ANY_SIZE) -> Iterator[Run]:
    scanner = Scanner(io.BytesIO(data))
    while run := scanner.take(max_count, max_size):
        yield run


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def pieces(data: bytes, max_count: int = 1) -> list[bytes]:
    return [run.data for run in runs(data, max_count)]


# Few characters, so that quotes, commas and line ends meet in all ways.
CELLS = st.text(st.sampled_from('ab,"\n\r é'), max_size=8)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=12)


def written(table: list[list[str]], line_end: str, final: bool, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=line_end, quoting=quoting).writerows(table)  # type: ignore[arg-type]
    return out.getvalue().removesuffix("" if final else line_end).encode()


@given(
    TABLES,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(1, 60),
)
def test_records_are_those_of_csv(
    table: list[list[str]], line_end: str, final: bool, quoting: int, count: int, block: int, size: int
) -> None:
    data = written(table, line_end, final, quoting)
    expected = rows(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "BLOCK_SIZE", block)
        taken = list(runs(data, count, size))
    assert b"".join(run.data for run in taken) == data
    assert not any(run.broken for run in taken)
    at = line = 0
    for run in taken:
        assert rows(run.data) == expected[at : at + run.count]
        assert run.line == line + 1
        assert run.count <= count
        assert run.count == 1 or len(run.data) <= size
        line += sum(1 for _ in io.StringIO(run.data.decode(), newline=""))
        at += run.count
    assert at == len(expected)


@given(st.binary(max_size=60) | st.text(st.sampled_from('a,"\n\r'), max_size=30).map(str.encode), st.integers(1, 9))
def test_garbage_is_taken_whole_whatever_the_blocks(data: bytes, block: int) -> None:
    once = list(runs(data, 3, 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "BLOCK_SIZE", block)
        assert list(runs(data, 3, 20)) == once


@given(st.text(st.sampled_from('a,"\n\r'), max_size=30))
def test_whatever_csv_calls_strict_is_the_same_here(text: str) -> None:
    try:
        expected = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return
    assert [rows(piece)[0] for piece in pieces(text.encode())] == expected


def test_a_cut_never_splits_a_quoted_newline() -> None:
    data = b'1,"a\nb"\n2,"c ""d""\r\n\r\ne"\n3,f'
    assert pieces(data) == [b'1,"a\nb"\n', b'2,"c ""d""\r\n\r\ne"\n', b"3,f"]


def test_quotes_within_a_bare_field_mean_nothing() -> None:
    assert pieces(b'1,5\'10" tall\n2,a "b" c\n') == [b"1,5'10\" tall\n", b'2,a "b" c\n']


def test_blank_lines_are_records_of_their_own() -> None:
    assert pieces(b"a,b\n\n\r\nc,d\n\n") == [b"a,b\n", b"\n", b"\r\n", b"c,d\n", b"\n"]


@pytest.mark.parametrize(
    ("data", "broken", "kept"),
    [
        (b'1,"open\n2,b\n3,c\n', [(0, 1, NEVER_CLOSED)], b"2,b\n3,c\n"),
        (b'1,a\n2,"open\n3,"c"\n4,d\n', [(1, 2, NEVER_CLOSED)], b'1,a\n3,"c"\n4,d\n'),
        (b'1,a\n2,"cut o', [(1, 2, NEVER_CLOSED)], b"1,a\n"),
        (b'1,"a""\n2,b\n', [(0, 1, NEVER_CLOSED)], b"2,b\n"),
        (b'1,"a\r2,b\r', [(0, 1, NEVER_CLOSED)], b"2,b\r"),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 1024])
def test_a_quote_that_is_never_closed_costs_its_line_alone(
    data: bytes, broken: list[tuple[int, int, str]], kept: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "BLOCK_SIZE", block)
    (run,) = runs(data)
    assert run.broken == broken
    assert run.data == kept
    assert run.count == kept.count(b"\n") + kept.count(b"\r") + 1


def test_an_open_quote_is_given_up_after_so_many_lines_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for max_lines, max_size in ((20, 10**6), (10**6, 60)):
        monkeypatch.setattr(scan, "MAX_RECORD_LINES", max_lines)
        monkeypatch.setattr(scan, "MAX_RECORD_SIZE", max_size)
        data = b'1,"open\n' + b"2,b\n" * 30 + b'3,"c"\n'
        (run,) = runs(data)
        assert run.broken == [(0, 1, NEVER_CLOSED)]
        assert run.data == data.partition(b"\n")[2]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block", [1, 7, 50, 1024])
def test_a_line_without_end_is_passed_over(line_end: bytes, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_RECORD_SIZE", 40)
    monkeypatch.setattr(scan, "BLOCK_SIZE", block)
    data = line_end.join([b"1,a", b"x" * 200, b"3,c", b'4,"' + b"y" * 90 + b'"', b"5,d", b"z" * 120])
    taken = list(runs(data, max_size=40))
    assert b"".join(run.data for run in taken) == line_end.join([b"1,a", b"3,c", b"5,d", b""])
    assert [(line, why) for run in taken for _, line, why in run.broken] == [
        (2, TOO_LONG),
        (4, TOO_LONG),
        (6, TOO_LONG),
    ]


def test_memory_stays_bounded_however_long_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_RECORD_SIZE", 1000)
    monkeypatch.setattr(scan, "BLOCK_SIZE", 100)
    scanner = Scanner(io.BytesIO(b'"' + b"x" * 100_000 + b"\n1,a\n"))
    run = scanner.take(1, 1000)
    assert run is not None
    assert len(scanner._data) <= 1200


def test_a_prefix_is_left_out_once() -> None:
    seen: list[bytes] = []
    scanner = Scanner(io.BytesIO(b"\xef\xbb\xbfid\n1\n"), seen.append)
    assert scanner.skip(b"\xef\xbb\xbf")
    assert not scanner.skip(b"\xef\xbb\xbf")
    run = scanner.take(1, 100)
    assert run is not None
    assert run.data == b"id\n"
    assert b"".join(seen) == b"\xef\xbb\xbfid\n1\n"
