from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from moviola.media.bundle import pack, unpack_table
from moviola.media.errors import BundleError, ProcessingFailed
from moviola.media.images import process as module
from moviola.media.images.process import process
from moviola.media.images.readers import read_header
from moviola.media.report import FrameNotes, Report
from tests.media.images.gallery import Hanging, hang, output
from tests.media.images.pictures import (
    Pixels,
    animation,
    corners,
    decoded,
    deep_animation,
    encoded,
    exif,
    short,
    text,
    tiff,
    with_exif,
)

PNG = encoded(corners())
SEVEN = {f"{number}.png": encoded(corners(40 + number, 30)) for number in range(7)}


def errors(hanging: Hanging) -> dict[str, str]:
    return {each["name"]: each["error"] for each in hanging.spliced.troubles["images"]}


@pytest.mark.parametrize("pixels", [corners(), corners()[..., 0], corners().astype(np.uint16) * 257, corners(1, 1)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_identity_is_exact(tmp_path: Path, pixels: Pixels, suffix: str) -> None:
    made = hang(tmp_path, {f"a{suffix}": encoded(pixels, suffix)})
    again = decoded(made[f"a{suffix}"])
    assert again.dtype == pixels.dtype
    assert (again == pixels).all()


def test_filters_see_the_picture_and_its_colours(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.png": PNG}, output("blur:radius=3"))
    expected = cv2.GaussianBlur(corners(), (7, 7), 0)
    assert np.abs(decoded(made["a.png"]).astype(int) - expected.astype(int)).mean() < 3
    assert not (decoded(made["a.png"]) == corners()).all()


def test_sizes_may_differ_and_change(tmp_path: Path) -> None:
    files = {"a.png": encoded(corners(100, 50)), "b/c.png": encoded(corners(30, 60))}
    made = hang(tmp_path, files, output("resize:width=20"))
    assert [decoded(made[name]).shape[:2] for name in made.names] == [(10, 20), (40, 20)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_comes_out_upright_and_says_so(tmp_path: Path, orientation: int) -> None:
    block = exif({274: short(orientation), 271: text("a maker")})
    made = hang(tmp_path, {"a.jpg": with_exif(encoded(corners(64, 32), ".jpg"), block)})
    found = read_header(made["a.jpg"])
    assert (found.width, found.height) == ((32, 64) if orientation >= 5 else (64, 32))
    assert found.orientation == 1
    assert b"a maker" in found.carried.exif


@pytest.mark.parametrize("format", ["jpg", "png", "webp", "tiff", "bmp"])
def test_another_format(tmp_path: Path, format: str) -> None:
    suffix = ".tif" if format == "tiff" else f".{format}"
    made = hang(tmp_path, {"a.png": PNG, "b.gif": encoded(corners(), ".gif")}, output(format=format))
    assert made.names == [f"a{suffix}", f"b{suffix}"]
    assert {read_header(made[name]).format for name in made.names} == {format}


def test_quality(tmp_path: Path) -> None:
    fine, coarse = (hang(tmp_path, {"a.png": PNG}, output(format="jpg", quality=each)) for each in (95, 20))
    assert len(coarse["a.jpg"]) < len(fine["a.jpg"])


def test_a_gif_becomes_a_png(tmp_path: Path) -> None:
    assert hang(tmp_path, {"a.gif": encoded(corners(), ".gif")}).names == ["a.png"]


def transparent() -> tuple[Pixels, bytes]:
    alpha = np.zeros((32, 48), np.uint8)
    alpha[:8, :12] = 200
    return alpha, encoded(np.dstack((corners(), alpha)))


def test_transparency_comes_back(tmp_path: Path) -> None:
    alpha, data = transparent()
    assert (decoded(hang(tmp_path, {"a.png": data}, output("blur"))["a.png"])[..., 3] == alpha).all()


def test_transparency_moves_with_the_picture(tmp_path: Path) -> None:
    alpha, data = transparent()
    flipped = decoded(hang(tmp_path, {"a.png": data}, output("flip,blur"))["a.png"])
    assert (flipped[..., 3] == alpha[:, ::-1]).all()
    small = decoded(hang(tmp_path, {"a.png": data}, output("resize:width=24,flip"))["a.png"])
    assert small.shape == (16, 24, 4)
    assert small[2, -3, 3] == 200


@pytest.mark.usefixtures("plugin")
def test_transparency_that_has_no_place(tmp_path: Path) -> None:
    _, data = transparent()
    made = hang(tmp_path, {"a.png": data}, output(format="jpg"))
    assert decoded(made["a.jpg"]).shape == (32, 48, 3)
    lied = hang(tmp_path, {"a.png": data}, output("liar"))
    assert decoded(lied["a.png"]).shape[2] == 3
    assert lied.spliced.warnings == [
        "transparency is left out where a filter made pictures of another size than it says"
    ]


@pytest.mark.usefixtures("plugin")
def test_transparency_is_scaled_by_filters_that_do_not_move_pixels(tmp_path: Path) -> None:
    alpha, data = transparent()
    halved = hang(tmp_path, {"a.png": data}, output("half,flip"))
    assert (
        decoded(halved["a.png"])[..., 3] == cv2.resize(alpha, (24, 16), interpolation=cv2.INTER_AREA)[:, ::-1]
    ).all()
    assert not halved.spliced.warnings


@pytest.mark.parametrize("border", ["red", "black", "white"])
@pytest.mark.parametrize("depth", [1, 257])
def test_a_colour_that_fills_corners_up_is_opaque(tmp_path: Path, border: str, depth: int) -> None:
    """As it is in a picture without transparency."""
    alpha = np.zeros((32, 48), np.uint8)
    alpha[:, :24] = 200
    data = encoded(np.dstack((corners(), alpha)).astype(np.uint8 if depth == 1 else np.uint16) * depth)
    turned = decoded(hang(tmp_path, {"a.png": data}, output(f"rotate:degrees=30:border={border}"))["a.png"])
    red = 255 * depth if border in ("red", "white") else 0
    for corner in (turned[0, 0], turned[0, -1], turned[-1, 0], turned[-1, -1]):
        assert (corner[2], corner[3]) == pytest.approx((red, 255 * depth), abs=depth)
    middle = turned.shape[0] // 2, turned.shape[1] // 2
    assert turned[middle[0], middle[1] - 8, 3] == pytest.approx(200 * depth, abs=depth)
    assert turned[middle[0], middle[1] + 8, 3] == 0


def test_pages_stay_together_where_the_format_has_pages(tmp_path: Path) -> None:
    pages = [corners(40, 30), corners(20, 10)]
    made = hang(tmp_path, {"a.tif": tiff(pages)})
    assert made.names == ["a.tif"]
    found, again = cv2.imdecodemulti(np.frombuffer(made["a.tif"], np.uint8), -1)
    assert found
    assert all((one == two).all() for one, two in zip(pages, again, strict=True))
    single = hang(tmp_path, {"a.tif": tiff(pages)}, output(format="png"))
    assert single.names == ["a-p0001.png", "a-p0002.png"]
    assert (decoded(single["a-p0002.png"]) == pages[1]).all()
    assert single.spliced.account.frames_out == 1


def moving(data: bytes) -> tuple[list[int], list[float], int | None]:
    """Brightness (0 to 9) and duration of each frame, and how often it plays, by Pillow."""
    image = Image.open(BytesIO(data))
    shown, durations = [], []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        shown.append(round(float(np.asarray(image.convert("L")).mean()) / 255 * 9))
        durations.append(float(image.info["duration"]))
    return shown, durations, image.info.get("loop")


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_an_animation_stays_one(tmp_path: Path, suffix: str) -> None:
    """With the times of its frames and the number of its rounds; frames are filtered each by itself."""
    frames = [Image.new("RGB", (30, 20), (value,) * 3) for value in (255, 0, 85)]
    file = BytesIO()
    times = [100, 250, 40]
    kind = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".avif": "AVIF"}[suffix]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=times, loop=3)
    made = hang(tmp_path, {f"a{suffix}": file.getvalue()}, output("flip"))
    assert made.names == [f"a{suffix}"]
    shown, durations, loop = moving(made[f"a{suffix}"])
    assert shown == [9, 0, 3]
    assert durations == times
    assert loop == (None if suffix == ".avif" else 3)


@pytest.mark.parametrize("suffix", [".png", ".avif"])
@pytest.mark.parametrize("format", ["", "webp", "gif", "png", "avif"])
def test_an_animation_of_more_than_8_bits_stays_one(tmp_path: Path, suffix: str, format: str) -> None:
    """As bright as it was, with as many bits as animations are written with."""
    frames = [np.full((20, 30, 3), value * 257, np.uint16) for value in (255, 0, 85)]
    made = hang(tmp_path, {f"a{suffix}": deep_animation(suffix, frames)}, output("flip", format=format))
    assert made.names == [f"a.{format}" if format else f"a{suffix}"]
    assert moving(made[made.names[0]])[:2] == ([9, 0, 3], [100, 100, 100])


def test_an_animation_of_more_than_8_bits_keeps_them_as_pages(tmp_path: Path) -> None:
    frames = [np.full((20, 30, 3), value * 257, np.uint16) for value in (255, 0, 85)]
    made = hang(tmp_path, {"a.png": deep_animation(".png", frames)}, output(format="tiff"))
    found, again = cv2.imdecodemulti(np.frombuffer(made["a.tif"], np.uint8), -1)
    assert found
    assert all((one == two).all() for one, two in zip(frames, again, strict=True))


def test_a_gif_that_does_not_say_how_long_its_frames_are_shown(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), value) for value in (255, 0)]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    image = Image.open(BytesIO(hang(tmp_path, {"a.gif": file.getvalue()}, output("flip"))["a.gif"]))
    assert image.info.get("duration", 0) == 0


