from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.errors import BundleError, SpliceError
from moviola.media.table.process import process
from moviola.media.table.splice import splice
from tests.media.table import oracle
from tests.media.table.tables import (
    MOVIES,
    Folder,
    countries,
    dataset,
    movie,
    output,
    run,
    taken,
    write,
)

FILTERS = {"post_2000": oracle.post_2000, "argentina_spain": oracle.argentina_spain}


@pytest.mark.parametrize("chain", FILTERS)
@pytest.mark.parametrize("chunk_records", [None, 1, 7, 1000])
@pytest.mark.parametrize("links", [True, False])
def test_results_are_those_of_a_short_script(
    tmp_path: Path, chain: str, chunk_records: int | None, links: bool
) -> None:
    paths = dataset(tmp_path, links=links)
    expected = oracle.expected(paths, FILTERS[chain])
    assert all(expected.values())
    path, spliced = run(paths, output(chain), tmp_path, chunk_records)
    assert path.name == f"{chain}_results.json"
    assert json.loads(path.read_bytes()) == expected
    assert spliced.account.frames_out == sum(map(len, expected.values()))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_chain_keeps_what_all_its_filters_keep(tmp_path: Path, line_end: str) -> None:
    paths = dataset(tmp_path, line_end=line_end)

    def keeps(found: oracle.Row) -> bool:
        return oracle.post_2000(found) and found["runtime"] != "" and 90 <= float(found["runtime"]) <= 100

    path, _ = run(paths, output("post_2000,where:column=runtime:min=90:max=100"), tmp_path)
    assert json.loads(path.read_bytes()) == oracle.expected(paths, keeps)


