from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moviola.media.images.ending import is_cut_off
from moviola.media.images.split import split
from moviola.media.material import Cutting, Material

GRAIN = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8))


def encoded(format: str, **options: object) -> bytes:
    file = BytesIO()
    GRAIN.save(file, format, **options)
    return file.getvalue()


FORMATS = {
    "jpeg": encoded("JPEG"),
    "progressive": encoded("JPEG", progressive=True),
    "png": encoded("PNG"),
    "webp": encoded("WEBP"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_lacks_its_end_in_each_beginning_of_its_file(name: str) -> None:
    data = FORMATS[name]
    assert not is_cut_off(data)
    assert not is_cut_off(data + bytes(10_000)), "phones append films"
    for share in (0.3, 0.6, 0.9):
        assert is_cut_off(data[: int(len(data) * share)]), share
    assert is_cut_off(data[:-2])


def test_the_end_of_a_thumbnail_is_not_that_of_the_picture() -> None:
    thumbnail = encoded("JPEG", quality=20)
    data = FORMATS["jpeg"]
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = data[:2] + segment + data[2:]
    assert not is_cut_off(whole)
    assert is_cut_off(whole[: len(whole) * 2 // 3])


def test_it_is_said_before_it_is_sent(tmp_path: Path) -> None:
    whole, short = tmp_path / "a.jpg", tmp_path / "b.jpg"
    whole.write_bytes(FORMATS["jpeg"])
    short.write_bytes(FORMATS["jpeg"][: len(FORMATS["jpeg"]) // 2])
    source, _ = split(Material("images", "two", (("a.jpg", whole), ("b.jpg", short))), Cutting())
    facts = source.common_facts
    assert facts.damaged
    assert [sentence[:27] for sentence in facts.damage] == ["the end of b.jpg is missing"]
