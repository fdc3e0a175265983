"""What filters that move pixels do to a whole video: its size, its pixels' shape and its colour tags."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.video.frame_format import BT601, UNSPECIFIED
from tests.media.video.clips import encode

BT709 = 1


def made(clip: Path, folder: Path, chain: str, codec: str = "h264", chunk_frames: int = 10) -> tuple[Path, list[str]]:
    """The file that a chain makes of a clip, and what was said."""
    output = Output("made", parse_chain(chain), Encoder(codec, preset="ultrafast"))
    material = Material.single("video", clip)
    (done,) = run_local(material, [output], Cutting(chunk_frames=chunk_frames), folder.joinpath)
    return done.path, done.metrics.warnings


def shown(path: Path) -> list[list[bytes]]:
    """The planes of every frame."""
    with av.open(str(path)) as file:
        return [[plane.tobytes() for plane in Picture(frame).planes] for frame in file.decode(video=0)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("geometry") / "clip.mp4", "libx264", 16, options={"g": "8"})


@pytest.mark.parametrize("chain", ["resize:width=63", "crop:x=1:y=3:width=63", "rotate:degrees=30", "denoise,enhance"])
def test_where_it_is_cut_does_not_show(chain: str, clip: Path, tmp_path: Path) -> None:
    one, seven, whole = (shown(made(clip, tmp_path / str(n), chain, "ffv1", n)[0]) for n in (1, 7, 1000))
    assert len(one) == 16
    assert one == seven == whole


@pytest.mark.parametrize(("codec", "width"), [("h264", 64), ("mpeg4", 63), ("ffv1", 63)])
def test_an_odd_size_is_kept_or_extended_with_a_word(codec: str, width: int, clip: Path, tmp_path: Path) -> None:
    path, warnings = made(clip, tmp_path, "resize:width=63", codec)
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        assert frame.width == width
    assert bool(warnings) == (width != 63)
    if warnings:
        assert "the last row or column is repeated, giving 64x" in warnings[0]


@pytest.mark.parametrize(("chain", "shape"), [("rotate", Fraction(3, 4)), ("flip", Fraction(4, 3))])
def test_pixels_that_are_not_square_turn_with_the_picture(chain: str, shape: Fraction, tmp_path: Path) -> None:
    def wide(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    clip = encode(tmp_path / "clip.mp4", "libx264", 3, setup=wide)
    with av.open(str(made(clip, tmp_path / "out", chain)[0])) as file:
        assert file.streams.video[0].sample_aspect_ratio == shape


@pytest.mark.parametrize(
    ("size", "chain", "matrix"),
    [
        ((1280, 96), "resize:width=64", BT709),
        ((64, 48), "resize:width=1280:height=96:aspect=false", BT601),
        ((1280, 96), "flip", UNSPECIFIED),
        ((64, 48), "resize:width=32", UNSPECIFIED),
    ],
)
def test_a_matrix_that_players_would_no_longer_guess_is_told(
    size: tuple[int, int], chain: str, matrix: int, tmp_path: Path
) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 3, size=size)
    with av.open(str(made(clip, tmp_path / "out", chain)[0])) as file:
        assert file.streams.video[0].codec_context.colorspace == matrix
