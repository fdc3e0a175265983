from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from moviola.media import kinds
from moviola.media.errors import UnreadableSource
from moviola.media.fidelity import Fate, sentences
from moviola.media.material import Cutting, Material, Source
from moviola.media.table import scan
from moviola.media.table import split as splitting
from moviola.media.table.bundle import TableChunk
from moviola.media.table.scan import Scanner
from moviola.media.table.split import read_header, split
from tests.media.table.tables import MOVIES, dataset, material, movie, output, taken, write


def test_tables_are_told_by_their_columns_and_carried_in_an_order_of_their_own(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    renamed = [path.rename(tmp_path / f"{letter}.csv") for letter, path in zip("vwxyz", paths, strict=True)]
    source, _ = taken(renamed[::-1])
    tables = [(facts["table"], facts["file"]) for facts in source.facts["tables"]]
    assert tables == [
        ("movies", "v.csv"), ("links", "z.csv"), ("credits", "w.csv"), ("keywords", "x.csv"), ("ratings", "y.csv"),
    ]  # fmt: skip
    assert Source.from_wire(source.to_wire()) == source


def test_columns_may_be_in_another_order_and_there_may_be_more(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["mood", "release_date", "id"], [["good", "2001-01-01", "1"]])
    source, _ = taken([path])
    assert [facts["table"] for facts in source.facts["tables"]] == ["movies"]


def test_the_number_of_records_is_known_before_anything_is_sent(tmp_path: Path) -> None:
    paths = dataset(tmp_path)
    source, chunks = taken(paths)
    assert source.facts["unit"] == "record"
    assert source.facts["frame_count"] == source.splice["frame_count"] == sum(chunk.frame_count for chunk in chunks)
    assert sum(facts["size"] for facts in source.facts["tables"]) == source.facts["size"]
    assert source.facts["size"] == sum(path.stat().st_size for path in paths)


@pytest.mark.parametrize("chunk_records", [1, 7, 10**6])
def test_chunks_have_as_many_records_as_asked_for(tmp_path: Path, chunk_records: int) -> None:
    source, chunks = taken(dataset(tmp_path), chunk_records)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    unpacked = [TableChunk.unpack(chunk.payload) for chunk in chunks]
    first = 0
    for chunk, after in zip(unpacked, [*unpacked[1:], None], strict=True):
        assert chunk.first == first
        first += chunk.count
        assert chunk.count == chunk_records or after is None or after.table == chunk.table + 1
        assert chunk.record == 1 if chunk is unpacked[0] or chunk.line == 2 else chunk.record > 1
    assert first == source.facts["frame_count"]


def test_an_automatic_cut_gives_work_to_many_and_depends_on_the_source_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = dataset(tmp_path, movies=2000)
    once = taken(paths)
    assert len(once[1]) > 8
    assert max(len(chunk.payload) for chunk in once[1]) < 80 * 1024
    monkeypatch.setattr(scan, "BLOCK_SIZE", 1000)
    random.Random(1).shuffle(paths)
    assert taken(paths) == once


def test_a_chunk_is_bounded_in_bytes_whatever_was_asked_for(tmp_path: Path) -> None:
    rows = [movie(id=number, overview="x" * 500_000) for number in range(20)]
    _, chunks = taken([write(tmp_path / "movies.csv", MOVIES, rows)], 1000)
    assert 1 < len(chunks) < 5
    assert max(len(chunk.payload) for chunk in chunks) <= splitting.MAX_CHUNK_SIZE + 1000
    names = write(tmp_path / "names.csv", [f"column {'x' * 100} {n}" for n in range(100)], [[""] * 100] * 2000)
    assert max(chunk.frame_count for chunk in taken([names], 10**6)[1]) < 400


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(b"\xef\xbb\xbfuserId,movieId,rating,timestamp\r\n1,2,3.0,4\r\n")
    source, (chunk,) = taken([path])
    assert source.process["tables"][0]["columns"] == ["userId", "movieId", "rating", "timestamp"]
    assert bytes(TableChunk.unpack(chunk.payload).data) == b"1,2,3.0,4\r\n"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        ("id,title\n".encode("utf-16"), "it is in UTF-16"),
        (b"\xff\x00\x01\n", "not text in UTF-8"),
        (b"\x00\x01\n", "not text"),
        (b'id,"title\n1,2\n', "its header line is broken: a quote is opened and never closed"),
        (b"id,title,id\n", 'more than one column "id"'),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "strange.csv"
    path.write_bytes(data)
    with pytest.raises(UnreadableSource, match=sentence) as caught:
        taken([path])
    assert "strange.csv" in str(caught.value)


class Compared(str):
    """A column that counts how often one is looked at."""

    __slots__ = ()
    looks = 0

    def __eq__(self, other: object) -> bool:
        Compared.looks += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Compared.looks += 1
        return str.__hash__(self)


def test_a_header_of_many_columns_is_read_in_a_time_in_step_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"c{index}" for index in range(1000)]
    path = tmp_path / "wide.csv"
    path.write_text(",".join(names) + "\n")
    monkeypatch.setattr(csv, "reader", lambda _: [list(map(Compared, names))])
    with path.open("rb") as file:
        assert read_header(path, Scanner(file)) == tuple(names)
    assert 1000 <= Compared.looks < 20_000


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="No such file"):
        taken([tmp_path / "nowhere.csv"])


