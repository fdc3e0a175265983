"""A chunk taken out of a video can be played by itself."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from moviola.media.errors import BundleError
from moviola.media.video.cutting.excerpt import write_excerpt
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.decode import ChunkDecoder
from tests.media.video.clips import encode
from tests.media.video.cutting_room import process_of


@pytest.mark.parametrize(
    ("codec", "container", "suffix"),
    [
        ("libx264", "mp4", ".mkv"),
        ("libx264", "ts", ".mkv"),
        ("mpeg4", "avi", ".mkv"),
        ("libvpx", "webm", ".mkv"),
        ("msmpeg4v2", "avi", ".nut"),
    ],
)
def test_its_frames_are_those_of_the_chunk(tmp_path: Path, codec: str, container: str, suffix: str) -> None:
    source, chunks = split_file(encode(tmp_path / f"clip.{container}", codec, 30), chunk_frames=10)
    chunk = [one for one in chunks if one.stream == 0][1]
    path = write_excerpt(tmp_path / "chunk", source.process, chunk.payload)
    assert path == tmp_path / f"chunk{suffix}"
    wanted = [one.frame.to_ndarray().tobytes() for one in ChunkDecoder(chunk.payload, process_of(source))]
    with av.open(str(path)) as file:
        shown = [frame.to_ndarray().tobytes() for frame in file.decode(video=0)]
    assert len(wanted) == chunk.frame_count
    assert [one for one in shown if one in wanted] == wanted


def test_what_is_no_chunk_is_refused(tmp_path: Path) -> None:
    source, _ = split_file(encode(tmp_path / "clip.mp4", "libx264", 10))
    with pytest.raises(BundleError):
        write_excerpt(tmp_path / "chunk", source.process, b"nothing")
    assert list(tmp_path.glob("chunk*")) == []
