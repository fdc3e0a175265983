"""Clips for whole clusters: the real film where a registry gives it, joined to the length a test needs."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from moviola.launcher import clip

CACHE = Path(__file__).parents[2] / ".cache"
"""Beside the sources and ignored by git, so that the film is fetched once."""


RATE = 25
"""Frames a second of clips that are made here."""

TONE_RATE = 48_000
"""Samples a second of their sound."""


def film() -> Path:
    """Big Buck Bunny: 132 frames of 720p H.264 in one GOP, 5.1 AAC; a generated clip where no registry answers."""
    path, _ = clip.obtain(CACHE)
    return path


def film_times(count: int) -> Path:
    """The film `count` times over, packet for packet."""
    source = film()
    target = CACHE / f"{source.stem}-{count}.mp4"
    if not target.exists():
        join(source, target, count)
    return target


def join(source: Path, target: Path, count: int) -> None:
    """Writes `count` copies of a file's video and audio packets behind each other."""
    partial = target.with_name(f"{target.stem}.part.mp4")
    with av.open(str(partial), "w") as output:
        offsets: dict[int, int] = {}
        streams: dict[int, av.stream.Stream] = {}
        for _ in range(count):
            ends: dict[int, int] = {}
            with av.open(str(source)) as container:
                for stream in (*container.streams.video, *container.streams.audio):
                    streams.setdefault(stream.index, output.add_stream_from_template(stream))
                for packet in container.demux():
                    if packet.dts is None or packet.pts is None or packet.stream.index not in streams:
                        continue
                    index = packet.stream.index
                    ends[index] = max(ends.get(index, 0), packet.pts + (packet.duration or 0))
                    packet.pts += offsets.get(index, 0)
                    packet.dts += offsets.get(index, 0)
                    packet.stream = streams[index]
                    output.mux(packet)
                bases = {index: container.streams[index].time_base or Fraction(1) for index in ends}
                longest = max(end * bases[index] for index, end in ends.items())
                for index in ends:
                    step = round(longest / bases[index])
                    offsets[index] = offsets.get(index, 0) + step
    partial.replace(target)


def moving(
    path: Path,
    *,
    frames: int = 96,
    gop: int = 16,
    size: tuple[int, int] = (160, 120),
    b_frames: int = 0,
    sound: bool = False,
) -> Path:
    """A small H.264 clip of closed GOPs in which a bright square crosses a gradient; with `sound` there is a tone."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    ground = ((x + y) * 160 // (width + height)).astype(np.uint8)
    packets: list[Any] = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        settings = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes={b_frames}"
        stream.options = {"x264-params": settings, "preset": "ultrafast"}
        tone = container.add_stream("aac", rate=TONE_RATE, layout="mono") if sound else None
        for index in range(frames):
            picture = np.repeat(ground[:, :, None], 3, axis=2)
            left = (index * 3) % (width - 24)
            picture[height // 3 : height // 3 + 24, left : left + 24] = (250, 240, 90)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if tone is not None:
            packets += _tone(tone, frames * TONE_RATE // RATE)
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        container.mux(packets)
    return path


def _tone(stream: Any, samples: int) -> list[Any]:
    """The packets of a tone of 440 Hz."""
    packets: list[Any] = []
    for start in range(0, samples, TONE_RATE):
        at = np.arange(start, min(start + TONE_RATE, samples))
        wave = np.sin(at * (440 * 2 * np.pi / TONE_RATE)).astype(np.float32) / 4
        frame = av.AudioFrame.from_ndarray(wave[None, :], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = TONE_RATE, start, Fraction(1, TONE_RATE)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def digest(path: Path) -> str:
    """The digest as anyone can compute it from the file alone: these are the README's ten lines."""
    sha = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                time = packet.pts * packet.time_base  # type: ignore[operator]
                sha.update(f"{time} {'K' if packet.is_keyframe else '-'} {packet.size}\n".encode())
                sha.update(packet)
    return sha.hexdigest()


def audio_packets(path: Path) -> list[bytes]:
    """The packets of the first audio stream, in order."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


def frames(path: Path) -> list[tuple[Fraction, bytes]]:
    """Time and planes of every decoded frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (frame.pts * frame.time_base, frame.to_ndarray().tobytes())
            for frame in container.decode(stream)
            if frame.pts is not None and frame.time_base is not None
        ]


def times(path: Path) -> list[Fraction]:
    """When each frame of the first video stream is shown, in order: its packets say so, nothing is decoded."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        return sorted(packet.pts * packet.time_base for packet in packets)  # type: ignore[operator]
