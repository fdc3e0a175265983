"""Where two results that ought to be equal differ first: which file, and which frame, line or byte of it."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from moviola.base.file_names import for_ffmpeg

TEXTS: Final = frozenset((".json", ".jsonl", ".csv"))
BLOCK: Final = 1024 * 1024


def first_difference(one: Path, other: Path) -> str:
    """Return in words where two results differ first, such as "frame 17"; empty where they are equal.

    Args:
        one, other: files, or folders of pictures.
    """
    if one.is_dir() or other.is_dir():
        return _of_folders(one, other)
    if filecmp.cmp(one, other, shallow=False):
        return ""
    if one.suffix in TEXTS:
        return _of_lines(one, other)
    return _of_videos(one, other) or _of_bytes(one, other)


def _of_folders(one: Path, other: Path) -> str:
    names = sorted(
        {path.relative_to(folder).as_posix() for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    )
    for name in names:
        if not (one / name).is_file() or not (other / name).is_file():
            return f"the file {name}, which only one of them has"
        if not filecmp.cmp(one / name, other / name, shallow=False):
            return f"the file {name}"
    return ""


def _of_lines(one: Path, other: Path) -> str:
    with one.open("rb") as left, other.open("rb") as right:
        for number, (ours, theirs) in enumerate(zip_longest(left, right), 1):
            if ours != theirs:
                return f"line {number} of {one.name}"
    return ""


def _of_bytes(one: Path, other: Path) -> str:
    with one.open("rb") as left, other.open("rb") as right:
        offset = 0
        while True:
            ours, theirs = left.read(BLOCK), right.read(BLOCK)
            for index, (a, b) in enumerate(zip_longest(ours, theirs)):
                if a != b:
                    return f"byte {offset + index} of {one.name}"
            if not ours and not theirs:
                return ""
            offset += len(ours)


def _of_videos(one: Path, other: Path) -> str:
    import av  # noqa: PLC0415 - for those who have a difference
    from av.error import FFmpegError  # noqa: PLC0415

    try:
        with av.open(for_ffmpeg(one)) as left, av.open(for_ffmpeg(other)) as right:
            for index, (ours, theirs) in enumerate(zip_longest(_pictures(left), _pictures(right))):
                if ours != theirs:
                    return f"frame {index} of {one.name}"
        with av.open(for_ffmpeg(one)) as left, av.open(for_ffmpeg(other)) as right:
            for index, (ours, theirs) in enumerate(zip_longest(_packets(left), _packets(right))):
                if ours != theirs:
                    stream = (ours or theirs)[0]
                    return f"packet {index} of {one.name}, of its stream {stream}, though all pictures are the same"
    except (FFmpegError, ValueError):
        return ""
    return ""


def _pictures(container: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the time, format and samples of each frame of a video."""
    for frame in container.decode(video=0) if container.streams.video else ():
        yield frame.pts, frame.format.name, frame.to_ndarray().tobytes()


def _packets(container: Any) -> Iterator[tuple[Any, ...]]:
    for packet in container.demux():
        if packet.size:
            yield packet.stream.index, packet.pts, packet.dts, packet.is_keyframe, bytes(packet)
