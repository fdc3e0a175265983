"""Draws the README's gallery, docs/gallery.webp: `python -m tools.gallery`.

Every filter that works on pictures and needs no file beside them, on a photograph or in a clip, each above the chain
that made it. Where a filter changes little, the left half is as it was. The media come out of packages of the Python
registry and stay in .cache.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from moviola.base.processes import program
from moviola.filters import registry
from moviola.filters.chain import parse_chain
from moviola.filters.picture import Picture
from moviola.filters.runner import ChainRunner
from moviola.filters.schema import FilterSchema
from moviola.launcher import clip
from tools.lettering import MONO, save, write

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "gallery.webp"
CACHE: Final = ROOT / ".cache" / "gallery"

PHOTOGRAPH: Final = ("scikit-image==0.26.0", "skimage/data/astronaut.png")
CREDITS: Final = (
    "Photograph: Eileen Collins, NASA, public domain. Film: Big Buck Bunny, © Blender Foundation, CC-BY 3.0, "
    "www.bigbuckbunny.org. Figures: drawn."
)

WIDTH, HEIGHT = 320, 240
"""Size of a tile's picture in pixels: that of the photograph's part that is used, 512 × 384 pixels, made smaller."""
SOURCE: Final = (512, 384)
TITLE_HEIGHT: Final = 30
TITLE_SIZE: Final = 15
GAP: Final = 18
COLUMNS: Final = 5
PAPER: Final = 255
GROUND: Final = 232
INK: Final = (60, 60, 60)
STRIP: Final = (3, 3)
"""Columns and rows of frames in a tile that shows a filter of frame rates."""

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of the gallery. `source` names what the chain is applied to. `half`: only the right half is shown
    filtered. `told`: the filter's notes are written into the picture. `same_scale`: a smaller result is shown
    smaller."""

    chain: str
    source: str = "photograph"
    half: bool = False
    told: bool = False
    same_scale: bool = False


TILES: Final = (
    Tile("identity"),
    Tile("blur:radius=12"),
    Tile("sharpen:amount=2.5", half=True),
    Tile("denoise:strength=20", source="noisy", half=True),
    Tile("enhance:amount=1", half=True),
    Tile("brightness:amount=20", half=True),
    Tile("contrast:factor=1.6", half=True),
    Tile("grayscale"),
    Tile("edges"),
    Tile('watermark:text="one, two: three":size=14'),
    Tile("crop:x=112:y=40:width=224:height=168"),
    Tile("resize:width=300", same_scale=True),
    Tile("rotate:degrees=15"),
    Tile("flip"),
    Tile("pixelate:block=16"),
    Tile("pixelate:faces=true"),
    Tile("faces"),
    Tile("people", source="figures"),
    Tile("enhance,grayscale,edges:low=80:high=240"),
    Tile("metadata", source="film", told=True),
    Tile("identity", source="film"),
    Tile("motion", source="film"),
    Tile("background:threshold=40", source="film"),
    Tile("background:threshold=40:show=foreground", source="film"),
    Tile("fps:rate=3", source="film"),
)
"""The tiles of the gallery, in its order. Filters of records are not among them: they have no picture."""


def photograph() -> Pixels:
    """Return the photograph, BGR, height × width × 3. Raises OSError if no package registry answers."""
    path = CACHE / "astronaut.png"
    CACHE.mkdir(parents=True, exist_ok=True)
    if not path.exists() and not clip.download(path, *PHOTOGRAPH):
        raise OSError(f"no package registry answered with {PHOTOGRAPH[0]}, which has the photograph")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{path} is no picture: remove it, and it is fetched again")
    return np.asarray(image[: SOURCE[1], : SOURCE[0]], np.uint8)


def film() -> Path:
    """Return the path of the film. Raises OSError if no package registry answers."""
    path = CACHE / "bigbuckbunny.mp4"
    CACHE.mkdir(parents=True, exist_ok=True)
    if not path.exists() and not clip.download(path):
        raise OSError(f"no package registry answered with {clip.PACKAGE}, which has the film")
    return path


