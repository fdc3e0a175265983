"""What people are told of a video before it is sent: what it is, by its facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from av import VideoFormat

from moviola.media.fidelity import Trait
from moviola.media.material import Facts, Source

_PRIMARIES: Final = {1: "BT.709", 4: "BT.470 M", 5: "BT.601 (625 lines)", 6: "BT.601 (525 lines)", 9: "BT.2020",
                     11: "DCI-P3", 12: "Display P3"}  # fmt: skip
_TRANSFERS: Final = {1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "BT.601", 8: "linear", 13: "sRGB", 14: "BT.2020",
                     15: "BT.2020", 16: "PQ", 18: "HLG"}  # fmt: skip
_MATRICES: Final = {0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.601", 6: "BT.601", 9: "BT.2020", 10: "BT.2020, constant",
                    14: "ICtCp"}  # fmt: skip
"""Numbers of ITU-T H.273 that video has as a rule; others are told as they are."""

_HDR: Final = {16: "HDR, PQ (SMPTE ST 2084)", 18: "HDR, HLG (ARIB STD-B67)"}
"""By transfer characteristics."""

_SUBSAMPLING: Final = {
    (2, 2): "4:2:0",
    (2, 1): "4:2:2",
    (1, 1): "4:4:4",
    (4, 1): "4:1:1",
    (4, 4): "4:1:0",
    (1, 2): "4:4:0",
}
"""By how many times wider and higher the first plane is than that of a colour difference."""


def traits(source: Source) -> Iterator[Trait]:
    """Yield what a video is, by the facts that `facts_of` lists."""
    facts = source.facts
    told = facts.get("metadata") or {}
    container: Mapping[str, Any] = told.get("container") or {}
    streams: list[Facts] = told.get("streams") or []
    yield Trait("container", _container(facts, container))
    profile = f" {facts['profile']}" if facts["profile"] else ""
    yield Trait("video", f"{facts['codec']}{profile}, {facts['width']}×{facts['height']}")
    yield Trait("pixels", _pixels(facts["pix_fmt"]))
    video = next((each for each in streams if each.get("type") == "video" and "variable_rate" in each), {})
    yield Trait("frame rate", _rate(Fraction(facts["rate"]), video))
    yield Trait("frames", _frames(facts, video))
    yield Trait("begins at", f"{container.get('start_s') or 0:g} s")
    yield Trait("turned", facts["orientation"])
    yield Trait("pixel aspect", _aspect(facts["sample_aspect"]))
    yield Trait("fields", str(source.process.get("fields") or "") or "not told")
    yield Trait("colour", _colour(video))
    yield Trait("HDR", _HDR.get(video.get("color_trc") or 0, "none"))
    hidden = facts["hidden_frames"]
    yield Trait("edit list", f"cuts away {hidden} frame{'s' * (hidden != 1)}" if hidden else "cuts nothing away")
    for each in streams:
        if each is not video:
            yield Trait(f"stream {each['index']}", _stream(each))
    yield Trait("chapters", str(told.get("chapter_count", 0) or "none"))
    yield Trait("tags", ", ".join(container.get("tags") or ()) or "none")


def _container(facts: Facts, container: Mapping[str, Any]) -> str:
    size = container.get("size")
    parts = [container.get("long_name") or facts["container"], f"{facts['duration_s']:.3f} s"]
    return ", ".join([*parts, *([f"{size:,} bytes"] if size else [])])


def _pixels(pix_fmt: str | None) -> str:
    """Return bits, subsampling and transparency of a pixel format in words, and FFmpeg's name of it."""
    if pix_fmt is None:
        return "not told"
    form = VideoFormat(pix_fmt)
    bits = max((each.bits for each in form.components), default=0)
    colour = [each for each in form.components if not each.is_alpha]
    layout = "grey" if len(colour) == 1 else "RGB"
    if not form.is_rgb and len(colour) == 3:
        ratio = round(64 / form.chroma_width(64)), round(64 / form.chroma_height(64))
        layout = _SUBSAMPLING.get(ratio, "YUV")
    alpha = ", with transparency" * any(each.is_alpha for each in form.components)
    return f"{bits} bits, {layout}{alpha} ({pix_fmt})"


def _rate(rate: Fraction, video: Facts) -> str:
    interval = video.get("frame_interval_s")
    if video.get("variable_rate") and interval:
        return f"variable: a frame lasts {_between(interval)}; {rate} a second on the average"
    exact = f"{rate} = {float(rate):.3f}" if rate.denominator != 1 else str(rate)
    return f"{exact} a second, constant"


def _frames(facts: Facts, video: Facts) -> str:
    keyframes = video.get("keyframes") or {}
    count, interval = facts["keyframe_count"], keyframes.get("interval_s")
    each = f", one each {_between(interval)}" if interval else ""
    return f"{facts['frame_count']}; {count} keyframe{'s' * (count != 1)}{each}"


def _between(spread: Facts) -> str:
    least, most = f"{spread['min']:g}", f"{spread['max']:g}"
    return f"{least} s" if least == most else f"{least} to {most} s"


def _aspect(told: str | None) -> str:
    aspect = Fraction(told) if told else None
    return f"{aspect.numerator}:{aspect.denominator}" if aspect else "not told"


def _colour(video: Facts) -> str:
    names = (
        ("primaries", _PRIMARIES, video.get("color_primaries")),
        ("transfer", _TRANSFERS, video.get("color_trc")),
        ("matrix", _MATRICES, video.get("colorspace")),
    )
    told = [f"{name} {words.get(number, number)}" for name, words, number in names if number is not None]
    wide = video.get("color_range")
    return ", ".join([*told, *([f"{wide} range"] if wide else [])]) or "not told"


def _stream(each: Facts) -> str:
    parts = [f"{each['type']}, {each['codec'] or 'no decoder'}"]
    if each.get("sample_rate"):
        parts.append(f"{each['sample_rate']} Hz, {each['layout']}")
    if each.get("width"):
        parts.append(f"{each['width']}×{each['height']}")
    if each["language"] != "und":
        parts.append(each["language"])
    if title := each["tags"].get("title"):
        parts.append(f'"{title}"')
    if each.get("start_s"):
        parts.append(f"begins at {each['start_s']:g} s")
    return ", ".join([*parts, *(flag for flag in each["disposition"] if flag)])
