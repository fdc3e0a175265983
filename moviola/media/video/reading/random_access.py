"""Where a decoder can begin: random access points, read from each codec's own bits.

A container's key flag says what its muxer believed, and is often wrong: recovery points marked as keyframes,
null packets marked as keyframes, intra pictures left unmarked. So the flag is asked only where nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

# The headers that are read come before the picture's data; only captions and the like can stand before them.
HEAD_SIZE = 64 * 1024
# mpeg4: placeholders for frames that came packed with an earlier one take 6 or 7 bytes, coded pictures more.
MAX_PLACEHOLDER_SIZE = 16
X264_MARK = b"x264 - core"

_HOLE = bytes(64)  # some muxers fill up with empty units, each a length of up to four zeros
_RECOVERY_POINT = 6  # SEI payload type, H.264 table D-1
_START_CODE = b"\0\0\1"


# Not intra-only by nature, but where every packet is marked as a keyframe it is likely to be one.
ALL_KEYS_TRUSTED = frozenset({"ffv1", "av1", "png", "apng"})


class Access(IntEnum):
    """How far decoding from a packet on can be trusted; ordered from not at all to entirely."""

    NONE = 0
    WEAK = 1  # a key flag without proof: decoding is right some access points later
    OPEN = 2  # right from here on, but for leading pictures that also need the group before
    CLOSED = 3  # right from here on


class Bitstream:
    """Reads the packets of one video stream.

    `codec` is FFmpeg's canonical name; `reorders` says whether the codec can show pictures in another order than
    it codes them, `reorder_depth` by how many this stream does.
    """

    def __init__(self, codec: str, extradata: bytes | None, *, reorders: bool, reorder_depth: int) -> None:
        self.codec = codec
        self.reorders = reorders
        self.reorder_depth = reorder_depth
        self.nal_length_size = nal_length_size(codec, extradata)

    def access(self, data: bytes, *, key: bool) -> Access:
        """Return how far decoding can be trusted that begins with a packet; `data` is its beginning, at least
        HEAD_SIZE bytes, or all of it."""
        if not data:
            return Access.NONE
        read = READERS.get(self.codec)
        if read is not None:
            return read(self, data, key)
        if not key:
            return Access.NONE
        return Access.WEAK if self.reorders else Access.CLOSED

    def is_anchor(self, data: bytes) -> bool:
        """Return whether an MPEG-1, 2 or 4 packet starts a picture that others may be predicted from (I, P or S)."""
        if self.codec == "mpeg4":
            return _mpeg4_type(data) in ("I", "P", "S") and len(data) > MAX_PLACEHOLDER_SIZE
        return _mpeg12_type(data) in ("I", "P")

    def has_hole(self, packet: Any) -> bool:
        """Return whether zeros take the place of a part of a packet, as where a download left a gap.

        In a NAL unit no three zero bytes follow each other (H.264, 7.4.1; H.265, 7.4.2.1). Other codecs allow any
        number, and so do streams with start codes.
        """
        return self.nal_length_size > 0 and packet.size >= len(_HOLE) and _HOLE in bytes(packet)

    def encoder_notes(self, data: bytes) -> bytes:
        """Return what the first packet tells of its encoder, as bytes that can stand before any other packet.

        FFmpeg's decoders work around the bugs of old encoders, and learn of them from notes that often stand in the
        first packet only: x264's version in H.264, user data (such as DivX's "B-frames come packed") in MPEG-4.
        """
        if self.codec == "mpeg4":
            return b"".join(data[start:stop] for start, stop in _mpeg4_user_data(data))
        if self.codec != "h264" or X264_MARK not in data:
            return b""
        units = (data[start:stop] for start, stop in nal_units(data, self.nal_length_size))
        return b"".join(self._framed(unit) for unit in units if unit[0] & 0x1F == 6 and X264_MARK in unit)

    def _framed(self, unit: bytes) -> bytes:
        if not self.nal_length_size:
            return b"\0" + _START_CODE + unit.rstrip(b"\0")
        return len(unit).to_bytes(self.nal_length_size, "big") + unit


def distrust_flags(codec: str, access: bytearray, *, intra_only: bool) -> None:
    """Leave only the first packet an access point where nothing but flags tells them, and these say "all keyframes".

    Files without an index say so of every packet, and codecs that only code what changed (RPZA, Cinepak and other
    old ones) would then show half of their pictures.
    """
    believed = intra_only or codec in READERS or codec in ALL_KEYS_TRUSTED
    if not believed and access.count(Access.NONE) == 0:
        access[1:] = bytes(len(access) - 1)


def nal_length_size(codec: str, extradata: bytes | None) -> int:
    """Return how many bytes the length before each NAL unit has (avcC and hvcC, ISO/IEC 14496-15); 0 for start
    codes."""
    if not extradata:
        return 0
    if codec == "h264" and extradata[0] == 1 and len(extradata) > 4:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 21 and (extradata[0] or extradata[1] or extradata[2] > 1):
        return (extradata[21] & 3) + 1
    return 0


def nal_units(data: bytes, length_size: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each non-empty NAL unit in `data`; the last one's stop may lie behind its end."""
    if length_size:
        start = length_size
        while start < len(data):
            stop = start + int.from_bytes(data[start - length_size : start], "big")
            if stop > start:
                yield start, stop
            start = stop + length_size
        return
    start = data.find(_START_CODE)
    while start >= 0:
        start += len(_START_CODE)
        following = data.find(_START_CODE, start)
        stop = len(data) if following < 0 else following
        if stop > start:
            yield start, stop
        start = following