def noisy() -> Pixels:
    """Return the photograph with noise, as of a bad camera."""
    image = photograph().astype(int)
    return np.clip(image + np.random.default_rng(0).normal(0, 18, image.shape), 0, 255).astype(np.uint8)


def figures() -> Pixels:
    """Return a picture of three silhouettes on a wide plain, BGR."""
    shades = np.interp(np.arange(SOURCE[1]), [0, 190, 191, SOURCE[1]], [235, 205, 165, 190])
    plain = np.repeat(shades[:, np.newaxis], SOURCE[0], axis=1)
    image: Pixels = np.stack([plain, plain * 0.97, plain * 0.92], axis=2).astype(np.uint8)
    for x, y, height, shade in ((120, 110, 210, 60), (290, 130, 150, 80), (420, 140, 120, 95)):
        figure(image, x, y, height, (shade + 10, shade, shade))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), np.uint8)


def figure(image: Pixels, x: int, y: int, height: int, colour: tuple[int, int, int]) -> None:
    """Draw a standing person into `image`, `height` pixels tall, around column `x` from row `y` downwards."""
    unit = height / 96

    def at(across: float, down: float) -> tuple[int, int]:
        return round(x + across * unit), round(y + down * unit)

    cv2.ellipse(image, at(0, 8), (round(6 * unit), round(8 * unit)), 0, 0, 360, colour, -1, cv2.LINE_AA)
    trunk = [((side * 5, 24), (side * 4, 50), 12) for side in (-1, 1)]
    arms = [((side * 9, 22), (side * 13, 50), 5) for side in (-1, 1)]
    legs = [((side * 4, 50), (side * 6, 72), 8) for side in (-1, 1)] + [
        ((side * 6, 72), (side * 7, 93), 6) for side in (-1, 1)
    ]
    for start, stop, width in (*trunk, *arms, *legs):
        cv2.line(image, at(*start), at(*stop), colour, max(1, round(width * unit)), cv2.LINE_AA)


STILLS: Final[dict[str, Callable[[], Pixels]]] = {"photograph": photograph, "noisy": noisy, "figures": figures}
FILM_FRAME: Final = 44


def source(name: str) -> Sequence[Picture]:
    """Return the picture of a source that is to be filtered and shown, which is the last one, and those before it."""
    if name in STILLS:
        return [picture_of(STILLS[name]())]
    with av.open(str(film())) as container:
        frames = islice(container.decode(video=0), FILM_FRAME + 1)
        return [Picture(frame.reformat(640, 360), index=index) for index, frame in enumerate(frames)]


def picture_of(image: Pixels) -> Picture:
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    return Picture(frame.reformat(format="yuv444p"))


def applied(tile: Tile) -> Pixels:
    """Return a tile's filtered picture, before it is made to fit."""
    pictures = source(tile.source)
    runner = ChainRunner(registry.make_chain(parse_chain(tile.chain)))
    output = [runner.run(picture) for picture in pictures][-1]
    shown = np.array(output.bgr, np.uint8)
    if tile.half:
        middle = shown.shape[1] // 2
        shown[:, :middle] = pictures[-1].bgr[:, :middle]
        shown[:, middle - 1 : middle + 1] = 255
    if tile.told:
        write_notes(shown, output.notes[-1])
    return shown


def write_notes(image: Pixels, note: Any) -> None:
    image //= 2
    lines = [f"{key}: {value}" for key, value in note.items() if key != "filter" and value is not None]
    for row, line in enumerate(lines):
        write(image, line, left=100, baseline=100 + 52 * row, size=34, colour=(255, 255, 255))


