"""Records as a client may rely on them: what is of a wrong type in their maps is left out, as if it had not been told.

A record's fields are checked when it is received; what is within its maps comes from workers and aggregators by way of
the middleware, and any of them may be of another version, or mean ill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from moviola.wire.messages import Job

Shapes = Mapping[str, Callable[[Any], bool]]


def job(record: Job) -> Job:
    """Return the record with only those entries of its maps that are what they should be."""
    details = _typed(record.details, _DETAILS)
    for name, shapes in (("failures", _FAILURE), ("outputs", _ASKED)):
        details |= {name: _each(details[name], shapes)} if name in details else {}
    return replace(
        record,
        outputs=[{**one, **_lists(one)} for one in _each(record.outputs, _SUMMARY)],
        files=_each(record.files, _FILE),
        details=details,
    )


def _typed(data: Mapping[str, Any], shapes: Shapes) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in shapes or shapes[name](value)}


def _each(entries: list[dict[str, Any]], shapes: Shapes) -> list[dict[str, Any]]:
    return [_typed(one, shapes) for one in entries]


def _lists(summary: dict[str, Any]) -> dict[str, Any]:
    return {"failures": _each(summary["failures"], _FAILURE)} if "failures" in summary else {}


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _maybe_count(value: Any) -> bool:
    return value is None or _count(value)


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _maps(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _chain(value: Any) -> bool:
    return _maps(value) and all(
        isinstance(step.get("name"), str) and isinstance(step.get("parameters", {}), dict) for step in value
    )


def _frames(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (0, 2) and all(map(_count, value))


_SUMMARY: Final[Shapes] = {
    **dict.fromkeys(("name", "state", "digest", "file", "metrics_file"), _text),
    **dict.fromkeys(
        ("frames_in", "frames_out", "fallback_frames", "lost_frames", "damaged_frames", "retries", "duplicates"), _count
    ),
    "warnings": _texts,
    "failures": _maps,
}
_FILE: Final[Shapes] = {"size": _count, **dict.fromkeys(("file", "folder", "xxh3"), _text)}
_DETAILS: Final[Shapes] = {"on_error": _text, "aggregator": _text, "outputs": _maps, "failures": _maps}
_ASKED: Final[Shapes] = {"name": _text, "chain": _chain, "codec": _text, "crf": _number}
_FAILURE: Final[Shapes] = {
    **dict.fromkeys(
        ("output", "filter", "worker", "failure_type", "failure_reason", "explanation", "traceback"), _text
    ),
    "chunk": _count,
    "frame": _maybe_count,
    "frames": _frames,
}
