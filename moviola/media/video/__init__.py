"""Video: cut into chunks of packets, decoded, filtered and encoded chunk by chunk, spliced into one file."""

from __future__ import annotations

from typing import Final

from moviola.media.kind import Deferred, Grouping, Kind
from moviola.media.video.naming import NAMING

# fmt: off
SUFFIXES: Final = frozenset((
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2ts",
    ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm",
    ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
))
# fmt: on
"""How videos are found in a folder. A file that is named itself may be called anything."""

KIND: Final = Kind(
    name="video",
    plural="videos",
    phrase="this is a video",
    unit="frame",
    suffixes=SUFFIXES,
    grouping=Grouping.EACH,
    takes=frozenset(("picture", "frames")),
    default_chains=("blur",),
    options=("codec", "crf", "preset", "verify_cuts", "no_video", "chunk_frames"),
    is_sequence=True,
    split=Deferred("moviola.media.video.split.split"),
    front=Deferred("moviola.media.video.front.front"),
    process=Deferred("moviola.media.video.process.process"),
    splice=Deferred("moviola.media.video.splice.splice"),
    frames=Deferred("moviola.media.video.frames.frames"),
    naming=NAMING,
    check=Deferred("moviola.media.video.chain.check"),
    findings=Deferred("moviola.media.video.findings.findings"),
    verify=Deferred("moviola.media.video.check.verify"),
    excerpt=Deferred("moviola.media.video.excerpt.write_excerpt"),
)
