"""The clips that tests share, by what is hard about them; each is made once a session, when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from tests.media.video import clips, paff
from tests.media.video.clips import (
    FIELDS,
    HEVC_OPEN_GOP,
    INTRA_REFRESH,
    ONE_KEYFRAME,
    OPEN_GOP,
    encode,
    packed,
    palette_frames,
    remux,
    still_frames,
    with_empty_packets,
    wrongly_marked,
)

MILLISECOND = Fraction(1, 1000)
GOP_10 = {"g": "10"}
GOP_10_B = {"g": "10", "bf": "2"}
GOP_20_LAG = {"g": "20", "auto-alt-ref": "1", "lag-in-frames": "10"}


def _of(name: str, codec: str, count: int = 40, **settings: object) -> Callable[[Path], Path]:
    return lambda folder: encode(folder / name, codec, count, **settings)  # type: ignore[arg-type]


def _marked(name: str, codec: str, **settings: object) -> Callable[[Path], Path]:
    """With keyframes marked at random, so to say."""

    def make(folder: Path) -> Path:
        plain = encode(folder / f"plain_{name}", codec, **settings)  # type: ignore[arg-type]
        return remux(plain, folder / name, wrongly_marked)

    return make


def _duplicate_times(folder: Path) -> Path:
    plain = encode(folder / "spread.mkv", "libx264", options=OPEN_GOP, time_base=MILLISECOND, times=range(0, 800, 20))

    def merge(_index: int, packet: object) -> object:
        packet.pts, packet.dts = packet.pts // 60 * 60, None  # type: ignore[attr-defined]
        return packet

    return remux(plain, folder / "duplicate_times.mkv", merge)


def _i420_called_yv12(folder: Path) -> Path:
    """A raw video whose four-character code alone tells which chroma plane comes first."""
    data = encode(folder / "i420.avi", "rawvideo", 20).read_bytes()
    path = folder / "yv12.avi"
    path.write_bytes(data.replace(b"I420", b"YV12"))
    return path


CLIPS: dict[str, Callable[[Path], Path]] = {
    "h264_open_gop": _of("open.mp4", "libx264", options=OPEN_GOP),
    "h264_open_gop_ts": _of("open.ts", "libx264", options=OPEN_GOP),
    "h264_one_keyframe": _of("long.mp4", "libx264", options=ONE_KEYFRAME),
    "h264_intra_refresh": _of("refresh.mp4", "libx264", options=INTRA_REFRESH),
    "h264_without_timestamps": _of("bare.h264", "libx264", options=OPEN_GOP),
    "h264_avi": _of("monotone.avi", "libx264", options=OPEN_GOP),
    "h264_vfr": _of(
        "vfr.mkv", "libx264", options=OPEN_GOP, time_base=MILLISECOND,
        times=[index * 40 + (index * index * 7) % 23 for index in range(40)],
    ),
    "h264_duplicate_times": _duplicate_times,
    "h264_edit_list": _of("edit.mp4", "libx264", options=OPEN_GOP, times=range(-15, 25)),
    "h264_negative_start": _of(
        "negative.mov", "libx264", options=ONE_KEYFRAME, times=range(-15, 25)
    ),
    "h264_old_x264": lambda folder: remux(
        encode(folder / "fields.mp4", "libx264", options=FIELDS), folder / "old.mp4", clips.from_an_old_x264
    ),
    "h264_fields": lambda folder: paff.recorded(folder / "paff.ts", 40),
    "h264_10_bit": _of("deep.mkv", "libx264", options=OPEN_GOP, pixel_format="yuv420p10le"),
    "h264_444": _of("full_chroma.mp4", "libx264", options=OPEN_GOP, pixel_format="yuv444p"),
    "hevc_open_gop": _of("open_hevc.mp4", "libx265", options=HEVC_OPEN_GOP),
    "mpeg1": _of("one.mpg", "mpeg1video", options=GOP_10_B),
    "mpeg2": _of("two.mpg", "mpeg2video", options=GOP_10_B),
    "mpeg2_mkv": _of("two.mkv", "mpeg2video", options=GOP_10_B),
    "mpeg4_b_frames": _of("four.mp4", "mpeg4", options=GOP_10_B),
    "mpeg4_b_frames_avi": _of("four.avi", "mpeg4", options=GOP_10_B),
    "mpeg4_packed": lambda folder: packed(
        encode(folder / "unpacked.avi", "mpeg4", 41, options={"g": "12", "bf": "1", "b_strategy": "0"}),
        folder / "packed.avi",
    ),
    "mpeg4_gaps": _of(
        "gaps.avi", "mpeg4", 30, options=GOP_10, times=[i + 2 * (i > 5) + 3 * (i > 20) for i in range(30)]
    ),
    "h263": _of("h263.3gp", "h263", options=GOP_10, size=(176, 144)),
    "h261": _of("h261.avi", "h261", size=(176, 144)),
    "vp8_wrongly_marked": _marked("wrong8.mkv", "libvpx", options=GOP_20_LAG),
    "vp9_alternate_references": _of(
        "nine.webm", "libvpx-vp9", options=GOP_20_LAG | {"cpu-used": "8"}
    ),
    "av1": _of("av1.mkv", "libsvtav1", options={"preset": "12", "g": "40", "svtav1-params": "lp=1"}),
    "msmpeg4v2_wrongly_marked": _marked("wrongm2.avi", "msmpeg4v2", options=GOP_10),
    "msmpeg4v3": _of("m3.avi", "msmpeg4", options=GOP_10),
    "wmv1": _marked("wmv1.asf", "wmv1", options=GOP_10),
    "wmv2": _marked("wmv2.asf", "wmv2", options=GOP_10),
    "flv1": _marked("flv1.flv", "flv", options=GOP_10),
    "rpza_all_marked": lambda folder: encode(
        folder / "rpza.mov", "rpza", 30, pixel_format="rgb555le", pictures=still_frames(30, "rgb555le")
    ),
    "msrle_palettes": lambda folder: encode(
        folder / "palette.avi", "msrle", 30, options=GOP_10, pixel_format="pal8", pictures=palette_frames(30, 10)
    ),
    "smc_one_palette": lambda folder: encode(
        folder / "palette.mov", "smc", 30, options=GOP_10, pixel_format="pal8", pictures=palette_frames(30, 30)
    ),
    "vp8_empty_packets": lambda folder: with_empty_packets(
        encode(folder / "full.mkv", "libvpx", 30, options=GOP_10), folder / "empty.nut"
    ),
    "yv12": _i420_called_yv12,
    "y4m": _of("raw.y4m", "rawvideo", 20, pixel_format="yuv444p"),
    "ffv1": _of("ffv1.mkv", "ffv1", options=GOP_10),
    "mjpeg": _of("mjpeg.avi", "mjpeg", pixel_format="yuvj420p"),
    "with_sound": _of("sound.mkv", "libx264", 100, options=OPEN_GOP, sound="pcm_s16le"),
    "with_aac": _of("sound.mp4", "libx264", options=OPEN_GOP, sound="aac"),
    "long": _of("many.mp4", "libx264", 500, options=OPEN_GOP),
}  # fmt: skip
