from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgpack
import pytest

from moviola.media.video.cutting.split import split_file
from moviola.media.video.reading import description
from tests.media.video.clips import encode
from tests.media.video.conftest import Clip


def described(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = split_file(path)[0].facts["metadata"]
    assert msgpack.unpackb(msgpack.packb(told)) == told
    json.dumps(told, allow_nan=False)
    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """25 frames/s, a keyframe every 10 frames, and sound."""
    path = tmp_path_factory.mktemp("description") / "clip.mp4"
    return described(encode(path, "libx264", 35, options={"g": "10", "sc_threshold": "0"}, sound="aac"))


def test_the_container(told: dict[str, Any]) -> None:
    container = told["container"]
    assert container["format"] == "mov,mp4,m4a,3gp,3g2,mj2"
    assert container["duration_s"] >= 1.4
    assert container["bit_rate"] == pytest.approx(container["size"] * 8 / container["duration_s"], rel=0.01)
    assert container["tags"]["major_brand"] == "isom"


def test_the_video_is_counted(told: dict[str, Any]) -> None:
    video = told["streams"][0]
    assert (video["type"], video["codec"], video["width"], video["height"]) == ("video", "h264", 64, 48)
    assert (video["rate"], video["packet_count"], video["duration_s"]) == ("25", 35, 1.4)
    assert video["frame_interval_s"] == {"min": 0.04, "mean": 0.04, "max": 0.04}
    assert video["variable_rate"] is False
    assert video["bit_rate"] == round(video["size"] * 8 / 1.4)
    assert video["keyframes"] == {
        "count": 4,
        "interval_s": {"min": 0.4, "mean": 0.4, "max": 0.4},
        "times_s": [0.0, 0.4, 0.8, 1.2],
    }


def test_the_sound_is_counted(told: dict[str, Any]) -> None:
    sound = told["streams"][1]
    assert (sound["type"], sound["codec"], sound["sample_rate"], sound["channels"]) == ("audio", "aac", 8000, 1)
    assert sound["layout"] == "mono"
    assert sound["packet_count"] > 10
    assert "default" in sound["disposition"]
    assert "keyframes" not in sound


def test_tags_language_and_disposition(tmp_path: Path) -> None:
    path = tmp_path / "told.mkv"
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 64, 48
        stream.metadata["language"] = "gle"
        stream.disposition = av.stream.Disposition.forced
        file.metadata["title"] = "x" * 5000
        for index in range(3):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = index
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    told = described(path)
    assert len(told["container"]["tags"]["title"]) == description.MAX_TAG_LENGTH
    assert told["streams"][0]["language"] == "gle"
    assert told["streams"][0]["disposition"] == ["forced"]


def test_uneven_times_are_told(tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 240]
    video = described(
        encode(tmp_path / "vfr.mkv", "libx264", 5, times=times, time_base=Fraction(1, 1000), options={"bf": "0"})
    )["streams"][0]
    assert video["variable_rate"] is True
    assert video["frame_interval_s"] == {"min": 0.04, "mean": 0.06, "max": 0.12}


def test_only_so_many_keyframes_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "MAX_KEYFRAMES_LISTED", 7)
    keyframes = described(encode(tmp_path / "intra.mp4", "mjpeg", 20, pixel_format="yuvj420p"))["streams"][0][
        "keyframes"
    ]
    assert keyframes["count"] == 20
    assert len(keyframes["times_s"]) == 7


def test_a_source_without_times(clip: Clip) -> None:
    video = described(clip("h264_without_timestamps"))["streams"][0]
    assert video["packet_count"] > 0