def test_nothing_and_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableSource, match="it has 0 tables"):
        split(Material("table", "none", ()), Cutting())
    monkeypatch.setattr(splitting, "MAX_CHUNKS", 3)
    path = write(tmp_path / "a.csv", ["a"], [["1"]] * 4)
    with pytest.raises(UnreadableSource, match="1 records a chunk make 4 chunks, but the limit is 3"):
        taken([path], 1)
    monkeypatch.setattr(splitting, "MAX_HEADERS_SIZE", 10)
    with pytest.raises(UnreadableSource, match="header lines have 11 bytes"):
        taken([write(tmp_path / "b.csv", ["a" * 11], [])])


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ["a"], [["1"]] * 4)
    _, chunks = split(material([path]), Cutting(chunk_records=2))
    write(path, ["a"], [["1"]] * 5)
    with pytest.raises(UnreadableSource, match="changed while it was read"):
        list(chunks)


def test_what_may_surprise_is_told(tmp_path: Path) -> None:
    paths = {path.name: path for path in dataset(tmp_path)}

    def warnings(*names: str) -> str:
        return "; ".join(sentences(taken([paths[name] for name in names])[0].common_facts.findings))

    assert warnings("movies_metadata.csv", "ratings.csv", "links.csv", "credits.csv") == ""
    assert "movieId is taken for the movie's id" in warnings("movies_metadata.csv", "ratings.csv")
    assert (
        "the table of movies is not among the files: credits and ratings are filtered without regard to movies"
        in warnings("ratings.csv", "credits.csv")
    )
    paths["more.csv"] = write(tmp_path / "more.csv", ["userId", "movieId", "rating"], [])
    assert "ratings come from 2 files, listed one after the other: more.csv, ratings.csv" in warnings(
        "ratings.csv", "more.csv"
    )


@pytest.mark.parametrize(
    ("chain", "names", "sentence"),
    [
        ("post_2000", ["books.csv"], "works on movies, and there are none in books.csv: the columns of books"),
        ("post_2000", ["movies.csv", "books.csv"], "books.csv is not one of them: its columns are name, pages; with"),
        ("where:column=pages:min=1,post_2000", ["movies.csv", "books.csv"], "books.csv is not one of them"),
        ("where:column=page:min=1", ["books.csv"], 'no column "page" in books.csv, only name, pages'),
        ("where:column=pages", ["books.csv"], "needs a min, max, equals or contains"),
        ("where:min=1", ["books.csv"], "where needs a column"),
        ("argentina_spain", ["bare.csv"], 'no column "production_countries" in bare.csv, only id, release_date'),
        ("blur", ["movies.csv"], "blur works on pictures, but movies.csv are tables"),
        ("where:column=pages:min=1,where:column=id:min=1", ["movies.csv", "books.csv"], ""),
        ("where:column=vote_count:min=1", ["movies.csv", "books.csv"], ""),
        ("a_filter_of_some_worker", ["books.csv"], ""),
    ],
)  # fmt: skip
def test_chains_are_checked_against_the_tables(tmp_path: Path, chain: str, names: list[str], sentence: str) -> None:
    write(tmp_path / "books.csv", ["name", "pages"], [["one", "90"]])
    write(tmp_path / "bare.csv", ["id", "release_date"], [["1", "2001-01-01"]])
    write(tmp_path / "movies.csv", MOVIES, [movie(id=1)])
    source, _ = taken([tmp_path / name for name in names])
    if not sentence:
        return kinds.check(source, [output(chain)])
    with pytest.raises(UnreadableSource, match=sentence):
        kinds.check(source, [output(chain)])
    return None


@pytest.mark.parametrize(
    ("end", "what"),
    [
        ('2,"Casabl', "at line 3, a quote is opened and never closed"),
        ("2,Casablanca", "it has 2 of 3 fields, and no end of line"),
        ("2,Casablanca,1942", ""),
        ("2,Casablanca,1942\n", ""),
        ('2,"Casablanca",1942\r\n', ""),
        ("2,Casablanca\n", ""),
    ],
)
def test_a_table_that_ends_within_a_record_is_damaged(tmp_path: Path, end: str, what: str) -> None:
    """One that only lacks the end of its last line is not: many programs write none."""
    path = tmp_path / "ratings.csv"
    path.write_bytes(f"id,title,release_date\n1,Metropolis,1927\n{end}".encode())
    source, _ = split(Material("table", "ratings.csv", (("ratings.csv", path),)), Cutting())
    facts = source.common_facts
    assert facts.damaged == bool(what)
    told = f"the end of ratings.csv is missing: the last record is broken off ({what}); copy the file again"
    assert facts.damage == ([told] if what else [])
    assert facts.damage == [each.sentence for each in facts.findings if each.fate is Fate.LOST]
