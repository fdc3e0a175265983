"""Side data that no output tells, or that PyAV has no name for: it is left out and said, and ends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from av.packet import PacketSideData
from av.sidedata import sidedata
from PIL import Image, ImageCms

from moviola.media.errors import BundleError
from moviola.media.fidelity import Fate
from moviola.media.video.bundle import SideData
from moviola.media.video.cutting.split import split_file
from moviola.media.video.reading import opening
from moviola.media.video.reading import scan as scanning
from moviola.media.video.reading.opening import first_frame, opened
from moviola.media.video.reading.passthrough import packet_entry
from moviola.media.video.side_data import FrameSideData, attach, beside_the_picture, side_data_of_frame
from tests.media.video.clips import encode

UNKNOWN = 40  # the first number behind those that PyAV names; FFmpeg 8 uses it for EXIF


def strange(packet: av.Packet[Any]) -> av.Packet[Any]:
    """The packet, with side data of a kind without a name."""
    one = PacketSideData(UNKNOWN, 8)  # type: ignore[call-arg]
    one.update(b"12345678")
    packet.set_sidedata(one)
    return packet


def test_a_packets_side_data_of_an_unknown_kind_is_left_out_and_the_rest_kept() -> None:
    packet = strange(av.Packet(b"data"))
    attach(packet, [SideData("skip_samples", bytes(10))])
    assert packet_entry(packet).side_data == [SideData("skip_samples", bytes(10))]


def test_a_chunk_with_side_data_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BundleError, match="'holograms', which is not known here"):
        attach(av.Packet(b"data"), [SideData("holograms", b"x")])


def test_what_is_left_out_of_packets_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = opening.packets_of

    def packets(*arguments: Any) -> Iterator[av.Packet[Any]]:
        return map(strange, plain(*arguments))

    monkeypatch.setattr(scanning, "packets_of", packets)
    source, _ = split_file(encode(tmp_path / "clip.mp4", "libx264", 5))
    (finding,) = [each for each in source.common_facts.findings if "side data" in each.subject]
    assert finding.fate is Fate.LOST
    assert finding.sentence.startswith("side data of an unknown kind of stream 0 is left out in 5 packets")


MATRIX = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
"""A quarter turn, as an MP4 tells it."""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Turned by its container, with a line of the encoder's in its first frame."""
    return encode(tmp_path / "clip.mp4", "libx264", 5, setup=lambda stream: stream.set_display_matrix(MATRIX))


def without(kind: Any) -> type[Any]:
    """The kinds of frames' side data as a PyAV has them that is older than its FFmpeg."""
    plain = sidedata.Type

    class Fewer:
        def __new__(cls, number: int) -> Any:
            if number == kind.value:
                raise ValueError(f"{number} is not a valid Type")
            return plain(number)

    return Fewer


@pytest.mark.parametrize(
    ("name", "word"), [("S12M_TIMECODE", "timecode"), ("DOVI_METADATA", "Dolby Vision"), ("STEREO3D", "3D")]
)
def test_what_a_frame_has_and_no_output_tells_is_said(clip: Path, name: str, word: str) -> None:
    with opened(clip) as (_, stream):
        (finding,) = beside_the_picture(stream, FrameSideData({name: b"x"}), Counter(), has_captions=False)
    assert finding.fate is Fate.LOST
    assert word in finding.subject


def test_a_colour_profile_is_said(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image, clip = BytesIO(), tmp_path / "clip.mov"
    Image.new("RGB", (64, 48), (200, 10, 10)).save(image, "JPEG", icc_profile=profile)
    with av.open(str(clip), "w") as container:
        stream: Any = container.add_mux_stream("mjpeg", rate=25, width=64, height=48, time_base=Fraction(1, 25))
        for index in range(3):
            packet: Any = av.Packet(image.getvalue())
            packet.pts = packet.dts = index
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 25), True
            container.mux(packet)
    (finding,) = [each for each in split_file(clip)[0].common_facts.findings if "profile" in each.subject]
    assert finding.sentence.startswith("the colour profile is left out")
    assert finding.fate is Fate.LOST


def test_a_frames_side_data_is_read_in_spite_of_a_kind_without_a_name(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = side_data_of_frame(first_frame(clip))
    assert {"DISPLAYMATRIX", "SEI_UNREGISTERED"} <= whole.known.keys()
    monkeypatch.setattr(sidedata, "Type", without(sidedata.Type.SEI_UNREGISTERED))
    frame = first_frame(clip)
    with pytest.raises(ValueError, match="is not a valid Type"):
        _ = frame.side_data
    known, unknown = side_data_of_frame(frame)
    assert len(unknown) == 1
    assert known == {name: data for name, data in whole.known.items() if name != "SEI_UNREGISTERED"}


def test_a_video_with_such_a_kind_is_taken_and_turned(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = split_file(clip)
    monkeypatch.setattr(sidedata, "Type", without(sidedata.Type.SEI_UNREGISTERED))
    source, _ = split_file(clip)
    assert source.process == plain.process
    (finding,) = source.common_facts.findings
    assert finding.fate is Fate.LOST
    assert "side data of frames of the kind" in finding.subject
