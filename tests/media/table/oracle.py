"""What a job over tables must give, by the shortest script that Python's csv module allows. Shares no code with it."""

from __future__ import annotations

import ast
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """The records of a file that are whole: as many columns as the header, and an id where one belongs."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header, *rows = csv.reader(file)
    numbers = [column for column in ("id", "movieId", "userId") if column in header]
    records = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
    return [record for record in records if all(record[column].isdigit() for column in numbers)]


def post_2000(movie: Row) -> bool:
    return movie["release_date"][:4].isdigit() and int(movie["release_date"][:4]) > 2000


def argentina_spain(movie: Row) -> bool:
    codes = {country["iso_3166_1"] for country in ast.literal_eval(movie["production_countries"] or "[]")}
    return codes >= {"AR", "ES"}


def expected(paths: Sequence[Path], keeps: Callable[[Row], bool]) -> dict[str, Any]:
    """The result's JSON, for tables of the schema with movies among them."""
    tables = {kind(path): read(path) for path in paths}
    movies = [movie for movie in tables.pop("movies") if keeps(movie)]
    ids = {int(movie["id"]) for movie in movies}
    result = {"movies": movies}
    links = tables.pop("links", None)
    rated = ids
    if links is not None:
        links = [link for link in links if link["tmdbId"] and int(float(link["tmdbId"])) in ids]
        rated = {int(link["movieId"]) for link in links}
        result["links"] = links
    for name in ("credits", "keywords", "ratings"):
        if name in tables:
            column, wanted = ("movieId", rated) if name == "ratings" else ("id", ids)
            result[name] = [record for record in tables[name] if int(record[column]) in wanted]
    return result


def kind(path: Path) -> str:
    return next(name for name in ("movies", "links", "credits", "keywords", "ratings") if path.name.startswith(name))
