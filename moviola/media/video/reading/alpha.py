"""The transparency of VP8 and VP9, which Matroska has beside each packet, as pictures of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from av.packet import Packet
from av.video.stream import VideoStream

from moviola.media.video.headers import DecoderParameters

DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Those that give transparency, by those that leave it out."""

_SIDE_DATA: Final = "matroska_block_additional"
_ID_SIZE: Final = 8  # BlockAddID, before the picture
_NOT_KEY: Final = {"vp8": 0x01, "vp9": 0x04}
"""The bit of a picture's first byte that is set where it is no keyframe (RFC 6386, 9.1; VP9, 6.2 `frame_type`)."""


def with_alpha(decoder: DecoderParameters, stream: VideoStream) -> DecoderParameters:
    """Return the parameters of a decoder that gives the stream's transparency, where the file says that it has some."""
    name = DECODERS.get(decoder.codec)
    says_so = any(tag.lower() == "alpha_mode" and value == "1" for tag, value in stream.metadata.items())
    if name is None or decoder.pix_fmt != "yuv420p" or not says_so:
        return decoder
    return replace(decoder, codec=name, pix_fmt="yuva420p")


def alpha_begins(codec: str, packet: Packet[Any]) -> bool:
    """Return whether the transparency beside a packet can be decoded without what comes before: encoders choose its
    keyframes by themselves."""
    if not packet.has_sidedata(_SIDE_DATA):
        return False
    picture = bytes(packet.get_sidedata(_SIDE_DATA))[_ID_SIZE:]
    return bool(picture) and not picture[0] & _NOT_KEY[codec]