def test_neither_the_order_of_files_nor_the_chunks_change_a_byte(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    path, first = run(paths, output("post_2000"), tmp_path)
    assert first.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert first.details["size"] == path.stat().st_size
    shuffle = random.Random(3).shuffle
    for chunk_records in (1, 7, None):
        shuffle(paths)
        assert run(paths, output("post_2000"), tmp_path, chunk_records)[1].digest == first.digest


def test_tables_without_a_kept_record_are_empty_lists(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    path, _ = run(paths, output("where:column=title:equals=nothing"), tmp_path)
    assert json.loads(path.read_bytes()) == {"movies": [], "links": [], "credits": [], "keywords": [], "ratings": []}


def test_tables_without_records_are_empty_lists(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a.csv", MOVIES, []),
        write(tmp_path / "b.csv", ["userId", "movieId", "rating", "timestamp"], []),
    ]
    path, spliced = run(paths, output("post_2000"), tmp_path)
    assert json.loads(path.read_bytes()) == {"movies": [], "ratings": []}
    assert spliced.account.frames_in == spliced.account.lost_frames == 0


def test_twins_are_both_kept_and_told(tmp_path: Path) -> None:
    rows = [movie(id=5, title=title, release_date="2002-02-02") for title in ("one", "two")]
    paths = [write(tmp_path / "movies.csv", MOVIES, rows)]
    paths.append(write(tmp_path / "credits.csv", ["cast", "crew", "id"], [["[]", "[]", "5"]]))
    path, spliced = run(paths, output("post_2000"), tmp_path)
    result = json.loads(path.read_bytes())
    assert [found["title"] for found in result["movies"]] == ["one", "two"]
    assert len(result["credits"]) == 1
    assert any("same id" in sentence for sentence in spliced.warnings)


def test_malformed_records_are_counted_listed_and_no_loss(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    _, spliced = run(paths, output("post_2000"), tmp_path, 10)
    told = {(entry["file"], entry["why"]) for entry in spliced.troubles["malformed"]}
    assert told == {
        ("movies_metadata.csv", "10 columns instead of 24"),
        ("movies_metadata.csv", "15 columns instead of 24"),
        ("movies_metadata.csv", "a blank line"),
        ("movies_metadata.csv", 'id is "tt0113002", not a whole number: its columns are shifted'),
        ("movies_metadata.csv", "22 columns instead of 24"),
        ("keywords.csv", "1 columns instead of 2"),
        ("ratings.csv", "3 columns instead of 4"),
        ("ratings.csv", 'movieId is "2.5", not a whole number: its columns are shifted'),
    }
    assert spliced.troubles["malformed_count"] == 8
    assert spliced.account.lost_frames == spliced.account.fallback_frames == 0
    (first,) = [entry for entry in spliced.troubles["malformed"] if entry["why"] == "10 columns instead of 24"]
    assert first["record"] == 121
    lines = paths[0].read_bytes().splitlines()
    assert lines[first["line"] - 1].startswith(b"False,,0,[],,82663")
    assert f"line {first['line']}" in " ".join(spliced.warnings)
    counts = {facts["table"]: facts for facts in spliced.details["tables"]}
    assert counts["movies"]["malformed"] == 5
    assert counts["movies"]["records_in"] == 126
    assert counts["ratings"]["records_in"] == 722


def test_bytes_that_are_no_text_are_kept_as_such_and_told(tmp_path: Path) -> None:
    row = ",".join(movie(id=5, title="Amélie", release_date="2001-04-25"))
    path = tmp_path / "movies.csv"
    path.write_bytes((",".join(MOVIES) + "\n").encode() + row.encode("latin-1") + b"\n" + row.encode() + b"\n")
    result, spliced = run([path], output("post_2000"), tmp_path)
    assert [found["title"] for found in json.loads(result.read_bytes())["movies"]] == [
        "Am\N{REPLACEMENT CHARACTER}lie",
        "Amélie",
    ]
    assert spliced.troubles["mended"] == [
        {"file": "movies.csv", "record": 1, "line": 2, "why": "1 byte is not UTF-8: it becomes U+FFFD"}
    ]


def test_other_schemas_are_listed_under_their_file_name(tmp_path: Path) -> None:
    books = write(tmp_path / "books.csv", ["title", "pages"], [["one", "90"], ["two", "120"], ["three", ""], ["four"]])
    movies = write(tmp_path / "movies.csv", MOVIES, [movie(id=5, title="two"), movie(id=6, title="six")])
    path, _ = run([movies, books], output("where:column=pages:min=100"), tmp_path)
    result = json.loads(path.read_bytes())
    assert result["books.csv"] == [{"title": "two", "pages": "120"}]
    assert [found["id"] for found in result["movies"]] == ["5", "6"]
    path, _ = run([books, movies], output("where:column=title:equals=two"), tmp_path)
    result = json.loads(path.read_bytes())
    assert list(result) == ["movies", "books.csv"]
    assert [len(found) for found in result.values()] == [1, 1]


def test_ratings_alone_follow_nothing(tmp_path: Path) -> None:
    paths = [path for path in dataset(tmp_path) if path.name in ("ratings.csv", "links.csv")]
    path, _ = run(paths, output("where:column=rating:min=4"), tmp_path)
    result = json.loads(path.read_bytes())
    whole = [rating for rating in oracle.read(paths[0]) if rating["userId"].isdigit()]
    assert result["ratings"] == [rating for rating in whole if float(rating["rating"]) >= 4]
    assert len(result["links"]) == len(oracle.read(paths[1]))


def test_a_filter_of_links_does_not_unlink_ratings(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    expected = oracle.expected(paths, lambda _movie: True)
    path, _ = run(paths, output("where:column=imdbId:equals=nothing"), tmp_path)
    assert json.loads(path.read_bytes()) == expected | {"links": []}


@pytest.mark.parametrize(
    ("mode", "kept", "troubles"),
    [("bypass", ["5", "6"], (2, 0)), ("drop", [], (0, 2)), ("filter", ["6"], (0, 0))],
)
def test_a_chunk_that_failed_passes_or_is_lost(
    tmp_path: Path, mode: str, kept: list[str], troubles: tuple[int, int]
) -> None:
    rows = [movie(id=5), movie(id=6, release_date="2006-06-06")]
    paths = [write(tmp_path / "movies.csv", MOVIES, rows)]
    paths.append(write(tmp_path / "credits.csv", ["cast", "crew", "id"], [["[]", "[]", "5"], ["[]", "[]", "6"]]))
    path, spliced = run(paths, output("post_2000"), tmp_path, mode=lambda index: mode if index == 0 else "filter")
    result = json.loads(path.read_bytes())
    assert [found["id"] for found in result["movies"]] == [found["id"] for found in result["credits"]] == kept
    assert (spliced.account.fallback_frames, spliced.account.lost_frames) == troubles


def test_chunks_that_never_came_are_lost(tmp_path: Path) -> None:
    paths = [write(tmp_path / "movies.csv", MOVIES, [movie(id=number) for number in range(1, 10)])]
    source, chunks = taken(paths, 3)
    wanted = output("where:column=id:min=1")
    payloads = [process(chunk.payload, source.process, wanted).payload for chunk in chunks]
    spliced = splice(Folder(tmp_path), source, wanted, [payloads[0], b"", payloads[2]], {})
    assert (spliced.account.frames_in, spliced.account.frames_out, spliced.account.lost_frames) == (9, 6, 3)


def _cut(payloads: list[bytes]) -> list[bytes]:
    return [payloads[0][:-1], *payloads[1:]]


@pytest.mark.parametrize(
    ("broken", "kind"), [(_cut, BundleError), (lambda payloads: payloads[::-1], SpliceError)], ids=["cut", "reversed"]
)
def test_broken_results_are_refused(
    tmp_path: Path, broken: Callable[[list[bytes]], list[bytes]], kind: type[Exception]
) -> None:
    source, chunks = taken(dataset(tmp_path), 100)
    payloads = [process(chunk.payload, source.process, output("post_2000")).payload for chunk in chunks]
    with pytest.raises(kind):
        splice(Folder(tmp_path), source, output("post_2000"), broken(payloads), {})


def test_a_country_list_is_read_by_code_and_by_name(tmp_path: Path) -> None:
    lists = [
        countries(["AR", "ES"]), countries(["AR"]), countries(["US", "ES"]), countries(["US"]), "", "[]",
        '[{"iso_3166_1": "AR", "name": null}, {"iso_3166_1": "ES"}]',
        "[{'name': 'Argentina'}, {'name': 'Spain'}]",
        "[{'iso_3166_1': 'AR', 'name': 'Argentina'", "__import__('os')", "5",
    ]  # fmt: skip
    rows = [movie(id=number, production_countries=text) for number, text in enumerate(lists)]
    paths = [write(tmp_path / "movies.csv", MOVIES, rows)]

    def kept(chain: str) -> list[int]:
        path, _ = run(paths, output(chain), tmp_path)
        return [int(found["id"]) for found in json.loads(path.read_bytes())["movies"]]

    assert kept("argentina_spain") == [0, 6, 7]
    assert kept("argentina_spain:mode=any") == [0, 1, 2, 6, 7]


CELLS = st.text(st.characters(codec="utf-8"), max_size=6) | st.text(st.sampled_from('ab,"\n\r'), max_size=6)


@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=12), st.integers(1, 5), st.sampled_from(["\n", "\r\n"])
)
def test_any_records_come_out_as_csv_reads_them(rows: list[list[str]], chunk_records: int, line_end: str) -> None:
    with TemporaryDirectory() as name:
        path = write(Path(name) / "any.csv", ["a", "b"], rows, line_end)
        with path.open(encoding="utf-8", newline="") as file:
            _, *read = csv.reader(file)
        whole = [row for row in read if len(row) == 2]
        result, spliced = run([path], output("where:column=a:contains=a"), Path(name), chunk_records)
        listed = json.loads(result.read_bytes())["any.csv"]
    assert listed == [{"a": a, "b": b} for a, b in whole if "a" in a]
    assert spliced.troubles["malformed_count"] == len(read) - len(whole)
