from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from moviola.comparison.difference import first_difference
from tests.end_to_end import clips


def test_of_folders_it_names_the_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "a.png").write_bytes(b"same")
        (tmp_path / name / "below" / "b.png").write_bytes(name.encode())
    assert first_difference(tmp_path / "one", tmp_path / "other") == "the file below/b.png"
    assert first_difference(tmp_path / "one", tmp_path / "one") == ""
    (tmp_path / "one" / "0.png").write_bytes(b"more")
    assert first_difference(tmp_path / "one", tmp_path / "other") == "the file 0.png, which only one of them has"


@pytest.mark.parametrize(
    ("name", "theirs", "words"),
    [
        ("a.jsonl", b"1\n2\n4\n", "line 3 of a.jsonl"),
        ("a.jsonl", b"1\n2\n", "line 3 of a.jsonl"),
        ("a.jsonl", b"1\n2\n3\n", ""),
        ("a.bin", b"1\n2x3\n", "byte 3 of a.bin"),
        ("a.bin", b"1\n2\n3\n0", "byte 6 of a.bin"),
    ],
)
def test_of_files_it_names_the_line_or_the_byte(tmp_path: Path, name: str, theirs: bytes, words: str) -> None:
    one, other = tmp_path / name, tmp_path / "other"
    one.write_bytes(b"1\n2\n3\n")
    other.write_bytes(theirs)
    assert first_difference(one, other) == words


def test_of_videos_it_names_the_frame(tmp_path: Path) -> None:
    whole = clips.moving(tmp_path / "whole.mp4", frames=8, gop=4)
    shorter = clips.moving(tmp_path / "shorter.mp4", frames=6, gop=4)
    assert first_difference(whole, shorter) == "frame 6 of whole.mp4"
    other = clips.moving(tmp_path / "other.mp4", frames=8, gop=2)
    assert first_difference(whole, other).startswith("frame 2 of whole.mp4")


def test_of_videos_with_the_same_pictures_it_names_the_packet(tmp_path: Path) -> None:
    """Twice the same pictures without loss; x264 says in its first packet how long groups are."""
    one, other = (_lossless(tmp_path / f"{gop}.mp4", gop) for gop in (4, 2))
    assert first_difference(one, other) == "packet 0 of 4.mp4, of its stream 0, though all pictures are the same"


def _lossless(path: Path, gop: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.options = {"x264-params": f"qp=0:keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:threads=1"}
        for index in range(6):
            picture = av.VideoFrame.from_ndarray(np.full((48, 32), index * 9, np.uint8), format="yuv420p")
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