def at_rate(chain: str) -> Pixels:
    """Return the first frames that come out of a chain that changes the frame rate, in the rows of STRIP."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rate.mp4"
        command = [*program("client.file_sender"), str(film()), "--filters", chain, "--local", "--quiet"]
        subprocess.run([*command, "--out", str(target)], check=True, cwd=ROOT)
        with av.open(str(target)) as container:
            frames = [proportioned(frame.to_ndarray(format="bgr24"), "film") for frame in container.decode(video=0)]
    across, down = STRIP
    rows = [np.hstack([framed(frame) for frame in frames[row * across :][:across]]) for row in range(down)]
    return np.asarray(np.vstack(rows), np.uint8)


def framed(image: Pixels) -> Pixels:
    return np.asarray(cv2.copyMakeBorder(image, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=(PAPER,) * 3), np.uint8)


def proportioned(image: Any, source: str) -> Pixels:
    """Return an image, without parts of its sides if it is wider than a tile."""
    height, width = image.shape[:2]
    spare = max(0, round(width - height * SOURCE[0] / SOURCE[1]))
    left = spare // 8 if source == "film" else spare // 2  # the bunny stands on the left
    return np.asarray(image[:, left : left + width - spare], np.uint8)


def fitted(image: Pixels, tile: Tile) -> Pixels:
    """Return the image, scaled to fit, in the middle of HEIGHT × WIDTH pixels."""
    height, width = image.shape[:2]
    factor = WIDTH / SOURCE[0] if tile.same_scale else min(WIDTH / width, HEIGHT / height)
    size = min(WIDTH, round(width * factor)), min(HEIGHT, round(height * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    paper = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    top, left = (HEIGHT - size[1]) // 2, (WIDTH - size[0]) // 2
    paper[top : top + size[1], left : left + size[0]] = small
    return paper


def drawn(tile: Tile) -> Pixels:
    """Return a tile's picture with its title below it."""
    (first, *_) = parse_chain(tile.chain)
    times = registry.schemas()[first.name].material == "frames"
    image = at_rate(tile.chain) if times else proportioned(applied(tile), tile.source)
    titled = np.full((HEIGHT + TITLE_HEIGHT, WIDTH, 3), PAPER, np.uint8)
    titled[:HEIGHT] = fitted(image, tile)
    write(titled, tile.chain, left=0, baseline=HEIGHT + 19, size=TITLE_SIZE, colour=INK, font=MONO)
    return titled


def page_of(tiles: Sequence[Pixels], credits: str) -> Pixels:
    """Return the gallery: the tiles in rows, and below them the credits."""
    rows = -(-len(tiles) // COLUMNS)
    pitch = WIDTH + GAP, HEIGHT + TITLE_HEIGHT + GAP // 2
    page = np.full((GAP + rows * pitch[1] + TITLE_HEIGHT, GAP + COLUMNS * pitch[0], 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = GAP + number // COLUMNS * pitch[1], GAP + number % COLUMNS * pitch[0]
        page[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    write(
        page, credits, left=GAP, baseline=page.shape[0] - 14, size=TITLE_SIZE, colour=INK, width=page.shape[1] - 2 * GAP
    )
    return page


def missing(tiles: Iterable[Tile]) -> list[str]:
    """Return the built-in filters of pictures and frames that no tile shows, but for those that need a file of the
    user's."""
    shown = {step.name for tile in tiles for step in parse_chain(tile.chain)}
    schemas = registry.schemas()
    wanted = [name for name in registry.BUILT_IN if schemas[name].material != "record"]
    return [name for name in wanted if name not in shown and not _needs_a_file(schemas[name])]


def _needs_a_file(schema: FilterSchema) -> bool:
    """Return whether a filter does nothing without a file of the user's, such as a network."""
    files = {each.name for each in schema.parameters if each.type == "asset"}
    return not files.isdisjoint(schema.requires)


def main() -> int:
    try:
        tiles = [drawn(tile) for tile in TILES]
    except OSError as error:
        print(f"The gallery was not drawn: {error}", file=sys.stderr)
        return 1
    save(page_of(tiles, CREDITS), PAGE)
    print(f"wrote {PAGE}: {PAGE.stat().st_size} bytes. {CREDITS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
