"""Animations that are to become videos, because the name of their output says so."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from moviola.media import images, video
from moviola.media.errors import UnreadableSource
from moviola.media.images.formats import CAN_MOVE, format_of_file
from moviola.media.material import Material
from moviola.media.video.containers import BY_EXTENSION


@contextmanager
def as_videos(
    materials: Sequence[Material], out: str | None, say: Callable[[str], None], *, strict: bool = False
) -> Iterator[list[Material]]:
    """Yield the materials; if the only one is an animation and `out` is a video's name, yield it as a video instead.

    The video is a temporary file, which is deleted after the block; the material keeps the animation's name.

    Args:
        say: called with each thing that the video does not keep of the animation, a sentence each.
        strict: raise instead where something is not kept.

    Raises:
        moviola.media.errors.UnreadableSource: the animation cannot be read, or not all of it is kept with `strict`.
    """
    path = _animation(materials)
    if out is None or path is None or Path(out).suffix.lower() not in BY_EXTENSION:
        yield list(materials)
        return
    from moviola.media.images.readers import is_animation  # noqa: PLC0415 - libraries that a command does without
    from moviola.media.video.reading.stills import clip_of_animation  # noqa: PLC0415 - as above

    if not is_animation(path):
        yield list(materials)
        return
    with tempfile.TemporaryDirectory(prefix="moviola-animation-") as folder:
        clip = Path(folder, path.name)  # which is what people are told of
        harms = clip_of_animation(path, clip)
        if harms and strict:
            raise UnreadableSource(path, f"it {' and '.join(harms)}", "without --strict it is sent all the same")
        for harm in harms:
            say(f"{materials[0].name} {harm}")
        yield [Material(video.KIND.name, materials[0].name, ((materials[0].name, clip),))]


def _animation(materials: Sequence[Material]) -> Path | None:
    """Return the only file that is to be sent, if it is a picture of a format that can move."""
    if len(materials) != 1 or materials[0].kind != images.KIND.name or len(materials[0].files) != 1:
        return None
    path = materials[0].path
    return path if format_of_file(path) in CAN_MOVE else None
