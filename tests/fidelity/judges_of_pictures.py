"""What the pictures of a video are: colour, depth, fields, shape, and what hangs on them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from tests.fidelity import by_pyav
from tests.fidelity.facts import Stream
from tests.fidelity.pair import Pair
from tests.fidelity.verdicts import Fate, Verdict, joined

NEWER: Final = {"Mastering display": "MASTERING_DISPLAY_METADATA", "Content light level": "CONTENT_LIGHT_LEVEL"}
"""Side data that an older ffprobe does not read in every codec: its name, and PyAV's."""

UPRIGHT: Final = "rotation=0"

WORDS: Final = {
    "DOVI": "dolby",
    "Dolby": "dolby",
    "Caption": "caption",
    "Mastering": "mastering|HDR",
    "Content light": "light level|HDR",
    "Stereo": "stereo|MV-HEVC|view|3D",
    "Spherical": "spherical|360",
    "SMPTE 12": "timecode",
    "2094": "HDR10|dynamic",
    "ICC": "ICC",
}
"""What a sentence about such side data says."""


def colour(pair: Pair) -> Verdict:
    """What the source tells of its colours, and how deep they are."""
    if pair.videos is None:
        return Verdict("colour", Fate.NOTHING)
    first, second = pair.videos
    changed = [
        f"{name.removeprefix('color_')} {value} → {second.colour.get(name, 'not told')}"
        for name, value in first.colour.items()
        if second.colour.get(name) != value and not _is_told_otherwise(name, value, second)
    ]
    if first.pixels != second.pixels and first.pixels.replace("yuvj", "yuv") != second.pixels.replace("yuvj", "yuv"):
        changed.append(f"{first.pixels} → {second.pixels}")
    return pair.judged(
        "colour",
        not changed,
        ", ".join(changed) or second.pixels,
        r"cannot hold|convert|colour|chroma|range|alpha|depth",
    )


def _is_told_otherwise(name: str, value: str, made: Stream) -> bool:
    """Left-sited chroma and limited range are what a file means that says nothing; and where chroma has as many lines
    as luma, its upper left is its left."""
    if name == "chroma_location" and "420" not in made.pixels and value == "topleft":
        return made.colour.get(name) in (None, "left")
    return name not in made.colour and value in ("left", "tv")


def side_data(pair: Pair) -> Verdict:
    if pair.videos is None:
        return Verdict("side data", Fate.NOTHING)
    first, second = pair.videos
    verdicts = []
    for name, value in first.side_data.items():
        if "Matrix" in name or name == "Active Format Description":
            continue  # rotation is judged by itself
        found = second.side_data.get(name)
        if found is None and _is_read_by_pyav(pair, name):
            found = value
        text = name if found == value else f"{name} ({value})" + (f" → {found}" if found is not None else "")
        verdicts.append(pair.judged("side data", found == value, text, _words_for(name)))
    if first.tags.get("alpha_mode") == "1":
        verdicts.append(
            pair.judged(
                "side data",
                second.tags.get("alpha_mode") == "1" or "a" in second.pixels.partition("p")[0],
                "alpha",
                "alpha|transparen",
            )
        )
    return joined("side data", verdicts)


def _is_read_by_pyav(pair: Pair, name: str) -> bool:
    """Whether the same hangs on the first frame of both: ffprobe reads it in H.264 from version 6.1 on."""
    newer = NEWER.get(name)
    if newer is None:
        return False
    before, after = (by_pyav.side_data(path).get(newer) for path in (pair.source_path, pair.output_path))
    return before is not None and before == after


def _words_for(name: str) -> str:
    """Return a pattern for sentences about side data of this name."""
    return next((pattern for word, pattern in WORDS.items() if word in name), re.escape(name))


def field_order(pair: Pair) -> Verdict:
    if pair.videos is None or not pair.videos[0].field_order:
        return Verdict("field order", Fate.NOTHING)
    first, second = pair.videos
    kept = first.field_order == second.field_order or (first.field_order == "progressive" and not second.field_order)
    return pair.judged(
        "field order",
        kept,
        first.field_order if kept else f"{first.field_order} → {second.field_order or 'not told'}",
        "field|interlac",
    )


def geometry(pair: Pair) -> Verdict:
    """Rotation, the shape of a pixel, and the size; a rotation may have become a turned picture."""
    if pair.videos is None:
        return Verdict("geometry", Fate.NOTHING)
    first, second = pair.videos
    turned = [
        side.side_data.get("Display Matrix", side.side_data.get("3x3 displaymatrix", UPRIGHT))
        for side in (first, second)
    ]
    shown, aspect = _as_shown(first, turned[0]) if turned[1] == UPRIGHT else (first.size, _aspect(first))
    changed = [] if turned[1] in (turned[0], UPRIGHT) else [f"{turned[0]} → {turned[1]}"]
    for name, one, other in (("size", shown, second.size), ("aspect", aspect, _aspect(second))):
        if one != other and not _is_rounded(name, one, other):
            changed.append(f"{name} {one} → {other}")
    if len(pair.before.sizes) > 1:
        changed.append(f"{len(pair.before.sizes)} sizes")
    return pair.judged(
        "geometry",
        not changed,
        ", ".join(changed) or f"{second.size[0]}×{second.size[1]}",
        "size|aspect|rotat|turn|cannot hold",
    )


def _is_rounded(name: str, one: object, other: object) -> bool:
    """Whether the shape of a pixel is the same but for what 16 bits cannot tell, as H.264 has them."""
    if name != "aspect":
        return False
    before, after = (Fraction(str(each).replace(":", "/")) for each in (one, other))
    return abs(before - after) <= before / 2**15


def _as_shown(stream: Stream, turned: str) -> tuple[tuple[int, int], str]:
    """Return size and aspect of the picture as a player turns it."""
    if turned not in ("rotation=90", "rotation=270"):
        return stream.size, _aspect(stream)
    width, height = stream.size
    across, down = _aspect(stream).split(":")
    return (height, width), f"{down}:{across}"


def _aspect(stream: Stream) -> str:
    return "1:1" if stream.aspect in ("", "0:1", "1/1", "N/A") else stream.aspect
