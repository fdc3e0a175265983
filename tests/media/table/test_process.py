from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.filters import registry
from moviola.filters.records import Record, RecordFilter
from moviola.filters.schema import ParameterError
from moviola.media.errors import BundleError, ProcessingFailed
from moviola.media.table import process as processing
from moviola.media.table.bundle import SEPARATOR, TableChunk, TableResult
from moviola.media.table.process import process
from moviola.media.table.report import BadRecord
from moviola.media.table.scan import NEVER_CLOSED
from moviola.media.table.schema import NO_KEY
from tests.media.table.tables import MOVIES, movie, output, taken, write

BOOKS: dict[str, Any] = {"tables": [{"kind": "", "file": "books.csv", "columns": ["title", "pages"]}]}
LINKS: dict[str, Any] = {"tables": [{"kind": "links", "file": "links.csv", "columns": ["movieId", "imdbId", "tmdbId"]}]}
ALL = output("where:column=pages:min=1")


def chunk(data: bytes, count: int, **given: object) -> TableChunk:
    return replace(TableChunk(0, 100, count, 7, 11, [], data), **given)  # type: ignore[arg-type]


def records(result: TableResult) -> list[dict[str, str]]:
    return [json.loads(part) for part in bytes(result.records).split(SEPARATOR) if part]


def made(
    given: TableChunk, source: dict[str, Any] = BOOKS, chain: str = "where:column=title:contains=o"
) -> TableResult:
    return TableResult.unpack(process(given.pack(), source, output(chain)).payload)


def test_kept_records_are_json_with_their_columns_as_text() -> None:
    result = made(chunk('one,"9""0\n"\nTWO,5\nSeñor,\r\n'.encode(), 3))
    assert records(result) == [{"title": "one", "pages": '9"0\n'}, {"title": "Señor", "pages": ""}]
    sizes = struct.unpack("<2I", result.sizes)
    assert sum(sizes) == len(result.records)
    assert result.records[sizes[0] :].tobytes().startswith(b'{"title": "Se')  # type: ignore[union-attr]
    assert (result.report.frames_in, result.report.frames_out) == (3, 2)


def test_what_is_wrong_is_told_with_record_and_line() -> None:
    data = b'one,"9\n0"\n\nfoo\nfour,5,6\no\xffne,1\n'
    given = chunk(data, 7, broken=[[1, 13, NEVER_CLOSED], [6, 18, NEVER_CLOSED]])
    report = made(given).report
    assert report.malformed == [
        BadRecord(8, 13, NEVER_CLOSED),
        BadRecord(9, 14, "a blank line"),
        BadRecord(10, 15, "1 columns instead of 2"),
        BadRecord(11, 16, "3 columns instead of 2"),
        BadRecord(13, 18, NEVER_CLOSED),
    ]
    assert report.malformed_count == 5
    assert report.mended == [BadRecord(12, 17, "1 byte is not UTF-8: it becomes U+FFFD")]
    assert not report.lost
    assert not report.fallback


def test_a_malformed_record_whose_bytes_are_no_text_is_told() -> None:
    report = made(chunk("changé,2,3\n".encode("latin-1"), 1), LINKS, "where:column=movieId:max=2").report
    why = 'movieId is "chang\ufffd", not a whole number: its columns are shifted'
    assert report.malformed == [BadRecord(7, 11, why)]


def test_lists_of_troubles_are_bounded() -> None:
    report = made(chunk(b"\n" * 5000, 5000)).report
    assert (len(report.malformed), report.malformed_count) == (1000, 5000)


def test_links_tell_both_numbers_whether_they_are_kept_or_not() -> None:
    result = made(chunk(b"1,0114709,862\n2,0113497,\n3,0113228,15602.0\n", 3), LINKS, "where:column=movieId:max=2")
    assert struct.unpack("<2q", result.keys) == (862, NO_KEY)
    assert struct.unpack("<6q", result.pairs) == (862, 1, NO_KEY, 2, 15602, 3)


