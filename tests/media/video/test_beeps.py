"""Sound and pictures stay in step, whatever the source's clock shows: flashes and beeps, as a player shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from moviola.media.material import Source
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from moviola.media.video.headers import VideoSplice
from moviola.media.video.reading.timeline import source_time
from moviola.media.video.writing.splice import splice
from tests.media.shelf import Shelf
from tests.media.video.beeps import FLASHES, FRAME_RATE, Seen, joined, seen, write
from tests.media.video.clips import encode
from tests.media.video.cutting_room import output

THREE_B_FRAMES = {"x264-params": "bframes=3:b-adapt=0:b-pyramid=normal:scenecut=0"}
CONTAINERS = ("mp4", "mov", "matroska")
STEP_S = 1 / FRAME_RATE
EXACT_S = 1e-3
"""A Matroska's times are whole milliseconds."""


def made(clip: Path, folder: Path, preset: str = "ultrafast") -> Iterator[tuple[str, Path, Source]]:
    """The clip's outputs in each container."""
    source, chunks = split_file(clip, chunk_frames=7)
    kept = list(chunks)
    wanted = output()
    wanted = replace(wanted, encoder=replace(wanted.encoder, preset=preset))
    results = [process(each.payload, source.process, wanted).payload for each in kept if not each.stream]
    others = {
        number: [each.payload for each in kept if each.stream == number] for number in range(1, source.stream_count)
    }
    for container in CONTAINERS:
        named = replace(wanted, encoder=replace(wanted.encoder, container=container))
        shelf = Shelf(folder / container)
        yield container, shelf.folder / splice(shelf, source, named, results, others).main, source


def duration_s(path: Path) -> float:
    with av.open(str(path)) as file:
        return (file.duration or 0) / av.time_base


def check(before: Seen, path: Path, container: str, length_s: float) -> None:
    after = seen(path)
    assert len(after.offsets) == len(before.offsets) > 0
    assert after.offsets == pytest.approx(before.offsets, abs=EXACT_S), container
    assert after.times[0] == pytest.approx(0, abs=EXACT_S), container
    assert np.diff(after.times) == pytest.approx(np.diff(before.times), abs=EXACT_S), container
    assert duration_s(path) == pytest.approx(length_s, abs=0.05), container


IN_MP4 = "MP4, whose edit list says when it begins"
SOURCES = {
    "a transport stream": ("clip.ts", "mp2"),
    "Matroska": ("clip.mkv", "aac"),
    IN_MP4: ("clip.mp4", "aac"),
}
USUAL = {("a transport stream", 40_000), ("Matroska", 1.5), (IN_MP4, 0)}


LONG = pytest.mark.suite("long")


@pytest.mark.parametrize(
    ("what", "start_s"),
    [
        pytest.param(what, start_s, marks=() if (what, start_s) in USUAL else LONG)
        for what in SOURCES
        for start_s in (0, 1.5, 40_000)
    ],
)
def test_flash_and_beep_keep_their_distance(what: str, start_s: float, tmp_path: Path) -> None:
    name, sound = SOURCES[what]
    clip = write(tmp_path / name, start_s, sound=sound)
    before = seen(clip)
    for container, path, source in made(clip, tmp_path):
        check(before, path, container, 20 * STEP_S)
        facts = VideoSplice.from_wire(source.splice)
        back = [float(source_time(facts.timeline, each) * facts.time_base) for each in (0, facts.last_end or 0)]
        assert back == pytest.approx([before.times[0], before.times[-1] + STEP_S], abs=EXACT_S)


@pytest.mark.parametrize(
    ("name", "sound", "start_s", "sound_start_s"),
    [
        ("clip.mp4", "aac", -0.08, -0.5),
        pytest.param("clip.mp4", "aac", 0.0, -1.002, marks=LONG),
        pytest.param("clip.mp4", "aac", 0.2, 0.0, marks=LONG),
        ("clip.mov", "pcm_s16le", 0.0, -1.002),
        pytest.param("clip.mov", "pcm_s16le", -0.08, -0.5, marks=LONG),
    ],
)
def test_what_an_edit_list_cuts_away_stays_away(
    name: str, sound: str, start_s: float, sound_start_s: float, tmp_path: Path
) -> None:
    clip = write(tmp_path / name, start_s, sound=sound, sound_start_s=sound_start_s)
    check_trim(clip, tmp_path)


def test_ffmpeg_marks_nothing_in_fragments(tmp_path: Path) -> None:
    """What is before zero is cut away there as well, though FFmpeg's decoders give it."""
    options = {"movflags": "frag_keyframe+delay_moov", "use_editlist": "1"}
    clip = write(tmp_path / "clip.mp4", -0.08, sound_start_s=-0.5, options=options)
    assert seen(clip).times[0] < 0
    check_trim(clip, tmp_path)


def check_trim(clip: Path, folder: Path) -> None:
    before = seen(clip)
    for container, path, _ in made(clip, folder):
        after = seen(path)
        assert after.times == pytest.approx([at for at in before.times if at >= 0], abs=EXACT_S), container
        assert after.heard_from_s == pytest.approx(before.heard_from_s, abs=EXACT_S), container
        assert after.offsets == pytest.approx(before.offsets, abs=EXACT_S), container


