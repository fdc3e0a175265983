"""The transparency of VP8 and VP9 is kept where a codec holds some, else it is said before that it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import PacketSideData, packet_sidedata_type_from_literal

from moviola.filters.chain import parse_chain
from moviola.media.fidelity import Fate
from moviola.media.kinds import findings
from moviola.media.video.cutting import plan as plan_module
from moviola.media.video.cutting.split import split_file
from tests.media.video.clips import encode, picture
from tests.media.video.cutting_room import output, take

COUNT = 12


def seen_through() -> Iterator[av.VideoFrame]:
    """A border that moves, beyond which nothing can be seen."""
    for index in range(COUNT):
        alpha = np.zeros((48, 64, 1), np.uint8)
        alpha[:, : 8 + 4 * index] = 255
        rgba = np.concatenate([picture(index), alpha], axis=-1)
        yield av.VideoFrame.from_ndarray(np.ascontiguousarray(rgba), "rgba").reformat(format="yuva420p")


def transparent(path: Path, codec: str, **options: str) -> Path:
    told = {"auto-alt-ref": "0", "crf": "4", "b": "2M", "g": "5", **options}
    return encode(path, codec, options=told, pixel_format="yuva420p", pictures=seen_through())


def alphas(path: Path, decoder: str = "") -> list[Any]:
    """The transparency of each frame, by a decoder of the test's own where the file's usual one leaves it out."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames: list[Any] = []
        if decoder:
            context: Any = av.CodecContext.create(decoder, "r")
            for packet in container.demux(stream):
                if packet.size:
                    frames += context.decode(packet)
        else:
            frames = list(container.decode(stream))
    return [np.frombuffer(frame.planes[3], np.uint8).reshape(48, -1)[:, :64].copy() for frame in frames]


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_it_is_kept_in_ffv1_whatever_the_chunks(tmp_path: Path, codec: str) -> None:
    clip = transparent(tmp_path / "clip.webm", codec)
    expected = alphas(clip, codec)
    assert len(expected) == COUNT
    assert {int(plane.min()) < 9 and int(plane.max()) > 246 for plane in expected} == {True}
    for length in (3, 1000):
        made = take(clip, tmp_path / str(length), output("ffv1", parse_chain("brightness")), chunk_frames=length)
        assert made.spliced.account.lost_frames == 0
        for one, other in zip(alphas(made.path), expected, strict=True):
            assert (one == other).all()
    (finding,) = [each for each in findings(made.source, output("ffv1")) if "transparency" in each.subject]
    assert finding.fate is Fate.KEPT


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_it_is_kept_where_the_client_encodes_anew(tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "MAX_CHUNK_FRAMES", 5)
    monkeypatch.setattr(plan_module, "MAX_PIECES", 1)
    clip = transparent(tmp_path / "clip.webm", codec, g="999")
    made = take(clip, tmp_path, output("ffv1"))
    assert made.source.facts["lossless_reencode"]
    assert len(made.results) == -(-COUNT // 5)
    assert all((one == other).all() for one, other in zip(alphas(made.path), alphas(clip, codec), strict=True))


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4"])
def test_where_the_codec_holds_none_it_is_said(tmp_path: Path, codec: str) -> None:
    clip = transparent(tmp_path / "clip.webm", "libvpx-vp9")
    source, _ = split_file(clip)
    (finding,) = [each for each in findings(source, output(codec)) if each.fate is Fate.LOST]
    assert finding.sentence == (
        f"{codec} cannot hold yuva420p: converted to yuv420p (no transparency); --codec ffv1 keeps it"
    )
    assert finding.sentence in take(clip, tmp_path, output(codec)).spliced.account.warnings


def test_no_chunk_begins_where_the_transparency_goes_on(tmp_path: Path) -> None:
    """Keyframes of the pictures and of their transparency are each encoder's own choice."""
    pictures, others = transparent(tmp_path / "a.webm", "libvpx"), transparent(tmp_path / "b.webm", "libvpx", g="999")
    with av.open(str(others)) as container:
        beside = [bytes(next(iter(each.iter_sidedata()))) for each in container.demux(video=0) if each.size]
    clip = tmp_path / "clip.webm"
    with av.open(str(pictures)) as given, av.open(str(clip), "w") as container:
        stream = container.add_stream_from_template(given.streams.video[0])
        stream.metadata["alpha_mode"] = "1"
        for packet, data in zip((each for each in given.demux(video=0) if each.size), beside, strict=True):
            one = PacketSideData(packet_sidedata_type_from_literal("matroska_block_additional"), len(data))  # type: ignore[call-arg]
            one.update(data)
            packet.set_sidedata(one)
            packet.stream = stream
            container.mux(packet)
    expected = alphas(clip, "libvpx")
    made = take(clip, tmp_path, output("ffv1"), chunk_frames=3)
    assert made.spliced.account.lost_frames == 0
    assert len(made.results) > 2
    assert all((one == other).all() for one, other in zip(alphas(made.path), expected, strict=True))