def test_an_animation_in_another_format(tmp_path: Path) -> None:
    frames = [np.full((20, 30, 3), value, np.uint8) for value in (255, 0, 255)]
    files = {"a.gif": animation(".gif", frames)}
    assert moving(hang(tmp_path, files, output(format="webp"))["a.webp"]) == ([9, 0, 9], [100, 100, 100], 0)
    made = hang(tmp_path, files, output(format="jpg"))
    assert made.names == [f"a-p000{number}.jpg" for number in (1, 2, 3)]
    assert [round(decoded(made[name])[..., :3].mean() / 255) for name in made.names] == [1, 0, 1]


def test_a_broken_picture_is_told_and_the_rest_go_on(tmp_path: Path) -> None:
    noise = encoded(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8))
    files = {"a.png": PNG, "b.png": noise[: len(noise) // 2], "c.jpg": b"hello", "d.png": PNG}
    made = hang(tmp_path, files)
    assert made.names == ["a.png", "d.png"]
    assert "cannot be decoded" in errors(made)["b.png"]
    assert "not a JPEG" in errors(made)["c.jpg"]
    account = made.spliced.account
    assert (account.frames_in, account.frames_out, account.lost_frames) == (4, 2, 2)
    assert [index for index, _ in account.lost] == [1, 2]


def test_a_jpeg_cut_short_is_told_and_there(tmp_path: Path) -> None:
    made = hang(tmp_path, {"a.jpg": encoded(corners(), ".jpg")[:-30]})
    assert made.names == ["a.jpg"]
    assert "cut short" in errors(made)["a.jpg"]
    account = made.spliced.account
    assert (account.damaged, account.decode_error_count, account.lost_frames) == ([0], 1, 0)


@pytest.mark.usefixtures("plugin")
class TestFailingFilters:
    def test_original(self, tmp_path: Path) -> None:
        made = hang(tmp_path, SEVEN, output("picky:every=3"), chunk_images=4)
        assert made.names == list(SEVEN)
        assert (decoded(made["2.png"]) == 255 - decoded(SEVEN["2.png"])).all()
        for name in ("3.png", "6.png"):
            assert (decoded(made[name]) == decoded(SEVEN[name])).all()
            assert "frame" in errors(made)[name]
        account = made.spliced.account
        assert [(index, name) for index, name, _ in account.fallback] == [(3, "picky"), (6, "picky")]
        assert [each.frame for each in account.failures] == [3, 6]
        assert "not to my taste" in account.failures[0].traceback

    def test_original_is_upright_and_in_the_format_asked_for(self, tmp_path: Path) -> None:
        files = {f"{n}.jpg": with_exif(encoded(corners(64, 32), ".jpg"), exif({274: short(6)})) for n in range(2)}
        made = hang(tmp_path, files, output("picky:every=1", format="png"))
        assert decoded(made["1.png"]).shape == (64, 32, 3)

    def test_drop(self, tmp_path: Path) -> None:
        made = hang(tmp_path, SEVEN, output("picky:every=3", on_error="drop"))
        assert made.names == [name for name in SEVEN if name not in ("3.png", "6.png")]
        assert set(errors(made)) == {"3.png", "6.png"}
        assert made.spliced.account.lost_frames == 2

    def test_black_has_no_outline_either(self, tmp_path: Path) -> None:
        opaque, seen = encoded(corners(64, 32), ".png"), np.dstack([corners(64, 32), np.full((32, 64), 9, np.uint8)])
        files = {"0.png": opaque, "1.png": encoded(seen, ".png"), "2.jpg": encoded(corners(64, 32), ".jpg")}
        made = hang(tmp_path, files, output("picky:every=1", on_error="black"))
        assert [decoded(made[name]).max() for name in ("1.png", "2.jpg")] == [0, 0]
        assert decoded(made["1.png"]).shape == (32, 64, 3)
        assert [index for index, *_ in made.spliced.account.fallback] == [1, 2]
        assert "not to my taste" in errors(made)["1.png"]

    def test_fail(self, tmp_path: Path) -> None:
        with pytest.raises(ProcessingFailed, match="picky"):
            hang(tmp_path, SEVEN, output("picky:every=3", on_error="fail"))

    def test_once_more_before_that(self, tmp_path: Path) -> None:
        assert not errors(hang(tmp_path, SEVEN, output("moody")))

    def test_one_page_of_several(self, tmp_path: Path) -> None:
        files = {"a.png": PNG, "b.tif": tiff([corners(40, 30), corners(20, 10)])}
        assert hang(tmp_path, files, output("picky:every=1")).spliced.account.fallback_frames == 1
        assert hang(tmp_path, files, output("picky:every=1", on_error="drop")).names == ["a.png"]


def test_bypassed_and_dropped_chunks(tmp_path: Path) -> None:
    black = hang(tmp_path / "black", SEVEN, output("blur", on_error="black"), modes=["bypass"])
    assert {decoded(black[name]).max() for name in black.names} == {0}
    made = hang(tmp_path, SEVEN, output("blur"), chunk_images=3, modes=["bypass", "drop", "filter"])
    assert made.names == ["0.png", "1.png", "2.png", "6.png"]
    assert (decoded(made["0.png"]) == decoded(SEVEN["0.png"])).all()
    account = made.spliced.account
    assert (account.fallback_frames, account.lost_frames) == (3, 3)
    assert set(errors(made)) == {f"{number}.png" for number in range(6)}


@pytest.mark.usefixtures("plugin")
def test_notes(tmp_path: Path) -> None:
    files = {"a.png": PNG, "b.tif": tiff([corners(), corners()]), "c.png": PNG}
    made = hang(tmp_path, files, output("numbered"))
    (report,) = [Report.from_wire(unpack_table(each.payload)["report"]) for each in made.results]
    assert report.notes == [FrameNotes(1, [{"page": 1, "number": 1}, {"page": 2, "number": 1}])]


def test_no_room_for_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RESULT_SIZE", 2 * len(PNG))
    made = hang(tmp_path, {"a.png": PNG, "b.png": encoded(corners(200, 200)), "c.png": PNG}, output(format="bmp"))
    assert "b.png" in errors(made)
    assert "are left in this chunk" in errors(made)["b.png"]


@pytest.mark.parametrize(("format", "width"), [("webp", 17_000), ("gif", 70_000)])
def test_too_large_for_the_format(tmp_path: Path, format: str, width: int) -> None:
    wide = encoded(np.zeros((1, width, 3), np.uint8))
    made = hang(tmp_path, {"a.png": wide, "b.png": PNG}, output(format=format))
    assert made.names == [f"b.{format}"]
    assert f"cannot be stored as {format}" in errors(made)["a.png"]


def test_progress_is_told_after_each_picture_and_page(tmp_path: Path) -> None:
    told: list[int] = []
    hang(tmp_path, {"a.png": PNG, "b.tif": tiff([corners(), corners()]), "c.jpg": b"no"}, on_frame=told.append)
    assert told == [0, 1, 1, 1, 2, 3]


def test_equal_work_has_equal_content(tmp_path: Path) -> None:
    one, two, other = (hang(tmp_path, {"a.png": PNG}, output(each)).results[0] for each in ("blur", "blur", "edges"))
    assert one.content == two.content != other.content
    assert 0 < one.content < 2**63


def test_what_is_no_chunk() -> None:
    with pytest.raises(BundleError):
        process(b"junk", {}, output())
    with pytest.raises(BundleError):
        process(pack({"p": [[0, 5, ""]], "first": 0}, [b""]), {}, output())
    with pytest.raises(BundleError):
        process(pack({"p": [], "first": "x"}, []), {}, output())
    with pytest.raises(ValueError, match="mode"):
        process(pack({"p": [], "first": 0}, []), {}, output(), mode="sing")
    with pytest.raises(ValueError, match="format"):
        process(pack({"p": [], "first": 0}, []), {}, output(format="jxl"))
