from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from moviola.media.errors import UnreadableSource
from moviola.media.kinds import split, verify
from moviola.media.material import Cutting, Material
from moviola.session.sources import Reader, find
from moviola.wire.messages import Submit, decode, encode
from tests.media.images.pictures import corners, encoded, heic
from tests.session.material import FRAMES, make_order, write_clip

ORDER = make_order("blur")


def test_files_and_the_videos_of_folders_each_once(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MKV", "notes.txt", ".hidden.mp4", "c"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    materials, complaints = find([tmp_path, tmp_path / "b.mp4", tmp_path / "." / "c"])
    assert [one.path for one in materials] == [tmp_path / "a.MKV", tmp_path / "b.mp4", tmp_path / "c"]
    assert not complaints


def test_without_a_path_the_data_folder_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, complaints = find([])
    assert str(complaints[0]) == "data: nothing was named, and there is no such folder; name what is to be sent."
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.mp4").touch()
    assert find([])[0] == [Material.single("video", Path("data/a.mp4"))]


def test_each_bad_path_is_one_sentence_and_the_good_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    good = tmp_path / "good.mp4"
    good.touch()
    bad = [tmp_path / "missing.mp4", tmp_path / "empty", tmp_path / "pipe", tmp_path / ("x" * 5000), Path("a\0b")]
    materials, complaints = find([*bad, good])
    assert materials == [Material.single("video", good)]
    reasons = [complaint.reason for complaint in complaints]
    assert reasons[:3] == [
        "there is no such file or folder",
        "there are no videos, images or tables in this folder",
        "this is neither a file nor a folder",
    ]
    assert len(reasons) == len(bad)
    assert all(complaint.path and complaint.hint for complaint in complaints)


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def shown(materials: list[Material]) -> list[tuple[str, str, list[str]]]:
    return [(one.kind, one.name, [name for name, _ in one.files]) for one in materials]


def test_a_data_folder_gives_videos_folders_of_images_and_one_table_job(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data, "clip.mp4", "movies.csv", "ratings.CSV", "notes.txt")
    write(data, "holiday/1.jpg", "holiday/beach/2.PNG", "holiday/.thumbs/3.jpg", "cats/tom.webp", "texts/readme.md")
    materials, complaints = find([data])
    assert shown(materials) == [
        ("video", "clip.mp4", ["clip.mp4"]),
        ("images", "cats", ["tom.webp"]),
        ("images", "holiday", ["1.jpg", "beach/2.PNG"]),
        ("table", "data", ["movies.csv", "ratings.CSV"]),
    ]
    assert not complaints


def test_a_folder_that_has_images_is_one_of_images(tmp_path: Path) -> None:
    write(tmp_path / "all", "a.jpg", "deep/er/b.tif", "clip.mkv")
    materials, _ = find([tmp_path / "all"])
    assert shown(materials) == [("video", "clip.mkv", ["clip.mkv"]), ("images", "all", ["a.jpg", "deep/er/b.tif"])]


def test_a_folder_that_cannot_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is root may look into all: so the system's answer is put in its mouth."""
    write(tmp_path, "a.jpg", "open/b.jpg", "shut/c.jpg")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    materials, (complaint,) = find([tmp_path])
    assert materials == []
    assert Path(complaint.path) == tmp_path / "shut"
    assert complaint.reason == "Permission denied"


def test_images_that_are_named_by_themselves_go_together(tmp_path: Path) -> None:
    write(tmp_path, "one/a.jpg", "two/a.jpg", "two/b.png")
    paths = [tmp_path / "one" / "a.jpg", tmp_path / "two" / "a.jpg", tmp_path / "two" / "b.png"]
    materials, _ = find([*paths, paths[0]])
    assert shown(materials) == [("images", "3 files", ["a.jpg", "a-2.jpg", "b.png"])]
    assert shown(find(paths[:1])[0]) == [("images", "a.jpg", ["a.jpg"])]
    assert shown(find(paths[1:])[0]) == [("images", "two", ["a.jpg", "b.png"])]


def test_names_that_are_no_text_are_carried_with_marks(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pics\udcff"
    folder.mkdir()
    shutil.copy(clip, folder / "v\udcff.mp4")
    (folder / "p\udcff.png").write_bytes(encoded(corners()))
    for name in ("t\udcff.csv", "t\udcfe.csv"):
        (folder / name).write_text("id,title\n1,A\n")
    materials, complaints = find([folder])
    assert not complaints
    assert {material.kind for material in materials} == {"video", "images", "table"}
    for material in materials:
        source, chunks = split(material, Cutting())
        submit = Submit("key", source.to_wire(), [])
        assert decode(encode(submit)) == submit
        assert list(chunks)
    (table,) = [material for material in materials if material.kind == "table"]
    assert [name for name, _ in table.files] == ["t?.csv", "t?-2.csv"]


def test_a_reader_gives_all_chunks_and_begins_again(clip: Path) -> None:
    reader = Reader(Material.single("video", clip), replace(ORDER, cutting=Cutting(10)))
    first = [chunk.index for chunk in iter(reader.next_chunk, None)]
    reader.rewind()
    chunks = list(iter(reader.next_chunk, None))
    assert [chunk.index for chunk in chunks] == first
    assert sum(chunk.frame_count for chunk in chunks if chunk.stream == 0) == FRAMES


def test_a_source_that_changes_while_it_is_sent_is_noticed(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copy(clip, path)
    reader = Reader(Material.single("video", path), ORDER)
    write_clip(path, seed=1)
    with pytest.raises(UnreadableSource, match="changed while it was sent"):
        reader.rewind()


def test_sound_cuts_pass_the_check(clip: Path) -> None:
    verify(Material.single("video", clip), Cutting(7))


def test_a_file_is_what_its_content_says(tmp_path: Path) -> None:
    """A HEIC photograph was sent as a video, of which one tile came back."""
    files = {
        "photo.heic": heic([corners()]),
        "no suffix": encoded(corners(), ".avif"),
        "photo.mp4": encoded(corners(), ".jpg"),
        "a.ppm": encoded(corners(), ".ppm"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "film.jpg").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")
    (tmp_path / "table.csv").write_bytes(b"BMI,name\n20,me\n")
    materials, complaints = find([tmp_path])
    assert not complaints
    kinds = {one.kind: [name for name, _ in one.files] for one in materials}
    assert kinds == {"images": sorted(files), "video": ["film.jpg"], "table": ["table.csv"]}
    for name in files:
        ((material,), _) = find([tmp_path / name])
        assert material.kind == "images"


def test_what_of_a_folder_is_not_sent_is_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(corners()))
    (tmp_path / "b.jxl").write_bytes(b"\xff\x0a and pixels")
    write(tmp_path, "notes.txt", "deeper/list.txt", ".hidden")
    said: list[str] = []
    ((material,), _) = find([tmp_path], said.append)
    assert said == [
        f"{tmp_path}: 2 files are not sent, because such files are not read from a folder: deeper/list.txt, notes.txt"
    ]
    source, _ = split(material, Cutting())
    assert [each.sentence for each in source.common_facts.findings] == [
        "b.jxl is a JPEG XL picture, which is not read; convert it to PNG or TIFF"
    ]