def test_a_sign_of_life_comes_after_every_few_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "BATCH", 2)
    done: list[int] = []
    process(chunk(b"a,1\nb,2\n\nc,3\n\n", 5).pack(), BOOKS, ALL, on_frame=done.append)
    assert done == [2, 4, 5]


@pytest.mark.parametrize("data", [b"a,1\n", b"a,1\nb,2\nc,3\n"])
def test_a_chunk_that_is_not_what_it_says_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError):
        process(chunk(data, 2).pack(), BOOKS, ALL)


@given(st.binary(max_size=100))
def test_garbage_is_refused(payload: bytes) -> None:
    with pytest.raises(BundleError):
        process(payload, BOOKS, ALL)
    with pytest.raises(BundleError):
        TableResult.unpack(payload)


def test_what_does_not_suit_is_refused() -> None:
    payload = chunk(b"a,1\n", 1).pack()
    with pytest.raises(ParameterError, match="works on movies"):
        process(payload, BOOKS, output("post_2000"))
    with pytest.raises(ValueError, match="mode"):
        process(payload, BOOKS, ALL, mode="twice")
    with pytest.raises(BundleError, match="table 5"):
        process(chunk(b"a,1\n", 1, table=5).pack(), BOOKS, ALL)


@dataclass(frozen=True)
class Picky(RecordFilter):
    name: ClassVar[str] = "picky"
    summary: ClassVar[str] = "raises on some titles"

    def keeps(self, record: Record) -> bool:
        if record["title"].startswith("bad"):
            raise KeyError(record["title"])
        return record["title"] != "no"


@pytest.fixture
def _picky(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_loaded", {"picky": Picky})


TITLES = b"yes,1\nbad one,2\nno,3\nbad two,4\n"


@pytest.mark.usefixtures("_picky")
@pytest.mark.parametrize(
    ("on_error", "titles", "fallback", "lost"),
    [
        ("original", ["yes", "bad one", "bad two"], [101, 103], []),
        *((each, ["yes"], [], [101, 103]) for each in ("drop", "black")),
    ],
)
def test_a_record_whose_filter_fails_goes_by_the_policy(
    on_error: str, titles: list[str], fallback: list[int], lost: list[int]
) -> None:
    wanted = output("picky", on_error)
    made = process(chunk(TITLES, 4).pack(), BOOKS, wanted)
    result = TableResult.unpack(made.payload)
    assert [record["title"] for record in records(result)] == titles
    assert [entry[0] for entry in result.report.fallback] == fallback
    assert [entry[0] for entry in result.report.lost] == lost
    assert [(frame, name) for frame, name, _ in result.report.failures] == [(101, "picky"), (103, "picky")]
    assert (made.frames_in, made.frames_out) == (4, len(titles))
    assert (made.fallback_frames, made.lost_frames) == (len(fallback), len(lost))


@pytest.mark.usefixtures("_picky")
def test_a_job_that_is_to_fail_fails_with_the_record() -> None:
    with pytest.raises(ProcessingFailed, match="'picky' failed on frame 101: KeyError: 'bad one'"):
        process(chunk(TITLES, 4).pack(), BOOKS, output("picky", "fail"))


def test_two_workers_agree_in_content_and_differ_where_the_result_does() -> None:
    def content(data: bytes, count: int = 1) -> int:
        return process(chunk(data, count).pack(), BOOKS, ALL).content

    assert content(b"a,1\n") == content(b"a,1\n") > 0
    assert content(b"a,1\n") != content(b"b,1\n")


def test_a_whole_file_is_the_sum_of_its_chunks(tmp_path: Path) -> None:
    rows = [movie(id=number, title=f"{number}", release_date="2001-01-01") for number in range(25)]
    source, chunks = taken([write(tmp_path / "movies.csv", MOVIES, rows)], 7)
    results = [
        TableResult.unpack(process(each.payload, source.process, output("post_2000")).payload) for each in chunks
    ]
    assert [record["id"] for result in results for record in records(result)] == [str(number) for number in range(25)]
