"""What ffprobe says of a file."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from tests.fidelity.facts import COVER, Chapter, File, Stream

TIMEOUT_S: Final = 300.0
"""More than ffprobe takes for the header and the first frames of any file."""

FIRST_FRAMES: Final = 24
"""Frames that are looked at for what hangs on them: captions begin some frames after the start."""

UNREMARKABLE: Final = frozenset(
    {
        "CPB properties",  # the encoder's buffer
        "H.26[45] User Data Unregistered SEI message",  # settings of the source's encoder
        "GOP timecode",
        "QP table data",
        "Matroska BlockAdditional",
        "MPEGTS Stream ID",
        "Skip Samples",
        "New Extradata",
        "AVPanScan",
    }
)
"""Side data that describes how the source was coded, and would be false of an output."""


def is_installed() -> bool:
    """Whether there is an ffprobe to ask."""
    return shutil.which("ffprobe") is not None


def describe(path: Path) -> File:
    """Return what ffprobe says of a file. Raise ValueError where it cannot read it."""
    told = _ask(path, "-show_format", "-show_streams", "-show_chapters")
    if not told.get("streams"):
        raise ValueError(f"ffprobe finds no stream in {path.name}")
    frames = _first_frames(path)
    shape = told["format"]
    return File(
        format=shape.get("format_name", ""),
        duration=_number(shape.get("duration")),
        start=_number(shape.get("start_time")),
        tags=dict(shape.get("tags", {})),
        chapters=tuple(_chapter(each) for each in told.get("chapters", ())),
        streams=tuple(_stream(each, frames.get(each["index"], [])) for each in told["streams"]),
    )


def _ask(path: Path, *options: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "quiet", "-of", "json", *options, str(path)]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    told: dict[str, Any] = json.loads(done.stdout.decode("utf-8", "replace") or "{}")
    return told


def _first_frames(path: Path) -> dict[int, list[dict[str, Any]]]:
    """Return the first frames of the first video stream, by the stream's index."""
    asked = ("-show_frames", "-select_streams", "v:0", "-read_intervals", f"%+#{FIRST_FRAMES}")
    by_stream: dict[int, list[dict[str, Any]]] = {}
    for frame in _ask(path, *asked).get("frames", ()):
        by_stream.setdefault(frame.get("stream_index", 0), []).append(frame)
    return by_stream


def _stream(told: dict[str, Any], frames: list[dict[str, Any]]) -> Stream:
    dispositions = frozenset(name for name, is_set in told.get("disposition", {}).items() if is_set)
    kind = COVER if "attached_pic" in dispositions else told.get("codec_type", "data")
    first = frames[0] if frames else {}
    return Stream(
        index=told["index"],
        type=kind,
        codec=told.get("codec_name", ""),
        tags=dict(told.get("tags", {})),
        dispositions=dispositions,
        colour=_colour(told, first),
        pixels=told.get("pix_fmt", first.get("pix_fmt", "")),
        size=(int(told.get("width", 0)), int(told.get("height", 0))),
        field_order=_field_order(told, frames) if kind == "video" else "",
        aspect=told.get("sample_aspect_ratio", first.get("sample_aspect_ratio", "")),
        side_data=_side_data(told, frames),
        promised=int(told.get("nb_frames", 0)),
    )


def _colour(told: dict[str, Any], frame: dict[str, Any]) -> dict[str, str]:
    names = ("color_range", "color_space", "color_primaries", "color_transfer", "chroma_location")
    found = {name: str(told.get(name) or frame.get(name) or "unknown") for name in names}
    return {name: value for name, value in found.items() if value not in ("unknown", "unspecified", "")}


def _field_order(told: dict[str, Any], frames: list[dict[str, Any]]) -> str:
    """Return what the frames say where any is interlaced, else what the stream says."""
    interlaced = [frame for frame in frames if frame.get("interlaced_frame")]
    if interlaced:
        return "top first" if interlaced[0].get("top_field_first") else "bottom first"
    order = str(told.get("field_order", ""))
    if order in ("tt", "tb"):
        return "top first"
    if order in ("bb", "bt"):
        return "bottom first"
    return "" if order == "unknown" else order


def _side_data(told: dict[str, Any], frames: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for carrier in (*frames, told):
        for each in carrier.get("side_data_list", ()):
            name = str(each.get("side_data_type", "")).replace(" metadata", "").removesuffix(" Metadata")
            if each.get("type") == "2D":
                continue  # stereo of one view
            if name and each["side_data_type"] not in UNREMARKABLE:
                found[name] = _in_a_line(name, each)
    return found


def _in_a_line(name: str, each: Mapping[str, Any]) -> str:
    if "Matrix" in name:
        return f"rotation={int(each.get('rotation', 0)) % 360}"
    values = {key: value for key, value in each.items() if key not in ("side_data_type", "timecode")}
    if "Mastering" in name or "light level" in name:
        return ", ".join(f"{key}={_evaluated(value)}" for key, value in sorted(values.items()))
    return ", ".join(key for key in sorted(values) if not key.startswith("dv_"))[:80]


def _evaluated(value: object) -> str:
    try:
        return f"{float(Fraction(str(value))):.4g}"
    except (ValueError, ZeroDivisionError):
        return str(value)


def _chapter(told: dict[str, Any]) -> Chapter:
    return Chapter(_number(told["start_time"]), _number(told["end_time"]), told.get("tags", {}).get("title", ""))


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0
