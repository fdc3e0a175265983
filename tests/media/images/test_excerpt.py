from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from moviola.media.errors import BundleError
from moviola.media.images.excerpt import write_excerpt
from tests.media.images.gallery import cut
from tests.media.images.pictures import corners, encoded


def test_the_pictures_as_they_came(tmp_path: Path) -> None:
    png, jpg = encoded(corners()), encoded(corners(), ".jpg")
    _, chunks = cut(tmp_path, {"a.png": png, "b.png": b"no", "c/d.jpg": jpg}, 2)
    made = [write_excerpt(tmp_path / f"chunk-{chunk.index}", {}, chunk.payload) for chunk in chunks]
    assert [path.name for path in made] == ["chunk-0.zip", "chunk-1.zip"]
    held = {name: archive.read(name) for archive in map(ZipFile, made) for name in archive.namelist()}
    assert held == {"000000-a.png": png, "000002-c-d.jpg": jpg}


def test_what_is_no_chunk(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        write_excerpt(tmp_path / "x", {}, b"junk")
