"""Video: cut into chunks of packets, decoded, filtered and encoded chunk by chunk, spliced into one file."""

from __future__ import annotations

from typing import Final

from moviola.media.images.formats import is_picture
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

_STARTS: Final = (b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS", b"0&\xb2u\x8ef\xcf\x11", b"\x06\x0e+4\x02\x05\x01\x01")
"""Of Matroska and WebM, Flash Video, Ogg, ASF, MXF."""


def _recognises(head: bytes) -> bool:
    """Whether a file that begins so is a video, whatever its name says."""
    is_of_boxes = head[4:8] == b"ftyp" and not is_picture(head)  # HEIC and AVIF are of such boxes too
    return is_of_boxes or head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


KIND: Final = Kind(
    name="video",
    plural="videos",
    phrase="this is a video",
    unit="frame",
    suffixes=SUFFIXES,
    recognises=_recognises,
    grouping=Grouping.EACH,
    takes=frozenset(("picture", "frames")),
    default_chains=("blur",),
    options=("codec", "crf", "preset", "verify_cuts", "no_video", "chunk_frames"),
    is_sequence=True,
    split=Deferred("moviola.media.video.cutting.split.split"),
    front=Deferred("moviola.media.video.cutting.front.front"),
    process=Deferred("moviola.media.video.filtering.process.process"),
    splice=Deferred("moviola.media.video.writing.splice.splice"),
    frames=Deferred("moviola.media.video.playing.frames.frames"),
    naming=NAMING,
    traits=Deferred("moviola.media.video.traits.traits"),
    check=Deferred("moviola.media.video.chain.check"),
    findings=Deferred("moviola.media.video.findings.findings"),
    verify=Deferred("moviola.media.video.check.verify"),
    excerpt=Deferred("moviola.media.video.cutting.excerpt.write_excerpt"),
)
