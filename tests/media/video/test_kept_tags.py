"""Tags and chapters are kept in every container, or said before anything is sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.media.fidelity import Fate
from tests.media.video.clips import encode
from tests.media.video.cutting_room import in_container, take, told

ISO = {"creation_time": "2024-05-06T05:08:09.000000Z", "title": "A walk", "comment": "by the sea", "date": "2024"}
PHONE = {
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15",
    "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950+035.000/",
    "com.apple.quicktime.creationdate": "2024-05-06T07:08:09+0200",
    "com.android.version": "14",
    "com.android.capture.fps": "120.000000",
}
LIBRARY = {
    "rating": "4",
    "sort_name": "Walk, A",
    "sort_artist": "Sea",
    "location": "+48.8577+002.2950/",
    "Mood": "calm",
}
ALL = ISO | PHONE | LIBRARY


def phone_clip(folder: Path) -> Path:
    """A clip with all of these tags, as FFmpeg writes them as keys of a metadata list."""
    plain, path = encode(folder / "plain.mov", "libx264", 10, sound="aac"), folder / "clip.mov"
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(plain)) as given, av.open(str(path), "w", container_options=options) as container:
        copies = {one.index: container.add_stream_from_template(one) for one in given.streams}
        container.metadata.update(ALL)
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                container.mux(packet)
    with av.open(str(path)) as container:
        assert {name: container.metadata.get(name) for name in ALL} == ALL
    return path


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


def box(data: bytes, *path: bytes) -> bytes:
    for kind in path:
        data = dict(boxes(data))[kind]
    return data


@pytest.mark.parametrize("name", ["mp4", "mov", "matroska"])
def test_tags_are_kept_in_every_container(tmp_path: Path, name: str) -> None:
    clip = phone_clip(tmp_path)
    reel = take(clip, tmp_path, in_container(name))
    with av.open(str(reel.path)) as container:
        found = {key.lower(): text for key, text in container.metadata.items()}
    assert {key: found.get(key.lower()) for key in ALL} == ALL
    assert all(one.fate is Fate.KEPT for one in told(clip, in_container(name)).values())


def test_an_mp4_has_each_tag_where_others_look_for_it(tmp_path: Path) -> None:
    data = take(phone_clip(tmp_path), tmp_path, in_container("mp4")).path.read_bytes()
    assert [kind for kind, _ in boxes(data)][:2] == [b"ftyp", b"moov"]
    moov = box(data, b"moov")
    keys = dict(boxes(box(moov, b"meta")[4:]))
    names = [value.decode() for _, value in boxes(keys[b"keys"][8:])]
    assert set(PHONE) <= set(names)
    assert not {"title", "location", "sort_name", "rating"} & set(names)  # they have atoms of their own
    values = [dict(boxes(value))[b"data"] for _, value in boxes(keys[b"ilst"])]
    by_name = dict(zip(names, values, strict=True))
    assert by_name["com.apple.quicktime.make"] == struct.pack(">II", 1, 0) + b"Apple"
    assert by_name["com.android.capture.fps"] == struct.pack(">IIf", 23, 0, 120)  # a float32, as Android wants it
    user_data = box(moov, b"udta")
    assert box(user_data, b"\xa9xyz")[4:] == b"+48.8577+002.2950/"
    items = dict(boxes(box(user_data, b"meta")[4:]))[b"ilst"]
    assert box(items, b"sonm", b"data")[8:] == b"Walk, A"
    assert box(items, b"\xa9nam", b"data")[8:] == b"A walk"
    assert box(items, b"rtng", b"data")[8:] == b"\4"


def test_a_tag_that_a_container_does_not_hold_is_said_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(encode(tmp_path / "plain.mkv", "mpeg4", 10))) as given, av.open(str(path), "w") as container:
        copy = container.add_stream_from_template(given.streams.video[0])
        copy.metadata["SCANNED_BY"] = "somebody"
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copy
                container.mux(packet)
    finding = told(path, in_container("mp4"))["tag SCANNED_BY of the video"]
    assert finding.fate is Fate.LOST
    assert finding.reason == "is left out: an MP4 file cannot hold it; a name that ends in .mkv keeps it"
    assert take(path, tmp_path).path.suffix == ".mkv"  # by itself it goes where it is kept


@pytest.mark.parametrize("name", ["mp4", "mov", "matroska"])
def test_chapters_keep_times_and_titles(tmp_path: Path, name: str) -> None:
    path = tmp_path / "clip.mkv"
    titles = ["Début", "A second", "Das Ende"]
    with av.open(str(encode(tmp_path / "plain.mkv", "mpeg4", 30))) as given, av.open(str(path), "w") as container:
        copy = container.add_stream_from_template(given.streams.video[0])
        container.set_chapters(
            [
                {
                    "id": index,
                    "start": index * 400,
                    "end": index * 400 + 400,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": text},
                }
                for index, text in enumerate(titles, start=0)
            ]
        )
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copy
                container.mux(packet)
    reel = take(path, tmp_path, in_container(name))
    with av.open(str(reel.path)) as container:
        chapters: list[Any] = container.chapters()
        found = [(one["metadata"]["title"], float(one["start"] * one["time_base"])) for one in chapters]
    assert found == [(text, index * 0.4) for index, text in enumerate(titles)]
    back = take(reel.path, tmp_path / "back", in_container("matroska"))
    with av.open(str(back.path)) as container:
        assert [one["metadata"]["title"] for one in container.chapters()] == titles
    assert all(one.fate is Fate.KEPT for one in told(reel.path, in_container("matroska")).values())


def test_a_tag_of_the_file_alone_decides_nothing_else(tmp_path: Path) -> None:
    """The digest is of packets and times; tags do not change it."""
    clip = phone_clip(tmp_path)
    tagged = take(clip, tmp_path / "tagged", in_container("mp4"))
    bare = take(
        clip, tmp_path / "bare", in_container("mp4"), edit=lambda s: replace(s, splice={**s.splice, "metadata": {}})
    )
    assert tagged.spliced.digest == bare.spliced.digest


def test_a_text_that_is_no_utf_8_is_said(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(encode(tmp_path / "plain.mp4", "mpeg4", 5))) as given, av.open(str(path), "w") as container:
        copy = container.add_stream_from_template(given.streams.video[0])
        container.metadata["comment"] = "Caf__"
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copy
                container.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"Caf__", "Café!".encode("latin-1")))
    finding = told(path, in_container("mp4"))["tag comment"]
    assert finding.fate is Fate.CHANGED
    assert take(path, tmp_path).path.exists()
