from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moviola.media.bundle import unpack
from moviola.media.errors import UnreadableSource
from moviola.media.images import split as module
from moviola.media.images.split import CHUNK_IMAGES, split
from moviola.media.material import Cutting
from tests.media.images.gallery import cut, material
from tests.media.images.pictures import bomb, corners, encoded

PNG = encoded(corners())


def counts(folder: Path, files: dict[str, bytes], chunk_images: int | None = None) -> list[int]:
    return [chunk.frame_count for chunk in cut(folder, files, chunk_images)[1]]


def some(count: int) -> dict[str, bytes]:
    return {f"{number:03d}.png": PNG for number in range(count)}


def test_files_as_they_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    files = {"b/two.jpg": encoded(corners(), ".jpg"), "a.png": PNG, "b/one.webp": encoded(corners(), ".webp")}
    source, chunks = cut(tmp_path, files)
    table, parts = unpack(chunks[0].payload)
    names = [name for _, name, _ in table["p"]]
    assert names == ["a.png", "b/one.webp", "b/two.jpg"]
    assert [bytes(part) for part in parts] == [files[name] for name in names]
    assert table["first"] == 0
    assert source.splice["frame_count"] == source.facts["frame_count"] == 3
    assert source.facts["unit"] == "image"
    assert source.facts["formats"] == {"jpg": 1, "png": 1, "webp": 1}
    assert (source.kind, source.stream_count) == ("images", 1)


@pytest.mark.parametrize(("asked", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (100, [7])])
def test_so_many_a_chunk_as_asked(tmp_path: Path, asked: int, sizes: list[int]) -> None:
    assert counts(tmp_path, some(7), asked) == sizes


def test_automatic_by_count(tmp_path: Path) -> None:
    assert counts(tmp_path, some(CHUNK_IMAGES + 1)) == [CHUNK_IMAGES, 1]


@pytest.mark.parametrize(("limit", "value"), [("CHUNK_SIZE", 2 * len(PNG)), ("CHUNK_PIXELS", 2 * 48 * 32)])
def test_automatic_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(module, limit, value)
    assert counts(tmp_path / "1", some(5)) == [2, 2, 1]
    assert counts(tmp_path / "2", some(5), 4) == [4, 1]
    monkeypatch.setattr(module, f"MAX_{limit}", value)
    assert counts(tmp_path / "3", some(5), 4) == [2, 2, 1]
    monkeypatch.setattr(module, limit, 1)
    assert counts(tmp_path / "4", some(3)) == [1, 1, 1]


def test_what_is_no_picture_goes_by_name_with_the_reason(tmp_path: Path) -> None:
    files = {"a.jpg": b"hello", "b.png": PNG, "c.png": b"", "d.png": PNG[:20], "e.png": bomb(100_000, 100_000)}
    listed = material(tmp_path, files)
    (tmp_path / "f.png").mkdir()
    source, chunks = split(type(listed)("images", "x", (*listed.files, ("f.png", tmp_path / "f.png"))), Cutting())
    table, _ = unpack(next(chunks).payload)
    told = {name: problem for _, name, problem in table["p"]}
    assert told["b.png"] == ""
    assert "not a JPEG" in told["a.jpg"]
    assert told["c.png"] == "is empty"
    assert "header cannot be read" in told["d.png"]
    assert "10000 million pixels" in told["e.png"]
    assert "cannot be read" in told["f.png"]
    assert [size for size, *_ in table["p"]] == [0, len(PNG), 0, 0, 0, 0]
    assert source.facts["unreadable_count"] == 5


def test_no_picture_at_all(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"none of its 2 files .* a\.txt is not a JPEG"):
        cut(tmp_path / "1", {"a.txt": b"hello", "b.txt": b""})
    with pytest.raises(UnreadableSource, match=r"a\.jpg: this file is not a JPEG"):
        cut(tmp_path / "2", {"a.jpg": b"hello"})
    with pytest.raises(UnreadableSource, match="no files"):
        cut(tmp_path / "3", {})


def test_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IMAGES", 2)
    with pytest.raises(UnreadableSource, match="at most 2"):
        cut(tmp_path, some(3))


def test_a_picture_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_SIZE", len(PNG))
    _, (chunk,) = cut(tmp_path, {"a.png": PNG, "b.png": PNG + b"!"})
    (_, (size, _, problem)) = unpack(chunk.payload)[0]["p"]
    assert size == 0
    assert "MiB" in problem


def test_the_fingerprint_is_of_names_and_bytes(tmp_path: Path) -> None:
    other = encoded(255 - corners())
    sources = [
        cut(tmp_path / str(number), files, chunk_images)[0].fingerprint
        for number, (files, chunk_images) in enumerate(
            [({"a.png": PNG}, None), ({"a.png": PNG}, 1), ({"b.png": PNG}, None), ({"a.png": other}, None)]
        )
    ]
    assert sources[0] == sources[1]
    assert len(set(sources)) == 3


def test_a_file_that_changes_while_it_is_sent(tmp_path: Path) -> None:
    _, chunks = split(material(tmp_path, some(2)), Cutting(1))
    next(chunks)
    (tmp_path / "001.png").write_bytes(encoded(255 - corners()))
    with pytest.raises(UnreadableSource, match="changed"):
        next(chunks)


def test_a_file_that_goes_away_while_it_is_sent(tmp_path: Path) -> None:
    _, chunks = split(material(tmp_path, some(2)), Cutting(1))
    (tmp_path / "000.png").unlink()
    with pytest.raises(UnreadableSource, match="changed"):
        next(chunks)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    _, (chunk,) = cut(tmp_path, {"a\udcff.png": PNG})
    assert unpack(chunk.payload)[0]["p"][0][1] == "a?.png"


def test_chunks_of_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 images"):
        cut(tmp_path, some(1), 0)


def test_neither_splitting_nor_splicing_loads_a_codec() -> None:
    imports = "import sys, moviola.media.images.split, moviola.media.images.splice"
    program = f"{imports}; print({{'cv2', 'numpy', 'av'}} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
