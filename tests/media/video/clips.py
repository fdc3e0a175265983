"""Small videos that tests make for themselves, with the traps that real files have."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT = 64, 48
RATE = Fraction(25)

_X264 = "scenecut=0:b-adapt=0:"
# Groups whose first shown pictures also need the group before, with recovery points in place of IDR pictures.
OPEN_GOP = {"x264-params": _X264 + "open-gop=1:keyint=10:min-keyint=10:bframes=3:b-pyramid=normal"}
ONE_KEYFRAME = {"x264-params": _X264 + "keyint=infinite:bframes=3:b-pyramid=normal"}
INTRA_REFRESH = {"x264-params": _X264 + "intra-refresh=1:keyint=10:bframes=0"}
FIELDS = {"x264-params": _X264 + "keyint=12:min-keyint=12:bframes=3:direct=spatial:tff=1:ref=3", "crf": "18"}
HEVC_OPEN_GOP = {"x265-params": "open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0:log-level=none"}

Edit = Callable[[int, Any], Any]
# An MPEG-4 picture that says "not coded": what stands in for a B-picture that came packed with the one before.
_NOT_CODED = b"\0\0\1\xb6" + bytes((0b01_0_1_0000, 0b0_1_0_01111, 0b11111111))


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> Any:
    """RGB, uint8: a slope that drifts, a square that moves, and grain, so that no frame is like another."""
    grain = np.random.default_rng(index).integers(0, 24, (height, width, 3))
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([(x * 2 + index * 5) % 200, (y * 3 + index * 3) % 200, (x + y + index) % 200], axis=-1)
    left, top = (index * 3) % (width - 12), (index * 2) % (height - 12)
    rgb[top : top + 12, left : left + 12] = (230, 40, 60 + index % 100)
    return (rgb + grain).astype(np.uint8)


@cache
def _pictures(count: int, width: int, height: int) -> list[Any]:
    return [picture(index, width, height) for index in range(count)]


def frames(count: int, pixel_format: str, width: int, height: int) -> Iterator[av.VideoFrame]:
    for rgb in _pictures(count, width, height):
        yield av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)


def encode(
    path: Path,
    codec: str,
    count: int = 40,
    *,
    options: Mapping[str, str] | None = None,
    pixel_format: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction = 1 / RATE,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    sound: str = "",
    setup: Callable[[Any], None] | None = None,
    pictures: Iterable[av.VideoFrame] | None = None,
) -> Path:
    """Write a clip of `count` frames; `times` are their pts in `time_base`, else one each 1/25 s.

    `setup` is given the stream before its encoder opens; `sound` is the codec of a second stream.
    """
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=RATE, options=dict(options or {}))
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = time_base
        if setup is not None:
            setup(stream)
        audio: Any = container.add_stream(sound, rate=8000, layout="mono") if sound else None
        packets: list[Any] = []
        for index, frame in enumerate(pictures or frames(count, pixel_format, *size)):
            frame.pts, frame.time_base = (index if times is None else times[index]), time_base
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if audio is not None:
            packets += _tone(audio, float(count / RATE))
            packets.sort(key=lambda one: float(one.dts * one.time_base))
        container.mux(packets)
    return path


def _tone(stream: Any, seconds: float) -> list[Any]:
    packets: list[Any] = []
    for start in range(0, int(seconds * 8000), 1024):
        wave = (np.sin(np.arange(start, start + 1024) / 5) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None, :], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
        packets += stream.encode(frame)
    return packets + list(stream.encode(None))


def with_streams(path: Path, add: Callable[[Any], Sequence[Any]], *, video: int = 25, rate: Fraction = RATE) -> Path:
    """Write a clip of so many frames, with what `add` puts into its container: the packets that it returns."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        packets: list[Any] = list(add(container))
        for index, frame in enumerate(frames(video, "yuv420p", 64, 48)):
            frame.pts, frame.time_base = index, 1 / rate
            packets += stream.encode(frame)
        packets += stream.encode(None)
        container.start_encoding()
        for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
            container.mux(packet)
    return path


AAC_FRAME = 1024  # samples
AAC_RATE = 48000


def aac(form: str, layout: str, count: int, rate: int = AAC_RATE) -> list[bytes]:
    """Packets of AAC as broadcasts have them, each with its own header: `form` is "adts" or "latm"."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream: Any = container.add_stream("aac", rate=rate, layout=layout)
        wave = np.sin(np.arange(AAC_FRAME) * 2 * np.pi * 30 / AAC_FRAME).astype(np.float32) / 4
        for index in range(count):
            frame = av.AudioFrame.from_ndarray(np.stack([wave] * stream.layout.nb_channels), "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, index * AAC_FRAME, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r", format={"latm": "loas"}.get(form, "aac")) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def broadcast(path: Path, codec: str, sounds: Iterable[bytes], rate: int = AAC_RATE) -> Path:
    """Write a transport stream with these packets of AAC of the codec "aac" or "aac_latm"."""

    def add(container: Any) -> list[Any]:
        stream = container.add_mux_stream(codec, rate=rate, layout="stereo")
        packets = []
        for index, data in enumerate(sounds):
            packet: Any = av.Packet(len(data))
            packet.update(data)
            packet.pts = packet.dts = index * AAC_FRAME
            packet.duration, packet.time_base, packet.stream = AAC_FRAME, Fraction(1, rate), stream
            packets.append(packet)
        return packets

    return with_streams(path, add)


def packets_in(path: Path) -> list[Any]:
    """All packets of a file's video stream; the container is closed, so use their values only."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [one for one in container.demux(stream) if one.size or one.dts is not None]


