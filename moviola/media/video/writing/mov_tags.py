"""Tags, cover pictures and flags of tracks in MP4 and QuickTime files, which FFmpeg's muxer does not write.

A tag that has an atom of its own gets that; any other is a key of the metadata list that QuickTime and Android write
(QuickTime File Format, "Metadata"): `moov/meta` with the handler `mdta`, which takes any name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from moviola.media.video.mov_boxes import Box
from moviola.media.video.tags import time_of

# Types of values: QuickTime File Format, "Well-known types".
_UTF8: Final = 1
_JPEG: Final = 13
_PNG: Final = 14
_SIGNED: Final = 21
_FLOAT32: Final = 23
_BMP: Final = 27

COVERS: Final[Mapping[str, int]] = {"mjpeg": _JPEG, "png": _PNG, "bmp": _BMP}
"""The codecs of pictures that a cover may have, and the type of each."""

_TEXT_ATOMS: Final[Mapping[str, bytes]] = {
    "sort_name": b"sonm",
    "sort_artist": b"soar",
    "sort_album": b"soal",
    "sort_album_artist": b"soaa",
    "sort_composer": b"soco",
    "sort_show": b"sosn",
    "purchase_date": b"purd",
}
"""Atoms of iTunes' list, by FFmpeg's names of their tags."""

_RATING: Final = "rating"
_LOCATION: Final = "location"
_FRAME_RATES: Final = ("com.android.capture.fps",)
"""Keys whose value is a float32; Android reads no other there."""

_ENGLISH: Final = 0x15C7
_ENABLED: Final = 1  # in the flags of a `tkhd`
_LETTERS: Final = 3
_EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)


class Cover(NamedTuple):
    """A cover picture, in a codec of COVERS."""

    codec: str
    data: bytes


class TrackFacts(NamedTuple):
    """What a track is.

    Attributes:
        language: by ISO 639-2.
        enabled: it is played unasked; None leaves that as it is.
        created: when it was made, by ISO 8601; empty where that is not known.
    """

    language: str
    enabled: bool | None
    created: str


def add_tags(moov: Box, tags: Mapping[str, str], covers: Iterable[Cover], *, is_quicktime: bool) -> None:
    """Add tags, by FFmpeg's names of them, and cover pictures. In QuickTime files `meta` has no version and flags."""
    rest = dict(tags)
    items = [_item(atom, _UTF8, rest.pop(name).encode()) for name, atom in _TEXT_ATOMS.items() if name in rest]
    if rest.get(_RATING, "").isdecimal() and int(rest[_RATING]) < 128:
        items.append(_item(b"rtng", _SIGNED, bytes([int(rest.pop(_RATING))])))
    pictures = [_value(COVERS[cover.codec], cover.data) for cover in covers]
    if pictures:
        items.append(Box(b"covr", children=pictures))
    if items:
        _add_items(_child(moov, b"udta"), items)
    if _LOCATION in rest:
        text = rest.pop(_LOCATION).encode()
        _child(moov, b"udta").children.append(Box(b"\xa9xyz", struct.pack(">HH", len(text), _ENGLISH) + text))
    if rest:
        moov.children.append(_metadata_list(rest, b"" if is_quicktime else bytes(4)))


def describe_tracks(moov: Box, tracks: Sequence[TrackFacts]) -> None:
    """Set language and flags of the first tracks, in their order; further ones are FFmpeg's own."""
    for track, facts in zip(moov.all(b"trak"), tracks, strict=False):
        header, media = track.first(b"tkhd"), track.first(b"mdia", b"mdhd")
        code = _packed(facts.language)
        if media is not None and code is not None:
            at = 32 if media.data[:1] == b"\1" else 20  # behind times of 64 or 32 bits
            media.data = media.data[:at] + struct.pack(">H", code) + media.data[at + 2 :]
        if media is not None and (created := _since_1904(facts.created)):
            time = struct.pack(">Q" if media.data[:1] == b"\1" else ">I", created)
            media.data = media.data[:4] + time + media.data[4 + len(time) :]
        if header is not None and facts.enabled is not None:
            flags = header.data[3] & ~_ENABLED | facts.enabled * _ENABLED
            header.data = header.data[:3] + bytes([flags]) + header.data[4:]


def _since_1904(text: str) -> int:
    """Return a time as such files have it, in seconds of 32 bits; 0 where that is not possible."""
    time = time_of(text)
    since = int((time - _EPOCH).total_seconds()) if time is not None else 0
    return since if 0 < since < 2**32 else 0


def _packed(language: str) -> int | None:
    """Return three lower-case letters as 15 bits; None of anything else."""
    if len(language) != _LETTERS or not all("a" <= letter <= "z" for letter in language):
        return None
    return sum((ord(letter) - 0x60) << shift for letter, shift in zip(language, (10, 5, 0), strict=True))


def _value(kind: int, data: bytes) -> Box:
    return Box(b"data", struct.pack(">II", kind, 0) + data)


def _item(kind: bytes, of: int, data: bytes) -> Box:
    return Box(kind, children=[_value(of, data)])


def _child(box: Box, kind: bytes) -> Box:
    """Return the child of a type, which is made where there is none."""
    found = box.first(kind)
    if found is None:
        found = Box(kind)
        box.children.append(found)
    return found


def _add_items(udta: Box, items: list[Box]) -> None:
    """Add items to iTunes' list, which lies in a `meta` whose first four bytes are version and flags."""
    meta = udta.first(b"meta")
    added = b"".join(item.to_bytes() for item in items)
    if meta is None:
        handler = Box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
        udta.children.append(Box(b"meta", bytes(4) + handler.to_bytes() + Box(b"ilst", added).to_bytes()))
        return
    at = meta.data.index(b"ilst") - 4
    (size,) = struct.unpack_from(">I", meta.data, at)
    grown = struct.pack(">I", size + len(added))
    meta.data = meta.data[:at] + grown + meta.data[at + 4 : at + size] + added + meta.data[at + size :]


def _metadata_list(tags: Mapping[str, str], version: bytes) -> Box:
    handler = Box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    names = b"".join(Box(b"mdta", name.encode()).to_bytes() for name in tags)
    values = [
        Box(struct.pack(">I", number), children=[_typed(name, text)])
        for number, (name, text) in enumerate(tags.items(), start=1)
    ]
    keys = Box(b"keys", struct.pack(">II", 0, len(tags)) + names)
    return Box(b"meta", version, [handler, keys, Box(b"ilst", children=values)])


def _typed(name: str, text: str) -> Box:
    if name.lower() in _FRAME_RATES:
        try:
            if f"{float(text):f}" == text:  # as FFmpeg tells one; else a text all the same
                return _value(_FLOAT32, struct.pack(">f", float(text)))
        except (ValueError, OverflowError):
            pass
    return _value(_UTF8, text.encode())
