"""The pictures of a folder: which of many are shown, and what is said of them."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import cv2
import numpy as np

from moviola.base.finished_file import FinishedFile
from moviola.report.gallery import Before, before_of, gallery_of, pictures_named
from moviola.report.thumbnails import Budget

PNG = cv2.imencode(".png", np.zeros((6, 8, 3), np.uint8))[1].tobytes()


def files(count: int) -> list[FinishedFile]:
    return [FinishedFile(f"blur/{number}.png", len(PNG), "") for number in range(count)]


def opened(file: FinishedFile) -> io.BytesIO:
    return io.BytesIO(b"no picture" if file.file == "blur/3.png" else PNG)


def test_a_listing_that_is_nested_too_deeply_names_nothing() -> None:
    listing = b"[" * 100_000 + b"\n" + json.dumps(files(1)[0].to_wire()).encode()
    file = SimpleNamespace(pieces=lambda most: [listing])
    assert pictures_named(file) == files(1)  # type: ignore[arg-type]


def test_troubled_pictures_come_first_and_the_others_are_spread() -> None:
    troubles, before = {"17.png": "is cut short"}, {"0.png": Before("0.gif", 2000)}
    made = gallery_of(files(40), "blur", troubles, before, 5, opened, Budget(lambda: False))  # type: ignore[arg-type]
    assert [picture.label for picture in made.pictures] == ["17.png", "0.png", "10.png", "21.png", "31.png"]
    assert made.pictures[0].note == f"8 × 6, {len(PNG)} B, is cut short"
    assert made.pictures[1].note == f"8 × 6, 2.0 kB → {len(PNG)} B"
    assert (made.count, made.missing) == (40, "")


def test_troubles_are_told_of_pictures_whose_names_differ_from_their_source_s() -> None:
    pages = [{"name": f"{number}.png", "source": "scan.tif", "source_size": 900} for number in range(20, 40)]
    renamed = [{"name": f"{number}.png", "source": f"{number}.jpg", "source_size": 0} for number in range(20)]
    troubles = {"17.jpg": "is cut short", "scan.tif": "is not filtered", "gone.jpg": "cannot be read"}
    before = before_of([*renamed, *pages, "no row", {"name": "x"}])
    made = gallery_of(files(40), "blur", troubles, before, 4, opened, Budget(lambda: False))  # type: ignore[arg-type]
    assert [(picture.label, picture.note) for picture in made.pictures] == [
        ("17.png", f"8 × 6, {len(PNG)} B, is cut short"),
        ("20.png", f"8 × 6, 900 B → {len(PNG)} B, is not filtered"),
        ("0.png", f"8 × 6, {len(PNG)} B"),
        ("10.png", f"8 × 6, {len(PNG)} B"),
    ]


def test_of_files_with_many_pages_one_is_shown() -> None:
    before = {f"{number}.png": Before("film.gif", 9) for number in range(4, 40)}
    made = gallery_of(files(40), "blur", {}, before, 9, opened, Budget(lambda: False))  # type: ignore[arg-type]
    assert [picture.label for picture in made.pictures] == ["0.png", "1.png", "2.png", "4.png"]


def test_a_picture_that_cannot_be_shown_is_named() -> None:
    made = gallery_of(files(4), "blur", {}, {}, 9, opened, Budget(lambda: False))  # type: ignore[arg-type]
    assert [picture.label for picture in made.pictures] == ["0.png", "1.png", "2.png"]
    assert made.missing.startswith("3.png cannot be shown: it ")


def test_without_time_none_is_shown_and_the_reason_is_said() -> None:
    made = gallery_of(files(4), "blur", {}, {}, 9, opened, Budget(lambda: True))  # type: ignore[arg-type]
    assert (made.pictures, made.count) == ([], 4)
    assert "too long" in made.missing
