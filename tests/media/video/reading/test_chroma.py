"""Where chroma samples lie, and colours that only frames tell, come out as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from moviola.filters.chain import Step
from moviola.media.fidelity import Fate
from moviola.media.kinds import findings, split
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from tests.fidelity import ffprobe
from tests.media.video.clips import encode


def output(codec: str) -> Output:
    return Output(codec, (Step("identity", {}),), Encoder(codec, preset="ultrafast"))


def made(clip: Path, codec: str, folder: Path) -> Path:
    (one,) = run_local(Material.single("video", clip), [output(codec)], Cutting(), lambda name: folder / name)
    return one.path


def location(path: Path) -> str:
    """As another demuxer and decoder tell it; where there is no ffprobe, as a header of FFmpeg's Matroska does."""
    if ffprobe.is_installed():
        return ffprobe.describe(path).of_type("video")[0].colour.get("chroma_location", "left")
    again = path.with_name("again.mkv")
    with av.open(str(path)) as file, av.open(str(again), "w") as copy:
        copy.add_stream_from_template(file.streams.video[0])
        copy.start_encoding()
    header = again.read_bytes()
    across, down = (header[header.find(element) + 3] for element in (b"\x55\xb7\x81", b"\x55\xb8\x81"))
    return {(2, 2): "center", (1, 1): "topleft"}.get((across, down), "left")


@pytest.mark.parametrize(("place", "codec"), [("center", "h264"), ("topleft", "hevc"), ("topleft", "ffv1")])
def test_the_place_of_chroma_is_kept(place: str, codec: str, tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 3, options={"chroma_sample_location": place})
    assert location(clip) == place
    assert location(made(clip, codec, tmp_path)) == place


DV = {"width": 720, "height": 576, "pix_fmt": "yuv420p"}


def test_the_place_of_chroma_in_dv_is_kept(tmp_path: Path) -> None:
    clip = tmp_path / "clip.avi"
    with av.open(str(clip), "w") as file:
        stream: Any = file.add_stream("dvvideo", rate=25)
        for name, value in DV.items():
            setattr(stream, name, value)
        for packet in [*stream.encode(av.VideoFrame(720, 576, "yuv420p")), *stream.encode(None)]:
            file.mux(packet)
    assert location(made(clip, "h264", tmp_path)) == "topleft"


@pytest.mark.parametrize(
    ("matrix", "place"),
    [
        ([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30], None),  # clockwise: the left goes to the top
        ([0, -1 << 16, 0, 1 << 16, 0, 0, 0, 0, 1 << 30], "bottomleft"),
        ([1 << 16, 0, 0, 0, -1 << 16, 0, 0, 0, 1 << 30], "bottomleft"),
        ([-1 << 16, 0, 0, 0, -1 << 16, 0, 0, 0, 1 << 30], None),
    ],
)
def test_chroma_turns_with_the_picture(matrix: list[int], place: str | None, tmp_path: Path) -> None:
    options = {"chroma_sample_location": "topleft"}
    clip = encode(
        tmp_path / "clip.mp4", "libx264", 3, options=options, setup=lambda stream: stream.set_display_matrix(matrix)
    )
    source, _ = split(Material.single("video", clip), Cutting())
    told = [each for each in findings(source, output("h264")) if "chroma" in each.sentence]
    assert [each.fate for each in told] == ([] if place else [Fate.CHANGED]), "no codec tells the right"
    if ffprobe.is_installed() or not place:  # a Matroska tells no lower place
        assert location(made(clip, "h264", tmp_path)) == (place or "left")
    if place:
        assert [each for each in findings(source, output("ffv1")) if "chroma" in each.sentence]


def test_a_codec_that_does_not_tell_it_says_so(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 3, options={"chroma_sample_location": "topleft"})
    source, _ = split(Material.single("video", clip), Cutting())
    (told,) = [each for each in findings(source, output("mpeg4")) if "chroma" in each.sentence]
    assert told.fate is Fate.CHANGED
    assert not [each for each in findings(source, output("h264")) if "chroma" in each.sentence]


def test_colours_that_only_frames_tell_are_kept(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.webm", "libvpx", 3)
    before, after = first_frame(clip), first_frame(made(clip, "h264", tmp_path))
    assert before.colorspace != 2, "VP8 tells its colour space in every frame"
    assert (after.colorspace, after.color_range) == (before.colorspace, before.color_range)


def first_frame(path: Path) -> Any:
    with av.open(str(path)) as file:
        return next(file.decode(video=0))
