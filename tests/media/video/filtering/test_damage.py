"""Which frames of a damaged source may differ: the oracle is a plain decode of the undamaged one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.media.video.bundle import ChunkTable, PacketEntry, Range, RecoveryPoint
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.damage import affected, is_expected
from moviola.media.video.filtering.decode import ChunkDecoder
from moviola.media.video.reading.random_access import Access
from tests.media.video import paff
from tests.media.video.catalogue import CLIPS
from tests.media.video.clips import encode, packets_in, remux, with_bytes
from tests.media.video.conftest import Clip
from tests.media.video.cutting_room import process_of

SIZES = (1, 7, 1000)
"""Chunks of one frame, some, and all."""

RICH: dict[str, tuple[str, str, dict[str, str]]] = {
    "h264": ("libx264", ".mkv", {"x264-params": "keyint=8:min-keyint=8:bframes=2:scenecut=0:qp=16"}),
    "h264_open": ("libx264", ".mp4", {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=2:scenecut=0:qp=16"}),
    "h264_one_keyframe": ("libx264", ".mkv", {"x264-params": "keyint=100:bframes=2:scenecut=0:qp=16"}),
    "hevc": ("libx265", ".mp4", {"x265-params": "keyint=8:min-keyint=8:bframes=2:scenecut=0:qp=16:log-level=none"}),
    "mpeg4": ("mpeg4", ".mkv", {"g": "8", "bf": "2", "b": "4000000"}),
    "mpeg2": ("mpeg2video", ".mkv", {"g": "8", "bf": "2", "b": "4000000"}),
}

Harm = Callable[[bytes], bytes]


def overwritten(data: bytes) -> bytes:
    """As a disk does it: the beginning is there, and another file's content behind it."""
    keep = len(data) // 3
    return data[:keep] + b"\xaa" * (len(data) - keep)


