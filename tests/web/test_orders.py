"""What is made of the files of an upload before anything is sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moviola.web.orders import preflights_of, prepare, source_files
from moviola.web.receiving import SOURCES, Upload

from .pictures import as_png

DARK, LIGHT = (as_png(np.full((8, 8, 3), value, np.uint8)) for value in (10, 200))
ROWS, MORE_ROWS = b"id,title\n1,One\n", b"id,title\n2,Two\n3,Three\n"


def uploaded(folder: Path, *files: tuple[str, bytes]) -> Upload:
    """An upload of files under the names that a form gives them."""
    upload = Upload(folder)
    for name, content in files:
        upload.path_for(SOURCES, name).write_bytes(content)
    return upload


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ([("scan", DARK), ("scan.png", LIGHT)], ["scan-2.png", "scan.png"]),
        ([("scan.png", LIGHT), ("scan", DARK)], ["scan.png", "scan-2.png"]),
        ([("SCAN", DARK), ("scan.PNG", LIGHT)], ["SCAN-2.png", "scan.PNG"]),
        ([("scan", DARK), ("scan.png", LIGHT), ("scan-2.png", DARK)], ["scan-3.png", "scan.png", "scan-2.png"]),
        ([("movies", ROWS), ("movies.csv", MORE_ROWS)], ["movies-2.csv", "movies.csv"]),
        ([("scan", DARK)], ["scan.png"]),
    ],
)
def test_a_file_that_gets_a_suffix_takes_no_other_files_name(
    tmp_path: Path, files: list[tuple[str, bytes]], names: list[str]
) -> None:
    upload = uploaded(tmp_path, *files)
    paths = source_files(upload)
    assert [(path.name, path.read_bytes()) for path in paths] == [
        (name, content) for name, (_, content) in zip(names, files, strict=True)
    ]
    assert upload.files(SOURCES) == paths
    assert source_files(upload) == paths


def test_all_files_of_a_form_are_in_the_job(tmp_path: Path) -> None:
    upload = uploaded(tmp_path, ("scan", DARK), ("scan.png", LIGHT))
    upload.add_field("filters", "blur")
    (_,) = preflights_of(upload, {})
    (request,), _ = prepare(upload, {})
    assert (request.frames, request.unit) == (2, "image")
