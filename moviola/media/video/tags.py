"""Tags of files and streams: which of them go on, and under which names a container has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from moviola.media.video.containers import Container
from moviola.media.video.headers import Tags

_STALE: Final = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "rotate", "duration"}
)
"""Tags that describe the source's container or its encoder, and would be wrong of the new one; `rotate` was obeyed."""

_STATISTICS: Final = re.compile(r"(bps|number_of_frames|number_of_bytes|_statistics_\w+|duration)(-\w+)?")
"""Tags in which Matroska's muxers tell what they counted of a stream."""

_KIND_OF_HANDLER: Final = re.compile(r"handle|^core media|^apple \w+ media|iso media file|^mainconcept|^\s*$", re.I)
"""A handler's name that says what kind of track it is, or whose program wrote it: no title."""

TITLE: Final = "title"
_NAME: Final = "name"  # what FFmpeg calls a track's title where it reads it from an MP4
CREATED: Final = "creation_time"
TIMECODE: Final = "timecode"
"""What FFmpeg makes of a `tmcd` track, on the track and on its video; its muxers make such a track of it."""

_HANDLER: Final = "handler_name"
LANGUAGE: Final = "language"
UNKNOWN: Final = "und"
"""The language of a stream that is of none, or does not tell it (ISO 639-2)."""


def lasting(tags: Mapping[str, str]) -> Tags:
    """Return the tags that stay true in another file; these are said to be kept, changed or lost."""
    return {
        name: value
        for name, value in tags.items()
        if name.lower() not in _STALE and not _STATISTICS.fullmatch(name.lower()) and value
    }


def stream_tags(tags: Mapping[str, str], language: str, container: Container) -> Tags:
    """Return the tags of a stream for a container: a track's title is its own tag everywhere, and a handler's name,
    which MP4 and QuickTime alone have, is the title where there is no other."""
    told = {
        name: text for name, text in lasting(tags).items() if name.lower() not in (TITLE, _NAME, LANGUAGE, _HANDLER)
    }
    title, handler = named(tags, TITLE) or named(tags, _NAME), named(tags, _HANDLER)
    if container.is_boxes and handler:
        told[_HANDLER] = handler
    elif not title and not _KIND_OF_HANDLER.search(handler):
        title = handler
    if title:
        told[TITLE] = title
        if container.is_boxes:
            told.setdefault(_HANDLER, title)  # where older players look for it
    if language in ("", UNKNOWN):
        language = named(tags, LANGUAGE) or UNKNOWN
    told[LANGUAGE] = language  # unsaid, Matroska takes it for English
    return told


def named(tags: Mapping[str, str], name: str) -> str:
    """Return the text of a tag whose name may be of any case; empty without one."""
    return next((text for other, text in tags.items() if other.lower() == name), "")


def same_tags(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str | None]:
    """Return the tags that are not found as they are wanted, with what is found instead; names are of any case."""
    there = {name.lower(): value for name, value in found.items()}
    if _NAME in there:
        there.setdefault(TITLE, there[_NAME])
    return {
        name: there.get(name.lower())
        for name, value in wanted.items()
        if not _is_same(name.lower(), value, there.get(name.lower()))
    }


def _is_same(name: str, value: str, other: str | None) -> bool:
    if name == CREATED and other is not None and value != other:
        one, two = time_of(value), time_of(other)
        return one is not None and one == two
    return value == other


def time_of(text: str) -> datetime | None:
    """Return a time in ISO 8601, of UTC where it tells no zone; None of anything else."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
