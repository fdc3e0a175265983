from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from moviola.filters.assets import Asset, AssetError
from moviola.filters.base import UnsuitableSize
from moviola.filters.builtin.watermark import Watermark
from moviola.filters.picture import Picture
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.stamps import text_drawing
from tests.filters.conftest import Sent
from tests.filters.frames import noise, picture_of

RED, CLEAR, HALF_BLUE = (0, 0, 255, 255), (255, 255, 255, 0), (255, 0, 0, 128)  # blue, green, red, alpha


def plain(value: int, pixel_format: str = "yuvj444p", size: tuple[int, int] = (320, 240)) -> Picture:
    return picture_of(np.full(size[::-1], value, np.uint8), pixel_format)


def where_changed(before: Picture, after: Picture) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what differs."""
    rows, columns = np.nonzero((before.bgr != after.bgr).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.fixture
def logo(tmp_path: Path, sent: Sent) -> Asset:
    """A PNG of 40 × 20 pixels: left half red, right half clear above half-transparent blue."""
    image = np.zeros((20, 40, 4), np.uint8)
    image[:, :20] = RED
    image[:10, 20:], image[10:, 20:] = CLEAR, HALF_BLUE
    cv2.imwrite(str(tmp_path / "logo.png"), image)
    return sent(tmp_path / "logo.png")


@pytest.mark.parametrize("value", [0, 96, 255])
@pytest.mark.parametrize("colour", ["white", "black", "yellow"])
def test_text_can_be_read_on_any_ground(value: int, colour: str) -> None:
    picture = plain(value)
    output = Watermark(size=20, opacity=1.0, colour=colour).apply(picture, ())
    left, top, right, bottom = where_changed(picture, output)
    drawn = output.gray[top:bottom, left:right].astype(int)
    assert drawn.max() - drawn.min() > 120


def test_every_character_it_takes_fits_into_the_height() -> None:
    drawn = text_drawing("".join(map(chr, range(32, 127))), 64, (255, 255, 255))
    letters = drawn.rgb[..., 0] * drawn.alpha
    assert letters.shape[0] == 64
    assert max(part.max() for part in (letters[:4], letters[-4:], letters[:, :4], letters[:, -4:])) < 0.1
    assert min(part.max() for part in (letters[:9], letters[-9:])) > 0.5


@pytest.mark.parametrize("corner", ["bottom-right", "bottom-left", "top-right", "top-left", "center"])
def test_it_stands_in_its_corner_within_the_margin(corner: str, logo: Asset) -> None:
    picture = plain(128)
    mark = Watermark(file=logo, corner=corner, size=25, margin=5, opacity=1.0)
    left, top, right, bottom = where_changed(picture, mark.apply(picture, ()))
    places = {"left": 12, "right": 320 - 12 - 120, "top": 12, "bottom": 240 - 12 - 60}
    down, _, across = corner.partition("-")
    assert (left, top) == ((places[across], places[down]) if across else (100, 90))
    assert (right - left, bottom - top) == (120, 60)


@pytest.mark.parametrize("pixel_format", ["yuvj444p", "yuv444p", "yuv444p12le", "gbrp", "rgb24", "bgra"])
def test_a_picture_is_blended_by_its_alpha(pixel_format: str, logo: Asset) -> None:
    picture = plain(128, pixel_format)
    output = Watermark(file=logo, corner="top-left", size=25, margin=0, opacity=1.0).apply(picture, ())
    for (x, y), expected in {(20, 30): (0, 0, 255), (90, 10): (128, 128, 128), (90, 50): (192, 64, 64)}.items():
        assert np.abs(output.bgr[y, x].astype(int) - expected).max() <= 4


def test_opacity_is_how_much_of_it_shows(logo: Asset) -> None:
    picture = plain(128)
    half = Watermark(file=logo, corner="top-left", size=25, margin=0, opacity=0.5).apply(picture, ())
    assert np.abs(half.bgr[30, 20].astype(int) - (64, 64, 192)).max() <= 3
    assert Watermark(opacity=0.0).apply(picture, ()) is picture


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuv411p", "yuv420p10le", "gray16le", "yuva420p", "ya8"])
@pytest.mark.parametrize("size", [(161, 121), (160, 120)])
def test_the_rest_of_the_picture_keeps_every_bit(pixel_format: str, size: tuple[int, int]) -> None:
    picture = Picture(noise(pixel_format, *size))
    output = Watermark(size=20).apply(picture, ())
    for before, after in zip(picture.planes, output.planes, strict=True):
        assert np.array_equal(before[: before.shape[0] // 2], after[: after.shape[0] // 2])
        assert not np.array_equal(before, after)


def test_a_clear_pixels_colour_does_not_bleed(tmp_path: Path, sent: Sent) -> None:
    image = np.zeros((200, 200, 4), np.uint8)
    image[:] = (255, 255, 255, 0)
    image[::2] = RED
    cv2.imwrite(str(tmp_path / "lines.png"), image)
    output = Watermark(file=sent(tmp_path / "lines.png"), corner="center", size=20, opacity=1.0).apply(plain(0), ())
    blue, green, red = output.bgr[120, 160]
    assert red > 100
    assert max(blue, green) < 10


@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (3, 8), (4, 16), (3, 16)])
def test_any_kind_of_png_is_read(channels: int, depth: int, tmp_path: Path, sent: Sent) -> None:
    dtype = np.uint8 if depth == 8 else np.uint16
    cv2.imwrite(str(tmp_path / "any.png"), np.full((20, 20, channels), np.iinfo(dtype).max, dtype))
    output = Watermark(file=sent(tmp_path / "any.png"), corner="center", size=20, opacity=1.0).apply(plain(0), ())
    assert output.bgr[120, 160].min() > 250


def test_a_wide_one_is_made_to_fit(logo: Asset) -> None:
    tall = plain(128, size=(60, 400))
    output = Watermark(file=logo, size=50, margin=2, corner="top-left", opacity=1.0).apply(tall, ())
    assert where_changed(tall, output) == (8, 8, 52, 30)
    text = Watermark(text="a line that is much too long", size=20, corner="top-left").apply(plain(128), ())
    _, top, right, bottom = where_changed(plain(128), text)
    assert right <= 320 - 7
    assert 9 <= bottom - top < 48


def test_where_it_cannot_be_read_that_is_said() -> None:
    long = Watermark(text="x" * 200)
    for call in (lambda: long.output_size(320, 240), lambda: long.apply(plain(0), ())):
        with pytest.raises(UnsuitableSize, match="too long to be read in 320x240"):
            call()
    with pytest.raises(UnsuitableSize, match="no room"):
        Watermark(margin=50).output_size(320, 240)


@pytest.mark.parametrize(("text", "named"), [("ᏣᎳᎩ", r"'Ꮳ' \(U\+13E3, CHEROKEE"), ("a\nb", r"U\+000A")])
def test_characters_the_fonts_do_not_know_are_named(text: str, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        Watermark(text=text)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ParameterError, match="text is empty"):
        Watermark(text=" ")


def test_a_file_that_is_no_picture_is_refused_when_the_filter_is_made(tmp_path: Path, sent: Sent) -> None:
    with pytest.raises(AssetError, match="is available to this worker"):
        Watermark(file=Asset("@missing.png"))
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    for name in ("empty", "text"):
        with pytest.raises(ParameterError, match="is not a picture"):
            Watermark(file=sent(tmp_path / f"{name}.png"))


def test_a_file_is_decoded_once(logo: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = plain(128)
    first = Watermark(file=logo, corner="center", size=25, opacity=1.0).apply(picture, ())
    monkeypatch.setattr("moviola.filters.toolbox.stamps.cv2.imdecode", None)  # decoding again would fail
    again = Watermark(file=logo, corner="center", size=25, opacity=1.0).apply(picture, ())
    assert np.array_equal(again.bgr, first.bgr)


@pytest.mark.parametrize("text", ["Zürich", "العربية", "東京", "हिन्दी"])
def test_text_in_any_script_is_drawn_and_fits(text: str) -> None:
    picture = plain(128)
    left, top, right, bottom = where_changed(picture, Watermark(text=text, size=20, margin=5).apply(picture, ()))
    assert 40 < right - left <= 320 - 2 * 12
    assert 30 < bottom - top <= 48


def test_a_text_that_is_too_long_is_measured_before_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.filters.toolbox.stamps.coverage", None)  # drawing would fail
    with pytest.raises(UnsuitableSize, match="too long"):
        Watermark(text="W" * 1024, size=100).output_size(320, 4320)
