from __future__ import annotations

import json
from pathlib import Path

import pytest

from moviola.filters.chain import parse_chain
from moviola.media.local import run_local
from moviola.media.manifest.reader import Manifest, read_manifest
from moviola.media.material import NO_VIDEO, Cutting, Encoder, Material, Output
from moviola.verification import verify as verification
from moviola.verification.findings import Fault, Verdict
from moviola.verification.verify import manifest_of, outputs_in, verify
from tests.media.images.pictures import corners, encoded
from tests.media.table.tables import dataset
from tests.media.table.tables import material as tables


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An output of three pictures, with its manifest."""
    files = [(f"{name}.png", tmp_path / f"{name}.png") for name in "abc"]
    for number, (_, path) in enumerate(files):
        path.write_bytes(encoded(corners(40 + number, 30)))
    output = Output("out", tuple(parse_chain("identity")), Encoder())
    run_local(Material("images", "photos", tuple(files)), [output], Cutting(2), (tmp_path / "made").joinpath)
    return tmp_path / "made" / "out"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of records, with its manifest."""
    paths = dataset(tmp_path)
    output = Output("out", tuple(parse_chain("post_2000")), Encoder())
    run_local(tables(paths), [output], Cutting(chunk_records=50), (tmp_path / "made").joinpath)
    return tmp_path / "made" / "out_results.json"


def test_pictures_are_complete(pictures: Path) -> None:
    found = verify(pictures)
    assert (found.verdict, found.problems, found.frames_found) == (Verdict.COMPLETE, [], 3)


def test_a_picture_that_is_gone_one_that_is_altered_and_one_that_nobody_made(pictures: Path) -> None:
    (pictures / "a.png").unlink()
    data = bytearray((pictures / "b.png").read_bytes())
    data[-20] ^= 1
    (pictures / "b.png").write_bytes(data)
    (pictures / "c.png").write_bytes((pictures / "c.png").read_bytes()[:-9])
    (pictures / "d.png").write_bytes(b"mine")
    found = verify(pictures)
    assert [(problem.fault, problem.text.split()[0]) for problem in found.problems] == [
        (Fault.MISSING, "a.png"),
        (Fault.ALTERED, "b.png"),
        (Fault.ALTERED, "c.png"),
    ]
    assert found.notes == ["1 file in the folder is not part of the output"]
    assert not found.complete


def test_a_picture_alone_under_another_name(pictures: Path, tmp_path: Path) -> None:
    output = Output("out", tuple(parse_chain("identity")), Encoder())
    folder = tmp_path / "single"
    run_local(Material.single("images", tmp_path / "a.png"), [output], Cutting(), folder.joinpath)
    manifest = manifest_of(folder / "out")
    assert verify((folder / "out" / "a.png").rename(tmp_path / "mine.png"), manifest=manifest).complete
    assert not verify(tmp_path / "b.png", manifest=manifest).complete


def test_records_are_complete(table: Path) -> None:
    found = verify(table)
    assert (found.verdict, found.problems) == (Verdict.COMPLETE, [])
    assert found.frames_made == sum(len(rows) for rows in json.loads(table.read_text()).values())


def test_which_records_are_altered(table: Path) -> None:
    rows = json.loads(table.read_text())
    at = table.read_bytes().find(b'"', table.stat().st_size // 2) + 1
    data = bytearray(table.read_bytes())
    before = data[:at].count(b"\n{")
    data[at] ^= 1
    table.write_bytes(data)
    found = verify(table)
    (whole, part) = found.problems
    assert (whole.fault, whole.subject) == (Fault.ALTERED, "file")
    assert part.fault is Fault.ALTERED
    assert part.first is not None
    assert part.last is not None
    assert part.first <= before <= part.last + 1
    assert part.last - part.first < sum(map(len, rows.values())) // 2


def test_records_that_are_cut_off(table: Path) -> None:
    table.write_bytes(table.read_bytes()[:-200])
    found = verify(table)
    assert found.problems[0].fault is Fault.CUT_OFF
    assert "200 bytes are missing" in found.problems[0].text


def test_notes_are_compared_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(corners(64, 48)))
    output = Output("out", tuple(parse_chain("metadata")), Encoder(NO_VIDEO))
    run_local(Material.single("images", tmp_path / "a.png"), [output], Cutting(), (tmp_path / "made").joinpath)
    notes = tmp_path / "made" / "out.annotations.jsonl"
    assert outputs_in(tmp_path / "made") == [notes]
    assert verify(notes).complete
    with notes.open("a") as file:
        file.write("{}\n")
    assert not verify(notes).complete


def test_a_folder_of_the_name_of_a_table_is_not_the_table(table: Path) -> None:
    folder = table.with_name("out")
    folder.mkdir()
    with pytest.raises(IsADirectoryError, match=f"is the manifest of a file, made as {table.name}"):
        verify(folder)
    table.unlink()
    with pytest.raises(IsADirectoryError):
        verify(folder.parent, manifest=manifest_of(table))


def test_a_folder_of_which_no_picture_was_made_is_complete(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_pictures(path: Path) -> Manifest:
        told = read_manifest(path)
        told.pictures.clear()
        return told

    monkeypatch.setattr(verification, "read_manifest", without_pictures)
    found = verify(pictures)
    assert (found.verdict, found.frames_made) == (Verdict.COMPLETE, 0)