def remux(source: Path, target: Path, edit: Edit) -> Path:
    """Copy a clip's video packets; `edit(index, packet)` may change each, or leave it out by None."""
    with av.open(str(source)) as given, av.open(str(target), "w") as container:
        stream = given.streams.video[0]
        copy = container.add_stream_from_template(stream)
        packets = (one for one in given.demux(stream) if one.size or one.dts is not None)
        for index, packet in enumerate(packets):
            edited = edit(index, packet)
            if edited is not None:
                edited.stream = copy
                container.mux(edited)
    return target


def with_bytes(packet: Any, data: bytes) -> Any:
    """The same packet with other contents."""
    changed: Any = av.Packet(len(data))
    changed.update(data)
    changed.pts, changed.dts, changed.duration = packet.pts, packet.dts, packet.duration
    changed.time_base, changed.is_keyframe = packet.time_base, packet.is_keyframe
    return changed


def wrongly_marked(index: int, packet: Any) -> Any:
    """Every third packet as a keyframe, whatever it is."""
    packet.is_keyframe = index % 3 == 0
    return packet


def with_empty_packets(source: Path, target: Path) -> Path:
    """After the 6th and 13th packet an empty one, as Ogg says "the picture stays"; NUT is what keeps them."""
    with av.open(str(source)) as given, av.open(str(target), "w") as container:
        stream = given.streams.video[0]
        copy = container.add_stream_from_template(stream)
        packets: list[Any] = [one for one in given.demux(stream) if one.size]
        for index, packet in enumerate(packets):
            time, time_base = packet.pts, packet.time_base
            packet.stream = copy
            container.mux(packet)
            if index in (5, 12):
                empty: Any = av.Packet(0)
                empty.pts = empty.dts = time + 1
                empty.time_base, empty.stream = time_base, copy
                container.mux(empty)
    return target


def from_an_old_x264(index: int, packet: Any) -> Any:
    """Claim that x264 build 30 wrote this; FFmpeg then predicts B-pictures as that build did."""
    if index > 0:
        return packet
    data, count = re.subn(rb"x264 - core \d\d\d", b"x264 - core 030", bytes(packet))
    assert count == 1
    return with_bytes(packet, data)


def packed(source: Path, target: Path) -> Path:
    """B-pictures packed with the picture before them, as DivX 5 does in AVI; only packet 0 says so."""
    data = [bytes(one) for one in packets_in(source)]
    types = ["IPBS"[one[one.find(b"\0\0\1\xb6") + 4] >> 6] for one in data]
    first_picture = data[0].find(b"\0\0\1\xb6")
    data[0] = data[0][:first_picture] + b"\0\0\1\xb2DivX503b1393p" + data[0][first_picture:]
    for index in range(len(data) - 1):
        if types[index] != "B" and types[index + 1] == "B":
            data[index], data[index + 1] = data[index] + data[index + 1], _NOT_CODED

    def packing(index: int, packet: Any) -> Any:
        packet = with_bytes(packet, data[index])
        packet.pts = packet.dts = index
        return packet

    return remux(source, target, packing)


def palette_frames(count: int, palette_frames: int) -> Iterator[av.VideoFrame]:
    """A square moves over a still ground; the palette changes every `palette_frames`."""
    for index in range(count):
        palette = np.random.default_rng(index // palette_frames).integers(0, 256, (256, 4)).astype(np.uint8)
        palette[:, 0] = 255
        indices = np.full((HEIGHT, WIDTH), 7, np.uint8)
        indices[10:20, index % 40 : index % 40 + 8] = index
        yield av.VideoFrame.from_ndarray((indices, palette), "pal8")  # type: ignore[arg-type]


def still_frames(count: int, pixel_format: str) -> Iterator[av.VideoFrame]:
    """A square moves over a still ground: most of a picture is as before."""
    for index in range(count):
        rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        rgb[10:20, index % 40 : index % 40 + 8] = (200, index * 3, 0)
        yield av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)


def truncated(source: Path, target: Path, share: float) -> Path:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def scratched(source: Path, target: Path, *indices: int, keep: int = 12) -> Path:
    """All but the first `keep` bytes of the packets at `indices` are overwritten."""

    def scratch(index: int, packet: Any) -> Any:
        if index not in indices:
            return packet
        data = bytes(packet)
        return with_bytes(packet, data[:keep] + b"\xaa" * (len(data) - keep))

    return remux(source, target, scratch)


def untimed(source: Path, target: Path, *indices: int) -> Path:
    """A copy of a MPEG-TS with one video, in which these packets of it, in the order of decoding, tell no times."""
    data, count = bytearray(source.read_bytes()), 0
    for at in range(0, len(data), 188):  # ISO/IEC 13818-1, 2.4.3
        begin = at + 4 + (data[at + 4] + 1 if data[at + 3] & 0x20 else 0)
        if not data[at + 1] & 0x40 or data[begin : begin + 4] != b"\0\0\1\xe0":
            continue
        if count in indices:
            size = data[begin + 8]
            data[begin + 7] &= 0x3F
            data[begin + 9 : begin + 9 + size] = b"\xff" * size
        count += 1
    target.write_bytes(data)
    return target