@pytest.mark.parametrize(
    ("starts_s", "sound"),
    [
        ((1.5, 1.5), "mp2"),
        ((1.5, 5_000), ""),
        pytest.param((1.5, 5_000), "mp2", marks=LONG),
        pytest.param((40_001, 3, 1.5), "mp2", marks=LONG),
        pytest.param((2**33 / 90_000 - 0.4,), "mp2", marks=LONG),
        pytest.param((2**33 / 90_000 - 0.4, 1_000), "mp2", marks=LONG),
    ],
)
def test_clocks_are_joined(starts_s: tuple[float, ...], sound: str, tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{number}.ts", at, sound=sound) for number, at in enumerate(starts_s)]
    clip = joined(tmp_path / "joined.ts", parts)
    for container, path, source in made(clip, tmp_path):
        after = seen(path)
        count = len(parts)
        assert len(after.times) == 20 * count
        steps = np.diff(after.times)
        within = np.delete(steps, [20 * part - 1 for part in range(1, count)])
        assert within == pytest.approx(STEP_S, abs=EXACT_S), container
        assert all(STEP_S - EXACT_S <= each <= 2 * STEP_S for each in steps), container
        assert len(after.flashes) == len(FLASHES) * count
        if sound:
            assert after.offsets == pytest.approx(seen(parts[0]).offsets * count, abs=EXACT_S), container
        assert duration_s(path) == pytest.approx(20 * STEP_S * count, abs=0.05 * count), container
        findings = [each for each in source.facts["findings"] if each["subject"] == "clock"]
        assert len([each for each in findings if "jumps" in each["reason"]]) == count - 1


def test_another_programme_of_a_multiplex_is_left_out_and_said(tmp_path: Path) -> None:
    """Its clock says another time: none of ours may move because of it."""
    ours = write(tmp_path / "ours.ts", 3_600, sound="mp2")
    both = beside(tmp_path / "both.ts", ours, write(tmp_path / "theirs.ts", 100, sound="mp2"))
    for container, path, source in made(both, tmp_path):
        check(seen(ours), path, container, 20 * STEP_S)
        said = {each["subject"]: each["reason"] for each in source.facts["findings"]}
        assert said["clock"].startswith("begins at 3600.0"), container
        assert "another programme" in said["stream 2 (audio, mp2)"]
        assert source.stream_count == 2


def beside(path: Path, ours: Path, theirs: Path) -> Path:
    """Write a transport stream of a clip and, beside it, the sound of another."""
    options = {"mpegts_copyts": "1", "max_interleave_delta": "1"}
    with av.open(str(ours)) as one, av.open(str(theirs)) as two, av.open(str(path), "w", options=options) as file:
        told: list[list[Any]] = []
        for given, streams in (one, one.streams), (two, two.streams.audio):
            copies = {stream.index: file.add_stream_from_template(stream) for stream in streams}
            packets = [packet for packet in given.demux(*streams) if packet.size]
            for packet in packets:
                packet.stream = copies[packet.stream_index]
            told.append(packets)
        for packet in chain.from_iterable(zip_longest(*told)):
            if packet is not None:
                file.mux_one(packet)
    return path


@pytest.mark.parametrize("name", ["clip.mp4", pytest.param("clip.mkv", marks=LONG)])
def test_a_pause_with_b_frames_lengthens_nothing(name: str, tmp_path: Path) -> None:
    """The last frame of ten is decoded before pictures that are shown before it, and a pause lies between them."""
    times = [0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400, 5600, 5640]
    clip = encode(
        tmp_path / name, "libx264", len(times), options=THREE_B_FRAMES, times=times, time_base=Fraction(1, 1000)
    )
    for container, path, _ in made(clip, tmp_path, "veryfast"):
        with av.open(str(path)) as file:
            packets = [each for each in file.demux(video=0) if each.size]
            last = max(packets, key=lambda each: each.pts or 0)
        assert duration_s(path) == pytest.approx(5.68, abs=0.045), container
        assert last.duration is not None
        assert float(last.duration * last.time_base) == pytest.approx(0.04, abs=0.02), container


def test_sound_ends_where_it_ended(tmp_path: Path) -> None:
    """An encoder fills up the last packet; a player that decoded all of it would go on for some milliseconds."""
    clip = write(tmp_path / "clip.mkv", sound="libopus", count=6)
    ends_s = sound_ends_s(clip)
    assert ends_s == pytest.approx(6 * STEP_S, abs=EXACT_S)
    for container, path, _ in made(clip, tmp_path):
        assert sound_ends_s(path) == pytest.approx(ends_s, abs=2 * EXACT_S), container


def sound_ends_s(path: Path) -> float:
    """When the sound is over: as its track tells, or where it does not, as it is decoded."""
    with av.open(str(path)) as file:
        sound: Any = file.streams.audio[0]
        if sound.duration is not None:
            return float((sound.start_time + sound.duration) * sound.time_base)
        *_, last = file.decode(audio=0)
        assert last.pts is not None
        assert last.time_base is not None
        return float(last.pts * last.time_base) + last.samples / last.sample_rate
