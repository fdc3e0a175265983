"""What tests of comparisons compare: nothing that is read, and rounds that are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moviola.comparison.messages import Finished
from moviola.comparison.records import Mode, Round
from moviola.comparison.request import Request
from moviola.filters.chain import Step
from moviola.media.material import Encoder, Material, Output
from moviola.session.order import Order

LOCAL = (Mode.SEQUENTIAL, Mode.THREADS)


def request(*modes: Mode, **more: Any) -> Request:
    """A request for a clip that is not there."""
    order = Order((Output("blur", (Step("blur", {"radius": 2}),), Encoder()),))
    return Request(Material.single("video", "clip.mp4"), order, modes or LOCAL, workers=2, **more)


def taken(number: int = 1, seconds: float = 1.0, other_cores: float = 0.0) -> Round:
    """A round that took so long."""
    return Round(number, seconds, 2 * seconds, 1000 + number, other_cores)


def finished(digest: str = "d1", file: Path = Path("blur.mp4"), seconds: float = 1.0) -> Finished:
    """What came of a round of 60 frames in 4 chunks."""
    return Finished(seconds, "frame", 60, 4, {"blur": digest}, {"blur": file})
