"""Side data of packets and frames by FFmpeg's names; what PyAV has no name for is left out and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Final, NamedTuple

from av import Packet, VideoFrame
from av.filter import Graph
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from av.stream import Disposition
from av.video.stream import VideoStream

from moviola.media.errors import BundleError
from moviola.media.fidelity import Fate, Finding
from moviola.media.video.bundle import SideData
from moviola.media.video.mastering import LIGHT, MASTERING, ContentLight, MasteringDisplay

MAX_UNKNOWN: Final = 32
"""Kinds of side data of one frame that may be unknown: FFmpeg 8 has about 35 kinds in all."""

NEW_HEADERS: Final = "new_extradata"
"""Of a packet: the decoder's headers from it on, which are others than before."""

CAPTIONS_MARK: Final = b"GA94\3"
"""How user data with captions begins in packets of H.264, HEVC and MPEG-2 alike (ATSC A/53 part 4, 6.2.3)."""


class FrameSideData(NamedTuple):
    """What a decoder hangs on a frame.

    Attributes:
        known: by the name of `av.sidedata.sidedata.Type`.
        unknown: numbers of the kinds (AVFrameSideDataType) that PyAV does not know, and of which it can read nothing.
    """

    known: dict[str, bytes]
    unknown: tuple[int, ...] = ()


def side_data_of_frame(frame: VideoFrame) -> FrameSideData:
    """Return a frame's side data.

    PyAV gives none of it where it does not know one kind: such kinds are taken off first.
    """
    unknown: list[int] = []
    while len(unknown) < MAX_UNKNOWN:
        try:
            entries: Iterable[Any] = frame.side_data
            return FrameSideData({each.type.name: bytes(each) for each in entries}, tuple(unknown))
        except ValueError as error:  # "30 is not a valid Type"
            number = re.match(r"\d+", str(error))
            if number is None or int(number[0]) in unknown:
                raise
            unknown.append(int(number[0]))
        frame = _without(frame, unknown[-1])
    return FrameSideData({}, tuple(unknown))


def _without(frame: VideoFrame, kind: int) -> VideoFrame:
    """Return the frame without its side data of this kind."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    deletion, sink = graph.add("sidedata", f"mode=delete:type={kind}"), graph.add("buffersink")
    source.link_to(deletion)
    deletion.link_to(sink)
    graph.configure()
    graph.push(frame)
    made = graph.pull()
    assert isinstance(made, VideoFrame)
    return made


def side_data_of_packet(packet: Packet[Any]) -> tuple[list[SideData], int]:
    """Return a packet's side data, and how many entries of it PyAV does not know."""
    known, unknown = [], 0
    for each in packet.iter_sidedata():
        try:
            known.append(SideData(each.data_type, bytes(each)))
        except IndexError:  # PyAV's names end before this kind
            unknown += 1
    return known, unknown


def beside_the_picture(
    stream: VideoStream,
    first: FrameSideData,
    strange_packets: Counter[int],
    *,
    has_captions: bool,
    is_dolby_vision: bool = False,
) -> Iterator[Finding]:
    """Yield what becomes of side data that no output has, and of further views.

    Args:
        stream: the one that is filtered.
        first: of its first frame.
        strange_packets: by a stream's index, how many packets have side data that PyAV does not know.
        has_captions: some packet has user data of CAPTIONS_MARK.
        is_dolby_vision: the container says so; the first frame need not.
    """
    if stream.disposition & Disposition.multilayer:
        reason = "are left out: only the first one is decoded and filtered"
        yield Finding("the video's other views or layers (MV-HEVC)", Fate.LOST, reason)
    if "MASTERING_DISPLAY_METADATA" in first.known and MasteringDisplay.of_side_data(first.known) is None:
        yield Finding(MASTERING, Fate.LOST, "is left out: it tells colours or luminances that no display can have")
    if "CONTENT_LIGHT_LEVEL" in first.known and ContentLight.of_side_data(first.known) is None:
        yield Finding(LIGHT, Fate.LOST, "is left out: it tells more than the 65535 cd/m² that H.264 and HEVC can code")
    if is_dolby_vision or "DOVI_METADATA" in first.known:
        yield Finding("Dolby Vision", Fate.LOST, "is left out: no output tells it")
    for name, what in _LOST.items():
        if name in first.known and first.known[name][:4] != _ONE_VIEW.get(name):
            yield Finding(what, Fate.LOST, "is left out: no output tells it")
    if has_captions or "A53_CC" in first.known:
        reason = "are left out: they are within the video, which is encoded anew; extract them to a subtitle file first"
        yield Finding("closed captions", Fate.LOST, reason)
    for kind in first.unknown:
        reason = "is left out: this version of PyAV cannot read it"
        yield Finding(f"side data of frames of the kind {_UNNAMED.get(kind, kind)}", Fate.LOST, reason)
    for index, count in strange_packets.items():
        reason = f"is left out in {count} packets: this version of PyAV cannot read it"
        yield Finding(f"side data of an unknown kind of stream {index}", Fate.LOST, reason)


_ONE_VIEW: Final = {"STEREO3D": bytes(4)}
"""How side data begins that says only that there is one view."""

_LOST: Final = {
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
    "AMBIENT_VIEWING_ENVIRONMENT": "the ambient viewing environment",
    "AFD": "the active format description",
    "ICC_PROFILE": "the colour profile",
    "SPHERICAL": "the projection of spherical video",
    "STEREO3D": "how the two views of 3D video are packed",
    "S12M_TIMECODE": "the timecode within each frame (SMPTE ST 12)",
}
"""By FFmpeg's name: side data of whole videos that is not written."""


_UNNAMED: Final = {28: "LCEVC", 29: "view id", 30: "3D reference displays", 31: "EXIF"}
"""Kinds that PyAV 18 does not name, by their numbers in libavutil/frame.h of FFmpeg 8 (AVFrameSideDataType)."""


def attach(packet: Packet[Any], side_data: Iterable[SideData]) -> None:
    """Hang side data on a packet. Raise BundleError for a kind that is not known here."""
    for kind, content in side_data:
        try:
            number = packet_sidedata_type_from_literal(kind)  # type: ignore[arg-type]
        except ValueError:
            raise BundleError(f"a packet has side data of the kind {kind!r:.80}, which is not known here") from None
        one = PacketSideData(number, len(content))  # type: ignore[call-arg]
        one.update(content)
        packet.set_sidedata(one)
