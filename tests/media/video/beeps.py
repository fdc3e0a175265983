"""Clips with flashes and beeps, and how far these are apart, as a player shows them: decoded by plain PyAV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FRAME_RATE = 25
SAMPLE_RATE = 48_000
FLASHES = (5, 14)
"""Frames that are white; a beep of a frame's length begins with each."""

_STEP = SAMPLE_RATE // FRAME_RATE
_OPTIONS = {"preset": "ultrafast", "x264-params": "bframes=2:b-adapt=0:scenecut=0:keyint=10"}


def write(
    path: Path,
    start_s: float = 0.0,
    *,
    count: int = 20,
    sound: str = "aac",
    sound_start_s: float | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write a clip whose frames begin at a time, in seconds, and whose sound begins there or elsewhere.

    What lies before zero is cut away by an edit list, in a container that has these.
    """
    sound_start_s = start_s if sound_start_s is None else sound_start_s
    with av.open(str(path), "w", options={"mpegts_copyts": "1", **(options or {})}) as file:
        video: Any = file.add_stream("libx264", rate=FRAME_RATE, options=_OPTIONS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = file.add_stream(sound, rate=SAMPLE_RATE, layout="mono") if sound else None
        packets = list(_pictures(video, count, start_s))
        if audio is not None:
            packets += _tones(audio, count, start_s, sound_start_s)
        for packet in sorted(packets, key=lambda each: float(each.dts * each.time_base)):
            file.mux(packet)
    return path


def _pictures(stream: Any, count: int, start_s: float) -> list[Any]:
    packets = []
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64), 235 if index in FLASHES else 16, np.uint8), "gray")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return [_moved(packet, round(start_s * 90_000)) for packet in packets]


def _tones(stream: Any, count: int, start_s: float, sound_start_s: float) -> list[Any]:
    wave = np.zeros(count * _STEP + round((start_s - sound_start_s) * SAMPLE_RATE), np.float32)
    for flash in FLASHES:
        begin = flash * _STEP + round((start_s - sound_start_s) * SAMPLE_RATE)
        wave[begin : begin + _STEP] = np.sin(
            2 * np.pi * 1000 * np.arange(len(wave[begin : begin + _STEP])) / SAMPLE_RATE
        )
    size = stream.codec_context.frame_size or 1024
    form = stream.codec_context.format.name
    packets = []
    for begin in range(0, len(wave), size):
        part = wave[begin : begin + size]
        samples = part if form.startswith("flt") else (part * 32000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], form, "mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return [_moved(packet, round(sound_start_s * 90_000)) for packet in packets]


def _moved(packet: Any, ticks: int) -> Any:
    """The packet so many ticks of 1/90000 s later; moved exactly, in a time base that both have."""
    base = Fraction(1, 720_000)
    for name in ("pts", "dts", "duration"):
        value = getattr(packet, name) * packet.time_base / base
        setattr(packet, name, round(value) + (0 if name == "duration" else ticks * 8))
    packet.time_base = base
    return packet


@dataclass(frozen=True)
class Seen:
    """What a player shows: when each frame begins, which of them are flashes, when sound is heard first, and when each
    beep begins; seconds."""

    times: list[float]
    flashes: list[float]
    heard_from_s: float | None
    beeps: list[float]

    @property
    def offsets(self) -> list[float]:
        """How much later each beep is than its flash."""
        return [beep - flash for flash, beep in zip(self.flashes, self.beeps, strict=True)]


def seen(path: Path) -> Seen:
    """Decode a file as a player does: what an edit list cuts away is not shown."""
    times, flashes = [], []
    beeps: list[float] = []
    with av.open(str(path)) as file:
        for picture in file.decode(video=0):
            assert picture.pts is not None
            assert picture.time_base is not None
            times.append(float(picture.pts * picture.time_base))
            if picture.to_ndarray(format="gray").mean() > 128:
                flashes.append(times[-1])
    with av.open(str(path)) as file:
        last = -1.0
        heard_from_s = None
        for frame in file.decode(audio=0) if file.streams.audio else ():
            samples = frame.to_ndarray().reshape(-1) / (1 if frame.format.name.startswith("flt") else 32768)
            assert frame.pts is not None
            assert frame.time_base is not None
            begin = float(frame.pts * frame.time_base)
            heard_from_s = begin if heard_from_s is None else heard_from_s
            for place in np.flatnonzero(np.abs(samples) > 0.2):
                at = begin + place / SAMPLE_RATE
                if at - last > 0.1:
                    beeps.append(at)
                last = at
    return Seen(times, flashes, heard_from_s, beeps)


def joined(path: Path, parts: Sequence[Path]) -> Path:
    """Put transport streams behind each other, as recorders do."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path
