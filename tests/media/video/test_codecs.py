"""What every codec's record must keep, however it is made: each test here is of all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.media.material import Encoder
from moviola.media.video.codecs import CODECS, NAMES, PRESETS, codec_of
from moviola.media.video.containers import CONTAINERS
from moviola.media.video.filtering.encode import add_encoded_stream, encodable, open_encoder
from moviola.media.video.frame_format import FrameFormat
from tests.media.video.clips import encode, frames
from tests.media.video.cutting_room import frames_of, output, take

ROOT = Path(__file__).parents[3]
EACH = pytest.mark.parametrize("codec", CODECS)

SIZES = ((480, 144), (72, 56))

# Prints by codec and size a digest of what an encoder gives for 16 frames, in a process whose memory holds some junk.
ENCODED = """
import hashlib, json, sys
import numpy as np
from fractions import Fraction
from moviola.media.material import Encoder
from moviola.media.video.filtering.encode import encodable, open_encoder
from moviola.media.video.frame_format import FrameFormat
from tests.media.video.clips import frames


def digest(codec, width, height, seed):
    encoder = Encoder(codec, preset="veryfast")
    wanted, _ = encodable(FrameFormat(width, height, "yuv420p", Fraction(25)), encoder)
    hashed = hashlib.sha256()
    for _ in range(2):
        junk = np.random.default_rng(seed).integers(0, 255, size=3_000_000 + seed * 100_000, dtype=np.uint8)
        del junk
        context = open_encoder(encoder, wanted)
        hashed.update(context.extradata or b"")
        for index, frame in enumerate(frames(16, wanted.pix_fmt, wanted.width, wanted.height)):
            frame.pts, frame.time_base = index, 1 / wanted.rate
            for packet in context.encode(frame):
                hashed.update(bytes(packet))
        for packet in context.encode(None):
            hashed.update(bytes(packet))
    return hashed.hexdigest()

seed, codecs, sizes = int(sys.argv[1]), *map(json.loads, sys.argv[2:])
print(json.dumps({f"{codec} {size}": digest(codec, *size, seed) for codec in codecs for size in sizes}))
"""


def digests_in_a_process(seed: int) -> dict[str, str]:
    arguments = [sys.executable, "-c", ENCODED, str(seed), json.dumps(list(CODECS)), json.dumps(SIZES)]
    found = json.loads(subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert isinstance(found, dict)
    return found


def test_equal_frames_give_equal_packets_in_every_process() -> None:
    first, other = map(digests_in_a_process, range(2))
    assert len(first) == len(CODECS) * len(SIZES)
    assert other == first


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("codecs") / "clip.mp4", "libx264", 40, sound="aac")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("short") / "clip.mp4", "libx264", 14)


@EACH
def test_chunks_of_any_length_join_and_each_decodes_as_by_itself(codec: str, short: Path, tmp_path: Path) -> None:
    times = [time for time, _ in frames_of(short)]
    for chunk_frames in (1, 5, 14):
        reel = take(short, tmp_path / str(chunk_frames), output(codec), chunk_frames=chunk_frames)
        shown = frames_of(reel.path)
        assert [time for time, _ in shown] == times
        alone = [
            picture
            for index in range(len(reel.results))
            for _, picture in frames_of(
                take(
                    short,
                    tmp_path / f"{chunk_frames}-{index}",
                    output(codec),
                    chunk_frames=chunk_frames,
                    without=[each for each in range(len(reel.results)) if each != index],
                ).path
            )
        ]
        assert [picture for _, picture in shown] == alone


@EACH
def test_a_whole_film_can_be_cut_again(codec: str, clip: Path, tmp_path: Path) -> None:
    """What came out goes in: its key frames are such that another job may begin at them."""
    once = take(clip, tmp_path / "once", output(codec), chunk_frames=8)
    twice = take(once.path, tmp_path / "twice", output("ffv1"), chunk_frames=8)
    assert [picture for _, picture in frames_of(twice.path)] == [picture for _, picture in frames_of(once.path)]
    assert len(twice.results) == 5


@EACH
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (15, 9), (16, 16), (17, 33), (63, 47), (1279, 719), (4096, 16)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuvj420p", "gray", "rgb24"])
def test_every_size_and_format_is_taken_or_something_near(codec: str, size: tuple[int, int], pix_fmt: str) -> None:
    encoder = Encoder(codec, preset="ultrafast")
    wanted, warnings = encodable(FrameFormat(*size, pix_fmt, Fraction(25)), encoder)
    assert wanted.width >= size[0]
    assert wanted.height >= size[1]
    assert bool([one for one in warnings if "repeated" in one]) == ((wanted.width, wanted.height) != size)
    context = open_encoder(encoder, wanted)
    assert context.extradata
    frame = av.VideoFrame(wanted.width, wanted.height, wanted.pix_fmt)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    assert [*context.encode(frame), *context.encode(None)]


@EACH
def test_its_containers_are_there_and_take_it(codec: str, tmp_path: Path) -> None:
    record = CODECS[codec]
    assert record.containers
    assert record.tags.keys() <= set(record.containers)
    for name in record.containers:
        wanted, _ = encodable(FrameFormat(64, 48, "yuv420p", Fraction(25)), Encoder(codec))
        path = tmp_path / f"clip{CONTAINERS[name].extension}"
        with av.open(str(path), "w", format=name) as file:
            stream: Any = add_encoded_stream(file, Encoder(codec), wanted)
            for index, frame in enumerate(frames(3, wanted.pix_fmt, 64, 48)):
                frame.pts, frame.time_base = index, Fraction(1, 25)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        with av.open(str(path)) as made:
            assert len(list(made.decode(video=0))) == 3
            if name in record.tags:
                assert made.streams.video[0].codec_context.codec_tag == record.tags[name]


@EACH
def test_a_better_quality_is_larger(codec: str) -> None:
    sizes = []
    for crf in (10, 40):
        encoder = Encoder(codec, crf)
        wanted, _ = encodable(FrameFormat(64, 48, "yuv420p", Fraction(25)), encoder)
        context = open_encoder(encoder, wanted)
        packets = []
        for index, frame in enumerate(frames(10, wanted.pix_fmt, 64, 48)):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packets += context.encode(frame)
        sizes.append(sum(packet.size for packet in (*packets, *context.encode(None))))
    assert sizes[0] > 1.5 * sizes[1] or codec == "ffv1"


def test_names_are_of_one_codec_each() -> None:
    given = [name for each in CODECS.values() for name in (each.name, *each.aliases)]
    assert sorted(given) == sorted(NAMES)
    assert NAMES["mp4v"] == "mpeg4"
    assert all(each.presets in ((), PRESETS) for each in CODECS.values())


def test_hevc_is_marked_as_what_all_players_take() -> None:
    """Some take HEVC in MP4 only where its parameter sets are in the header alone, which is what the mark says."""
    assert CODECS["hevc"].tags == {"mp4": "hvc1", "mov": "hvc1"}


def test_a_codec_that_there_is_not_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="there is no codec 'vp7', only h264, hevc, mpeg4, ffv1"):
        codec_of(Encoder("vp7"))


def test_x265_is_left_nothing_to_choose_by_the_number_of_cores() -> None:
    """Which other machines have: with more threads it divides pictures and bits otherwise."""
    frames_25 = FrameFormat(64, 48, "yuv420p", Fraction(25))
    told = CODECS["hevc"].options(Encoder("hevc"), frames_25)["x265-params"].split(":")
    assert {"pools=none", "frame-threads=1", "wpp=0"} <= set(told)
