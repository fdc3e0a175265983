"""Pictures of results equal those of the finished folder, one by one, with their notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from moviola.api.frames import frames_of
from moviola.media import kinds
from tests.media.images.gallery import hang, output
from tests.media.images.pictures import corners, encoded, tiff

FILES = {
    "a.png": encoded(corners(40, 30)),
    "a/z.png": encoded(corners(30, 40)),
    "b/c.jpg": encoded(corners(), ".jpg"),
    "b.png": encoded(corners(16, 16)),
    "e.tif": tiff([corners(40, 30), corners(20, 10)]),
    "f.png": b"no picture",
    "g.png": encoded(corners(8, 8)[..., 0]),
}


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(("chain", "format"), [("numbered", ""), ("blur", "webp")])
def test_pictures_pages_and_notes(tmp_path: Path, chain: str, format: str) -> None:
    wanted = output(chain, format=format)
    made = hang(tmp_path, FILES, wanted, chunk_images=2)
    live = kinds.frames(made.source, wanted, [one.payload for one in made.results])
    assert live is not None
    frames = list(live)
    finished = list(frames_of(made.folder / "out", made.folder / "out.annotations.jsonl"))
    assert frames == finished
    assert [frame.index for frame in frames] == list(range(7))
    assert all(one.bgr.tobytes() == other.bgr.tobytes() for one, other in zip(frames, finished, strict=True))


def test_notes_of_pictures_that_have_other_names_than_their_sources_come_too(tmp_path: Path) -> None:
    wanted = output("blur,metadata", format="jpg")
    made = hang(tmp_path, FILES, wanted, chunk_images=2)
    live = kinds.frames(made.source, wanted, [one.payload for one in made.results])
    assert live is not None
    noted = [(frame.name, [(note["image"], note.get("page", 1)) for note in frame.notes]) for frame in live]
    assert ("a/z.jpg", [("a/z.png", 1)]) in noted
    assert noted[-3:-1] == [("e-p0001.jpg", [("e.tif", 1)]), ("e-p0002.jpg", [("e.tif", 2)])]
    assert all(len(notes) == 1 for _, notes in noted)


@pytest.mark.usefixtures("plugin")
def test_a_note_goes_to_the_page_that_it_is_of(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.png": FILES["a.png"], "b.tif": FILES["e.tif"]}, output("numbered"))
    frames = list(frames_of(made.folder / "out", made.folder / "out.annotations.jsonl"))
    assert [[note.get("page") for note in frame.notes] for frame in frames] == [[], [1], [2]]