def unescaped(unit: bytes) -> bytes:
    """Return a NAL unit without the bytes that only keep start codes out of it (ITU-T H.264, 7.4.1)."""
    return unit.replace(b"\0\0\3", b"\0\0")


def _h264(stream: Bitstream, data: bytes, key: bool) -> Access:
    recovers = False
    for start, stop in nal_units(data, stream.nal_length_size):
        kind = data[start] & 0x1F
        if kind == 5:
            return Access.CLOSED
        if kind == 6:
            recovers = recovers or _recovers_at_once(data[start + 1 : stop])
        elif kind in (1, 2):
            break
    if recovers:
        return Access.OPEN
    return Access.WEAK if key else Access.NONE


def _recovers_at_once(sei: bytes) -> bool:
    """Return whether an SEI message is a recovery point with recovery_frame_cnt 0 (H.264 annex D.1.8)."""
    body = unescaped(sei)
    at = 0
    while at + 2 < len(body) and body[at] != 0x80:
        kind = size = 0
        while at < len(body) - 1 and body[at] == 0xFF:
            kind, at = kind + 255, at + 1
        kind, at = kind + body[at], at + 1
        while at < len(body) - 1 and body[at] == 0xFF:
            size, at = size + 255, at + 1
        if at >= len(body):
            return False
        size, at = size + body[at], at + 1
        if kind == _RECOVERY_POINT and at < len(body):
            return bool(body[at] & 0x80)  # ue(v): a leading 1 is 0
        at += size
    return False


def _hevc(stream: Bitstream, data: bytes, key: bool) -> Access:
    for start, _ in nal_units(data, stream.nal_length_size):
        kind = data[start] >> 1 & 0x3F
        if kind < 32:  # the first coded slice (H.265 table 7-1)
            if kind in (19, 20):
                return Access.CLOSED
            if 16 <= kind <= 23:
                return Access.OPEN
            break
    return Access.WEAK if key else Access.NONE


def _mpeg12_type(data: bytes) -> str:
    """Return the picture_coding_type of the first picture header as a letter (ISO/IEC 13818-2, 6.2.3)."""
    at = data.find(b"\0\0\1\0")
    if at < 0 or at + 5 >= len(data):
        return ""
    return {1: "I", 2: "P", 3: "B", 4: "D"}.get(data[at + 5] >> 3 & 7, "")


def _mpeg12(_stream: Bitstream, data: bytes, _key: bool) -> Access:
    return Access.OPEN if _mpeg12_type(data) == "I" else Access.NONE