def cut_short(data: bytes) -> bytes:
    return data[: len(data) // 2]


MET = [
    *((name, cut_short) for name in ("h264", "h264_open", "h264_one_keyframe", "hevc", "mpeg4", "mpeg2")),
    *((name, overwritten) for name in ("h264", "mpeg4", "mpeg2")),
]
"""Of single flipped bits decoders miss up to half, and HEVC's misses most of what is overwritten: that is silent."""


def harmed(source: Path, target: Path, packet: int, harm: Harm) -> Path:
    def edit(index: int, found: Any) -> Any:
        return with_bytes(found, harm(bytes(found))) if index == packet else found

    return remux(source, target, edit)


def references(path: Path) -> list[int]:
    """Two pictures, and the second keyframe, that others depend on. What happened to a picture on which none depends is
    met by the one chunk that shows it."""
    keyframes = [at for at, packet in enumerate(packets_in(path)) if packet.is_keyframe]
    return [1, 4, *keyframes[1:2]]


def plainly(path: Path) -> list[int]:
    """The checksum of each frame in one decode from first to last."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return [zlib.crc32(frame.to_ndarray().tobytes()) for frame in container.decode(video=0)]


def in_chunks(path: Path, chunk_frames: int) -> tuple[dict[int, int], set[int]]:
    """The checksum of each frame by its index, and those that may differ."""
    source, chunks = split_file(path, chunk_frames=chunk_frames)
    frames: dict[int, int] = {}
    damaged: set[int] = set()
    for chunk in chunks:
        if chunk.stream:
            continue
        decoder = ChunkDecoder(chunk.payload, process_of(source))
        frames |= {one.index: zlib.crc32(one.frame.to_ndarray().tobytes()) for one in decoder if one.own}
        damaged |= {*decoder.report.damaged}
    return frames, damaged


@pytest.mark.parametrize("name", sorted(CLIPS))
def test_an_undamaged_source_has_no_damaged_frame(clip: Clip, name: str) -> None:
    for size in (7, 1000):
        source, chunks = split_file(clip(name), chunk_frames=size)
        for chunk in chunks:
            if not chunk.stream:
                decoder = ChunkDecoder(chunk.payload, process_of(source))
                assert list(decoder)
                assert decoder.report.damaged == []
                assert decoder.report.damaged_packets == 0


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Clips in whose packets there is enough for damage to be met."""
    folder = tmp_path_factory.mktemp("rich")

    @cache
    def make(name: str) -> Path:
        codec, suffix, options = RICH[name]
        return encode(folder / f"{name}{suffix}", codec, 18, options=options, size=(176, 144))

    return make


@pytest.mark.parametrize(("name", "harm"), MET)
def test_every_frame_that_differs_is_listed_at_any_chunk_size(
    rich: Callable[[str], Path], tmp_path: Path, name: str, harm: Harm
) -> None:
    whole = plainly(rich(name))
    for packet in references(rich(name)):
        damaged_clip = harmed(rich(name), tmp_path / rich(name).name, packet, harm)
        listed = []
        for size in SIZES:
            frames, damaged = in_chunks(damaged_clip, size)
            differ = {index for index, crc in frames.items() if crc != whole[index]}
            assert differ <= damaged, f"packet {packet}, chunks of {size}"
            assert differ or len(frames) < len(whole), "the damage is worth the name"
            listed.append(damaged | {*range(len(whole))} - {*frames})
        assert listed[0] == listed[1] == listed[2], f"packet {packet}"


@pytest.mark.parametrize("half", [0, 1])
def test_a_damaged_field_costs_no_frame_but_its_own(tmp_path: Path, half: int) -> None:
    whole = plainly(paff.bare(tmp_path / "whole.h264", 30))
    fields = [field for frame in paff.frames(30) for field in frame]
    fields[2 * 13 + half] = fields[2 * 13 + half][:40]
    (tmp_path / "damaged.h264").write_bytes(b"".join(fields))
    listed = []
    for size in SIZES:
        frames, damaged = in_chunks(tmp_path / "damaged.h264", size)
        assert [index for index, crc in frames.items() if crc != whole[index]] == [13]
        assert 13 in damaged
        assert len(frames) == 30
        listed.append(damaged)
    assert listed[0] == listed[1] == listed[2]


def table(points: dict[int, Access], shown: list[int], preroll: int = 0) -> ChunkTable:
    entries = [PacketEntry(1, pts, None, 0, 0, None) for pts in shown]
    recovery = [RecoveryPoint(at, access) for at, access in points.items()]
    own = [Range(preroll, len(shown))]
    return ChunkTable(entries, own, preroll, 0, 0, None, None, recovery)


def test_damage_ends_at_a_closed_access_point() -> None:
    closed = table({0: Access.CLOSED, 4: Access.CLOSED}, [*range(8)])
    assert affected(closed, {1}) == {1, 2, 3}
    assert affected(closed, {4}) == {4, 5, 6, 7}


def test_leading_pictures_of_an_open_access_point_depend_on_the_group_before() -> None:
    shown = [0, 3, 1, 2, 6, 4, 5, 7, 9, 8, 10]
    opened = table({0: Access.CLOSED, 4: Access.OPEN, 8: Access.OPEN}, shown)
    assert affected(opened, {1}) == {1, 2, 3, 5, 6}, "not what is shown after the access point, nor the next one's"
    assert affected(opened, {7}) == {7, 9}


def test_damage_outlasts_access_points_without_proof() -> None:
    weak = table({0: Access.CLOSED, 2: Access.WEAK, 4: Access.WEAK, 6: Access.WEAK}, [*range(8)])
    assert affected(weak, {1}) == {1, 2, 3, 4, 5}


def test_a_preroll_that_begins_in_the_middle_lacks_what_its_first_leading_pictures_refer_to() -> None:
    opened = table({0: Access.OPEN, 5: Access.OPEN}, [2, 0, 1, 4, 3, 7, 5, 6], preroll=5)
    assert [at for at in range(8) if is_expected(opened, at)] == [1, 2]
