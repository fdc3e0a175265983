"""H.264 whose fields are coded as pictures of their own (PAFF), which no encoder here makes: written bit by bit."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av

WIDTH, HEIGHT, GROUP = 16, 32, 10
TICKS = 3600  # of a frame, in 1/90000 s
BASE = Fraction(1, 90000)
_MACROBLOCK = 384  # bytes of one that is coded as samples


def _ue(number: int) -> str:
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _unit(header: int, bits: str, samples: bytes = b"") -> bytes:
    """A NAL unit with its start code; samples begin at a whole byte."""
    bits += "" if samples else "1"
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big") + samples + (b"\x80" if samples else b"")
    escaped, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = 0 if byte else zeros + 1
    return b"\0\0\0\1" + bytes([header]) + bytes(escaped)


# Main profile, frame_num of 4 bits, shown in the order of coding, 1 macroblock wide and 2 high, frame_mbs_only_flag 0.
SEQUENCE = _unit(0x67, f"{77:08b}{0:08b}{30:08b}" + "".join(map(_ue, (0, 0, 2, 1))) + "0" + _ue(0) * 2 + "001000")
PICTURE = _unit(0x68, _ue(0) * 2 + "00" + _ue(0) * 3 + "000" + _ue(0) * 3 + "100")
DELIMITER = b"\0\0\0\1\x09\xf0"


def _field(frame: int, *, bottom: bool) -> bytes:
    """A field of one grey, coded as samples."""
    is_first = frame % GROUP == 0 and not bottom
    bits = _ue(0) + _ue(7) + _ue(0) + f"{frame % GROUP:04b}" + "1" + str(int(bottom))
    bits += _ue(frame // GROUP % 2) + "00" if is_first else "0"
    bits += _ue(0) + _ue(1) + _ue(25)
    return _unit(0x65 if is_first else 0x61, bits, bytes([60 + frame + bottom * 40]) * _MACROBLOCK)


def frames(count: int) -> list[tuple[bytes, bytes]]:
    """The two fields of each frame."""
    return [
        (
            DELIMITER + (SEQUENCE + PICTURE if index % GROUP == 0 else b"") + _field(index, bottom=False),
            DELIMITER + _field(index, bottom=True),
        )
        for index in range(count)
    ]


def bare(path: Path, count: int) -> Path:
    """A file of nothing but the stream, which has no times."""
    path.write_bytes(b"".join(one + two for one, two in frames(count)))
    return path


def recorded(path: Path, count: int, *, each: bool = False, gap: int = 0) -> Path:
    """A file in a container that keeps both fields of a frame in a packet, or `each` in one of its own, with its own
    time. FFmpeg's parser takes those of MPEG-TS apart, and the second one has no time. `gap` is the ticks for which
    nothing is shown in the middle."""
    template = BytesIO(b"".join(one + two for one, two in frames(1)))
    with av.open(template, format="h264") as described, av.open(str(path), "w") as container:
        stream: Any = container.add_stream_from_template(described.streams.video[0], opaque=True)
        stream.time_base = BASE
        for index, (one, two) in enumerate(frames(count)):
            at = index * TICKS + (gap if index >= count // 2 else 0)
            for half, data in enumerate((one, two) if each else (one + two,)):
                packet: Any = av.Packet(len(data))
                packet.update(data)
                packet.pts = packet.dts = at + half * TICKS // 2
                packet.duration, packet.time_base, packet.stream = TICKS // (1 + each), BASE, stream
                packet.is_keyframe = index % GROUP == 0 and half == 0
                container.mux_one(packet)
    return path
