"""Filters as a user would write them, in a file of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

import moviola
from moviola import Between

NAMES = ("changed", "dimmed", "halved")

Picture = np.ndarray[Any, np.dtype[np.uint8]]


@moviola.filter
def dimmed(
    picture: Picture,
    strength: Annotated[float, Between(0, 1, help="how much of it")] = 0.5,
    channel: Literal["all", "blue"] = "all",
    noting: bool = True,
) -> tuple[Picture, dict[str, Any] | None]:
    """Takes light away.

    More of it is not said in lists.
    """
    made = (picture * (1 - strength)).astype(np.uint8)
    if channel == "blue":
        made = np.dstack([made[..., 0], picture[..., 1:]])
    return made, {"mean": float(made.mean())} if noting else None


def half(width: int, height: int) -> tuple[int, int]:
    return (width + 1) // 2, (height + 1) // 2


@moviola.filter(output_size=half)
def halved(picture: Picture) -> Picture:
    return picture[::2, ::2]


@moviola.filter(context=1, name="changed")
def difference(picture: Picture, earlier: list[Picture]) -> Picture:
    """What changed since the frame before."""
    before = earlier[-1] if earlier else picture
    changed: Picture = np.abs(picture.astype(int) - before).astype(np.uint8).max(axis=2)
    return changed
