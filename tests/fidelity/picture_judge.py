"""Compares a picture with what was made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Final

from tests.fidelity.pictures import Picture, is_picture, look
from tests.fidelity.said import Answer
from tests.fidelity.verdicts import Fate, Verdict, joined

VIDEOS: Final = frozenset([".mp4", ".mkv", ".mov", ".webm", ".avi", ".ogv", ".ogg", ".ts"])

DPI_TOLERANCE: Final = 0.1
"""PNG counts pixels a metre: 72 dpi are read as 71.9836."""

ROUNDED_MS: Final = 2
"""By so much a frame of an animation may begin earlier or later."""


def verdicts(source: Path, answer: Answer) -> list[Verdict]:
    """Return what became of each aspect of a picture. Raise OSError, ValueError where one cannot be read."""
    before = look(source)
    output = answer.outputs[0]
    if output.suffix.lower() in VIDEOS:
        said = answer.said("animation|video|frames")
        is_one = before.frames == 1
        fate = Fate.SAID if said and not is_one else Fate.LOST
        return [
            Verdict(
                "frames", fate, f"{'a picture' if is_one else f'{before.frames} frames'} became {output.name} {said}"
            )
        ]
    after = look(output)
    pictures = [each for each in answer.outputs if is_picture(each)]
    if len(pictures) > 1:
        after = replace(after, frames=len(pictures))
    return [judge(before, after, answer) for judge in JUDGES]


def _compared(aspect: str, is_kept: bool, text: str, answer: Answer, pattern: str) -> Verdict:
    if is_kept:
        return Verdict(aspect, Fate.KEPT, text)
    said = answer.said(pattern)
    return Verdict(aspect, Fate.SAID if said else Fate.LOST, f"{text} ({said})" if said else text)


def _frames(before: Picture, after: Picture, answer: Answer) -> Verdict:
    text = f"{before.frames} → {after.frames}"
    is_kept = before.frames == after.frames or _merged(before.durations, after.durations)
    return _compared("frames", is_kept, text, answer, r"pages?\b|frames (of|become)|animation|pictures")


def _times(before: Picture, after: Picture, answer: Answer) -> Verdict:
    if not before.durations:
        return Verdict("times", Fate.NOTHING)
    return _compared(
        "times",
        _alike(before.durations, after.durations),
        f"{len(before.durations)} durations of {sum(before.durations)} ms → {sum(after.durations)} ms",
        answer,
        r"animation|duration|frames (of|become)|pages?\b",
    )


def _merged(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether frames that show the same became one that lasts as long as they did together."""
    begun = set(accumulate(before))
    return bool(after) and sum(before) == sum(after) and begun.issuperset(accumulate(after))


def _alike(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether no frame begins more than 2 ms earlier or later: formats count whole milliseconds, or hundredths."""
    if len(before) != len(after):
        return _merged(before, after)
    begun = zip(accumulate(before), accumulate(after), strict=True)
    return all(abs(one - other) <= ROUNDED_MS for one, other in begun)


def _colour(before: Picture, after: Picture, answer: Answer) -> Verdict:
    """The profile, the depth and the model of the colours."""
    changed = []
    if before.icc and before.icc != after.icc:
        changed.append("ICC profile " + ("changed" if after.icc else "not there"))
    if before.bits and after.bits and before.bits != after.bits and before.bits != "bool":
        changed.append(f"{before.bits} → {after.bits}")
    if before.mode != after.mode:
        changed.append(f"{before.mode} → {after.mode}")
    if before.alpha != after.alpha:
        changed.append(f"{before.alpha or 'no alpha'} → {after.alpha or 'no alpha'}")
    text = ", ".join(changed) or before.mode
    return _compared(
        "colour",
        not changed,
        text,
        answer,
        "ICC|profile|colour|bits|alpha|transparen|palette|CMYK|convert|written as|read as",
    )


def _tags(before: Picture, after: Picture, answer: Answer) -> Verdict:
    """EXIF, XMP, comments and the resolution."""
    verdicts = []
    missing = [name for name, value in before.exif.items() if after.exif.get(name) != value]
    if before.exif:
        text = f"EXIF {', '.join(missing[:4])}{' …' if len(missing) > 4 else ''}" if missing else ""
        verdicts.append(_compared("tags", not missing, text, answer, "EXIF|notes"))
    if before.xmp:
        verdicts.append(_compared("tags", bool(after.xmp), "" if after.xmp else "XMP", answer, "XMP"))
    if before.comment:
        kept = before.comment.strip("\0 ") == after.comment.strip("\0 ")
        verdicts.append(_compared("tags", kept, "" if kept else "comment", answer, "comment"))
    if before.dpi:
        kept = (
            after.dpi is not None
            and max(abs(a - b) for a, b in zip(before.dpi, after.dpi, strict=True)) < DPI_TOLERANCE
        )
        verdicts.append(
            _compared("tags", kept, "" if kept else f"dpi {before.dpi} → {after.dpi}", answer, "dpi|resolution")
        )
    return joined("tags", verdicts)


def _geometry(before: Picture, after: Picture, answer: Answer) -> Verdict:
    """The size as it is seen: a picture may have been turned upright."""
    shown = [each.size[::-1] if each.orientation > 4 else each.size for each in (before, after)]
    text = f"{shown[0][0]}×{shown[0][1]}" + ("" if shown[0] == shown[1] else f" → {shown[1][0]}×{shown[1][1]}")
    return _compared("geometry", shown[0] == shown[1], text, answer, "size|turn|rotat|orientation")


JUDGES: Final[tuple[Callable[[Picture, Picture, Answer], Verdict], ...]] = (_frames, _times, _tags, _colour, _geometry)
