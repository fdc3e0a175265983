"""Tables in the schema of The Movies Dataset, made up from a seed, with all that goes wrong in the real ones."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from moviola.filters.chain import parse_chain
from moviola.media.material import Chunk, Cutting, Encoder, Material, Output, Source
from moviola.media.spliced import Spliced
from moviola.media.table.process import process
from moviola.media.table.splice import splice
from moviola.media.table.split import split

MOVIES = tuple(
    column
    for line in (
        "adult belongs_to_collection budget genres homepage id imdb_id original_language original_title overview",
        "popularity poster_path production_companies production_countries release_date revenue runtime",
        "spoken_languages status tagline title video vote_average vote_count",
    )
    for column in line.split()
)
COUNTRIES = {"AR": "Argentina", "ES": "Spain", "US": "United States of America", "FR": "France", "CI": "Cote D'Ivoire"}
OVERVIEWS = ("", "One line.", 'Says "hello, there".', "Two\nlines,\r\nor three.", 'Ends with a quote"', "Señor, ¿qué?")

# As rows 19730 and 19731 of the real table: one movie, broken in two where its overview has a line end but no quotes.
SPLIT_IN_TWO = "False,,0,[],,82663,tt0113002,en,Midnight Man,Rune Balot goes to a casino connected to the \n" + (
    " - Written by Ørnås,0.065736,/ff9qCepilowshEtG2GYWwzt2bs4.jpg,[],[],1997-08-20,0,104.0,[],Released,,Midnight Man,"
    "False,6.0,1\n"
)


def countries(codes: Sequence[str]) -> str:
    return str([{"iso_3166_1": code, "name": COUNTRIES[code]} for code in codes])


def movie(**given: Any) -> list[str]:
    """A row of movies_metadata.csv."""
    defaults = {
        "adult": "False", "budget": "0", "genres": "[]", "imdb_id": "tt0000001", "production_companies": "[]",
        "production_countries": "[]", "release_date": "1999-12-31", "runtime": "90.0", "status": "Released",
        "video": "False", "vote_average": "6.5", "vote_count": "12",
    }  # fmt: skip
    return [str({**defaults, **given}.get(column, "")) for column in MOVIES]


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], line_end: str = "\n") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator=line_end).writerows([header, *rows])
    return path


def dataset(folder: Path, movies: int = 120, seed: int = 7, *, links: bool = True, line_end: str = "\n") -> list[Path]:
    """movies_metadata, credits, keywords, ratings and perhaps links, with malformed records among them."""
    chance = random.Random(seed)
    ids = [chance.randrange(1, 10**6) for _ in range(movies)]
    ids[movies // 2] = ids[1]  # the real table has twins, too
    rows = [
        movie(
            id=number,
            title=f"Movie {number}",
            overview=chance.choice(OVERVIEWS),
            release_date=chance.choice(("", "1999-12-31", "2000-12-31", "2001-01-01", "2010-07-16")),
            production_countries=countries(chance.sample(list(COUNTRIES), chance.randrange(4))),
            runtime=chance.choice(("", "0.0", "90.0", "100", "121.5")),
        )
        for number in ids
    ]
    paths = [write(folder / "movies_metadata.csv", MOVIES, rows, line_end)]
    with paths[0].open("a", encoding="utf-8", newline="") as file:
        file.write(SPLIT_IN_TWO + "\n")
        csv.writer(file, lineterminator=line_end).writerows(
            [movie(id="tt0113002", release_date="2005-01-01"), movie(id=5)[:-2], movie(id=6, release_date="2006-06-06")]
        )
    ids.append(6)
    some = [*ids, *chance.sample(range(10**6, 10**7), 20)]
    chance.shuffle(some)
    cast = "[{'cast_id': 14, 'character': 'Woody \"the\" Sheriff', 'name': \"Kerri O'Kane\"}]"
    paths.append(write(folder / "credits.csv", ("cast", "crew", "id"), [(cast, "[]", str(n)) for n in some], line_end))
    keywords = [(str(n), "[{'id': 931, 'name': 'jealousy'}]") for n in some if n % 3]
    paths.append(write(folder / "keywords.csv", ("id", "keywords"), [*keywords, ("7",)], line_end))
    known = {n: chance.randrange(1, 10**5) for n in some} if links else {n: n for n in some}
    rated = [known[chance.choice(some)] for _ in range(6 * movies)]
    ratings: list[tuple[str, ...]] = [
        (str(chance.randrange(1, 999)), str(n), str(chance.randrange(1, 11) / 2), "1260759144") for n in rated
    ]
    ratings[5:5] = [("31", "2.5", "1260759144"), ("4", "2.5", "31", "1260759144")]  # missing and shifted
    paths.append(write(folder / "ratings.csv", ("userId", "movieId", "rating", "timestamp"), ratings, line_end))
    if links:
        linked = [(str(alias), "0113101", str(n)) for n, alias in known.items()]
        linked[3:3] = [("17", "0000017", ""), ("18", "0000018", "862.0")]
        paths.append(write(folder / "links.csv", ("movieId", "imdbId", "tmdbId"), linked, line_end))
    return paths


def output(chain: str, on_error: str = "original") -> Output:
    return Output(chain.partition(":")[0], parse_chain(chain), Encoder(), on_error)


def material(paths: Sequence[Path]) -> Material:
    return Material("table", "tables", tuple((path.name, path) for path in paths))


class Folder:
    """A job's files, as the plain names in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def partial(self, name: str) -> Path:
        return self.folder / name

    def withdraw(self, name: str) -> None:
        (self.folder / name).unlink()


def taken(paths: Sequence[Path], chunk_records: int | None = None) -> tuple[Source, list[Chunk]]:
    source, chunks = split(material(paths), Cutting(chunk_records=chunk_records))
    return source, list(chunks)


def run(
    paths: Sequence[Path],
    wanted: Output,
    folder: Path,
    chunk_records: int | None = None,
    mode: Callable[[int], str] = lambda _index: "filter",
) -> tuple[Path, Spliced]:
    """split | process | splice; the result's file, and what was said of it."""
    source, chunks = taken(paths, chunk_records)
    results = [process(chunk.payload, source.process, wanted, mode=mode(chunk.index)).payload for chunk in chunks]
    spliced = splice(Folder(folder), source, wanted, results, {})
    return folder / spliced.main, spliced
