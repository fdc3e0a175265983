from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from moviola.media.bundle import pack, unpack_table
from moviola.media.errors import BundleError, SpliceError
from moviola.media.images.splice import MAX_SAID, splice
from moviola.media.material import NO_VIDEO
from tests.media.images.gallery import hang, output
from tests.media.images.pictures import corners, encoded, tiff
from tests.media.shelf import Shelf

PNG = encoded(corners())
MANY = {f"{folder}/{number}.png": encoded(corners(40 + number, 30)) for number in range(8) for folder in "ab"}


def test_the_digest_is_that_of_the_folder_wherever_it_was_cut(tmp_path: Path) -> None:
    made = [hang(tmp_path, MANY, output("blur"), chunk_images=count) for count in (None, 1, 3, 100)]
    assert len({each.spliced.digest for each in made}) == 1
    for each in made:
        assert each.spliced.digest == each.digest
        assert each.names == sorted(MANY)
        assert each.spliced.main == "out"
        details = each.spliced.details
        assert (details["files"], details["size"]) == (16, sum(map(len, each.files.values())))
        assert (details["codec"], details["format"], details["quality"]) == (None, "kept", 95)


def test_the_digest_is_in_the_order_of_the_results_names(tmp_path: Path) -> None:
    """Not of the sources': a name may change its place with its suffix, or its number."""
    files = {"a.jpg": encoded(corners(), ".jpg"), "a.gif": encoded(corners(), ".gif"), "a-b.png": PNG, "a.png": PNG}
    made = hang(tmp_path, files, output(format="png"))
    assert made.spliced.digest == made.digest
    assert len(made.names) == 4
    assert made.spliced.warnings[-1].startswith("2 images could not keep their names")


def test_a_single_renamed_picture_is_told_in_the_singular(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a:b.png": PNG}, output())
    assert made.spliced.warnings[-1].startswith("1 image could not keep its name, which is taken")


@pytest.mark.usefixtures("plugin")
def test_annotations(tmp_path: Path) -> None:
    files = {"a.png": PNG, "b/c.jpg": encoded(corners(), ".jpg"), "d.png": PNG, "e.tif": tiff([corners(), corners()])}
    made = hang(tmp_path, files, output("numbered", format="webp"), chunk_images=1)
    lines = (made.folder / "out.annotations.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"image": "b/c.jpg", "index": 1, "number": 1},
        {"image": "e.tif", "index": 3, "page": 1, "number": 3},
        {"image": "e.tif", "index": 3, "page": 2, "number": 3},
    ]
    assert made.spliced.details["annotation_count"] == 3
    assert {each.name for each in made.folder.iterdir()} == {"out", "out.annotations.jsonl"}


def test_sizes_before_and_after_are_told(tmp_path: Path) -> None:
    files = {"a.png": PNG, "b.gif": encoded(corners(), ".gif")}
    made = hang(tmp_path, files, output(format="png"), chunk_images=1)
    assert made.spliced.details["pictures"] == [
        {"name": name, "source": source, "source_size": len(files[source]), "size": len(made.files[name])}
        for name, source in (("a.png", "a.png"), ("b.png", "b.gif"))
    ]


def test_no_annotations(tmp_path: Path) -> None:
    assert [each.name for each in hang(tmp_path, {"a.png": PNG}).folder.iterdir()] == ["out"]


@pytest.mark.usefixtures("plugin")
def test_nothing_encoded(tmp_path: Path) -> None:
    wanted = output("numbered", codec=NO_VIDEO)
    made = hang(tmp_path, {"a.png": PNG, "b.gif": encoded(corners(), ".gif")}, wanted, chunk_images=1)
    (notes,) = made.folder.iterdir()
    assert made.spliced.main == notes.name == "out.annotations.jsonl"
    assert json.loads(notes.read_text()) == {"image": "b.gif", "index": 1, "number": 1}
    assert made.spliced.digest == hashlib.sha256(notes.read_bytes()).hexdigest()
    assert made.spliced.account.frames_out == 2
    assert made.results[0].content != made.results[1].content
    empty = hang(tmp_path, {"a.png": PNG}, wanted)
    assert [each.name for each in empty.folder.iterdir()] == ["out.annotations.jsonl"]


def test_a_folder_even_without_a_picture(tmp_path: Path) -> None:
    noise = encoded(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8))
    made = hang(tmp_path, {"a.png": noise[:-500]})
    assert made.spliced.account.lost_frames == 1
    assert (made.folder / "out").is_dir()
    assert made.names == []


def test_what_went_wrong_is_said_by_name(tmp_path: Path) -> None:
    files = {"a.png": PNG} | {f"b{number:02d}.jpg": b"hello" for number in range(MAX_SAID + 5)}
    made = hang(tmp_path, files)
    assert len(made.spliced.troubles["images"]) == MAX_SAID + 5
    assert made.spliced.warnings[0].startswith("b00.jpg is not a JPEG")
    assert "5 more images" in made.spliced.warnings[-1]
    assert len(made.spliced.warnings) == MAX_SAID + 1


def test_names_from_elsewhere_stay_in_the_folder(tmp_path: Path) -> None:
    made = hang(tmp_path, {"x.png": PNG})
    table = unpack_table(made.results[0].payload)
    sent = bytes(made.results[0].payload[-table["p"][0][0] :])
    payload = pack(table | {"names": ["../../../../evil.png"]}, [sent])
    shelf = Shelf(tmp_path / "one" / "two")
    spliced = splice(shelf, made.source, output(), [payload], {})
    written = list(tmp_path.rglob("*evil*"))
    assert [path.relative_to(shelf.folder).as_posix() for path in written] == ["out/__/__/__/__/evil.png"]
    assert "'../../../../evil.png' is called '__/__/__/__/evil.png'" in spliced.warnings[0]


def test_chunks_that_never_came_are_lost_images(tmp_path: Path) -> None:
    made = hang(tmp_path, MANY, chunk_images=5, without=[1, 3])
    account = made.spliced.account
    assert (account.frames_in, account.frames_out, account.lost_frames) == (16, 10, 6)
    assert [index for index, _ in account.lost] == [5, 6, 7, 8, 9, 15]


def test_results_out_of_order(tmp_path: Path) -> None:
    made = hang(tmp_path, MANY, chunk_images=8)
    with pytest.raises(SpliceError, match="order"):
        splice(Shelf(tmp_path / "x"), made.source, output(), [each.payload for each in reversed(made.results)], {})


def test_what_is_no_result(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.png": PNG})
    table = unpack_table(made.results[0].payload)
    size = table["p"][0][0]
    part = bytes(made.results[0].payload[-size:])
    for wrong in (
        pack({"p": []}, []),
        pack(table | {"names": []}, [part]),
        pack(table | {"p": [[size, 7, 0, "png"]]}, [part]),
        pack(table | {"p": [[size, 0, 0, "exe"]]}, [part]),
    ):
        with pytest.raises((SpliceError, BundleError)):
            splice(Shelf(tmp_path / "x"), made.source, output(), [wrong], {})
