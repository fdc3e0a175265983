"""What filters that move pixels do to a whole video: its size, its pixels' shape and its colour tags."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture
from moviola.media.fidelity import Fate
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.video.cropping import Borders
from moviola.media.video.frame_format import BT601, UNSPECIFIED
from moviola.media.video.mov_boxes import Box, parsed
from moviola.media.video.orientation import Orientation
from tests.media.video.clips import encode
from tests.media.video.cutting_room import output, told

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


def test_borders_that_players_cut_off_are_said_with_the_filter_that_cuts_them(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mkv", "mpeg4", 3)
    written, unit = clip.read_bytes(), b"\x54\xb2\x81\x04"
    assert written.count(unit) == 1, "DisplayUnit, in whose place the borders are put"
    clip.write_bytes(written.replace(unit, b"\x54\xbb\x81\x06"))
    said = told(clip, output())["cropping"]
    assert said.fate is Fate.LOST
    asked = "crop:x=0:y=6:width=64:height=42"
    assert f"-f {asked} " in said.reason
    assert told(clip, output(chain=tuple(parse_chain(f"fps:rate=5,{asked}"))))["cropping"].fate is Fate.KEPT
    assert told(clip, output(chain=tuple(parse_chain("flip,crop:y=6"))))["cropping"].fate is Fate.LOST


def test_a_clean_aperture_is_said(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mov", "mpeg4", 3)
    content = clip.read_bytes()
    at = content.index(b"moov") - 4
    (moov,) = parsed(content[at:])
    description = moov.first(b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    assert description is not None
    aperture = Box(b"clap", struct.pack(">4IiIiI", 56, 1, 40, 1, 0, 1, 0, 1))
    size = struct.unpack_from(">I", description.data, 8)[0] + aperture.size
    description.data = description.data[:8] + struct.pack(">I", size) + description.data[12:] + aperture.to_bytes()
    clip.write_bytes(content[:at] + moov.to_bytes())
    assert "-f crop:x=4:y=4:width=56:height=40 " in told(clip, output())["cropping"].reason


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (Orientation(), (1, 2, 3, 4)),
        (Orientation(flip_x=True), (3, 2, 1, 4)),
        (Orientation(flip_y=True), (1, 4, 3, 2)),
        (Orientation(transpose=True), (2, 1, 4, 3)),
        (Orientation(transpose=True, flip_x=True), (4, 1, 2, 3)),
    ],
)
def test_borders_turn_with_the_picture(orientation: Orientation, turned: tuple[int, int, int, int]) -> None:
    assert Borders(1, 2, 3, 4).turned(orientation) == turned
