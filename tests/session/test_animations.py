"""An animation becomes a video where its output's name says so, and stays one otherwise."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from moviola.media.errors import UnreadableSource
from moviola.media.local import run_local
from moviola.media.material import Cutting, Material
from moviola.session.animations import as_videos
from tests.media.images.gallery import output
from tests.media.images.pictures import corners, encoded

TIMES_MS = [100, 250, 40]
KINDS = {"GIF": ".gif", "WEBP": ".webp", "PNG": ".png", "AVIF": ".avif"}


def moving(kind: str, size: tuple[int, int] = (31, 20)) -> bytes:
    frames = [Image.new("RGB", size, (value,) * 3) for value in (255, 0, 128)]
    file = BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=TIMES_MS, loop=0)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_it_becomes_a_video_with_the_times_of_its_frames(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a{KINDS[kind]}"
    path.write_bytes(moving(kind))
    said: list[str] = []
    with as_videos([Material.single("images", path)], str(tmp_path / "a.mp4"), said.append) as (material,):
        assert (material.kind, material.name) == ("video", path.name)
        clip = material.path
        run_local(material, [output("identity")], Cutting(), lambda name: tmp_path / name)
    assert not clip.exists()
    assert said == [f"{path.name} gets a line more as a video, whose size is even"]
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        shown = [(float(frame.time or 0), frame.to_ndarray(format="gray").mean()) for frame in container.decode(stream)]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(0.39, abs=0.001)
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.codec_context.colorspace, stream.codec_context.color_primaries) == (6, 1)
        assert (stream.width, stream.height) == (32, 20)  # H.264 takes no odd size
    assert [time for time, _ in shown] == pytest.approx([0, 0.1, 0.35], abs=0.001)
    assert np.abs(np.array([each for _, each in shown]) - (255, 0, 128)).max() < 3


def test_the_same_animation_gives_the_same_clip(tmp_path: Path) -> None:
    """So that a job that was begun is known again."""
    path = tmp_path / "a.gif"
    path.write_bytes(moving("GIF"))
    clips = []
    for _ in range(2):
        with as_videos([Material.single("images", path)], "a.mp4", lambda _: None) as (material,):
            clips.append(material.path.read_bytes())
    assert clips[0] == clips[1]


@pytest.mark.parametrize(
    ("data", "out"),
    [(moving("GIF"), None), (moving("GIF"), "b.gif"), (moving("GIF"), "folder"), (encoded(corners(), ".gif"), "b.mp4")],
)
def test_it_stays_what_it_is(tmp_path: Path, data: bytes, out: str | None) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(data)
    material = Material.single("images", path)
    with as_videos([material], out, lambda _: None) as found:
        assert found == [material]


def test_what_a_video_does_not_keep_is_said_or_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGBA", (32, 20), (value, 0, 0, 100)) for value in (255, 0)]
    path = tmp_path / "a.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    said: list[str] = []
    with as_videos([Material.single("images", path)], "a.mp4", said.append):
        assert said == ["a.webp is black as a video where it is transparent"]
    refused = as_videos([Material.single("images", path)], "a.mp4", said.append, strict=True)
    with pytest.raises(UnreadableSource, match="without --strict"), refused:
        pass