def _mpeg4_type(data: bytes) -> str:
    """Return the vop_coding_type of the first VOP as a letter (ISO/IEC 14496-2, 6.2.5)."""
    at = data.find(b"\0\0\1\xb6")
    return "IPBS"[data[at + 4] >> 6] if 0 <= at < len(data) - 4 else ""


def _mpeg4_user_data(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each user_data before the first VOP, start codes included."""
    start = data.find(b"\0\0\1\xb2")
    first_picture = data.find(b"\0\0\1\xb6")
    while 0 <= start < first_picture:
        stop = data.find(_START_CODE, start + 4)
        yield start, stop
        start = data.find(b"\0\0\1\xb2", stop)


def _mpeg4(stream: Bitstream, data: bytes, _key: bool) -> Access:
    if _mpeg4_type(data) != "I" or len(data) <= MAX_PLACEHOLDER_SIZE:
        return Access.NONE
    return Access.OPEN if stream.reorder_depth else Access.CLOSED


def _h263(_stream: Bitstream, data: bytes, _key: bool) -> Access:
    """Return CLOSED for an intra picture, by PTYPE, or by PLUSPTYPE where the source format is 7 (H.263, 5.1.3 and
    5.1.4)."""
    head = int.from_bytes(data[:9].ljust(9, b"\0"), "big")

    def bits(at: int, count: int) -> int:
        return head >> 72 - at - count & (1 << count) - 1

    if bits(0, 22) != 0x20:
        return Access.NONE
    if bits(35, 3) != 7:
        intra = bits(38, 1) == 0
    else:
        intra = bits(59 if bits(38, 3) == 1 else 41, 3) == 0
    return Access.CLOSED if intra else Access.NONE


def _flv1(_stream: Bitstream, data: bytes, _key: bool) -> Access:
    """Return CLOSED for an intra picture, by the PictureType of Sorenson H.263 (SWF file format specification)."""
    head = int.from_bytes(data[:9].ljust(9, b"\0"), "big")
    size_bits = {0: 16, 1: 32}.get(head >> 72 - 33 & 7, 0)
    return Access.CLOSED if head >> 72 - 35 - size_bits & 3 == 0 else Access.NONE


def _vp9_key(data: bytes) -> bool:
    """Return whether a picture is a keyframe, by frame_type in its first uncompressed header (VP9 bitstream
    specification, 6.2)."""
    bits = f"{data[0]:08b}"
    at = 5 if bits[2:4] == "11" else 4  # profile 3 has a reserved bit behind it
    return bits[:2] == "10" and bits[at] == "0" and bits[at + 1] == "0"


def _closed_if(intra: Callable[[bytes], bool]) -> Callable[[Bitstream, bytes, bool], Access]:
    return lambda _stream, data, _key: Access.CLOSED if intra(data) else Access.NONE


READERS: dict[str, Callable[[Bitstream, bytes, bool], Access]] = {
    "h264": _h264,
    "hevc": _hevc,
    "mpeg1video": _mpeg12,
    "mpeg2video": _mpeg12,
    "mpeg4": _mpeg4,
    "h263": _h263,
    "vp8": _closed_if(lambda data: data[0] & 1 == 0),  # RFC 6386, 9.1
    "theora": _closed_if(lambda data: data[0] & 0xC0 == 0),  # Theora specification, 7.1
    "msmpeg4v1": _closed_if(lambda data: len(data) > 4 and data[4] & 6 == 0),  # after start code and 5 bits
    "msmpeg4v2": _closed_if(lambda data: data[0] >> 6 == 0),
    "msmpeg4v3": _closed_if(lambda data: data[0] >> 6 == 0),
    "wmv1": _closed_if(lambda data: data[0] >> 6 == 0),
    "wmv2": _closed_if(lambda data: data[0] >> 7 == 0),
    "flv1": _flv1,
    "vp6": _closed_if(lambda data: data[0] >> 7 == 0),
    "vp6f": _closed_if(lambda data: data[0] >> 7 == 0),
    "vp9": _closed_if(_vp9_key),
    "h261": _closed_if(lambda _data: False),  # has no intra pictures, only intra blocks
}
