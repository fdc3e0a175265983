"""Results of tables as CSV: the same records as in JSON, and refused where they are more than one table."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path

import pytest

from moviola.filters.chain import parse_chain
from moviola.media.errors import UnreadableSource
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.table.naming import CSV

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
