"""Turning frames the way they are meant to be seen, which the display matrix of a file tells.

Cameras write the picture as the sensor lies and note how to turn it. Filters and outputs get it turned already,
because not every container can carry the note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av

from moviola.base.arrays import np
from moviola.media.video.orientation import Orientation

if TYPE_CHECKING:
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

# Planar formats whose planes have other proportions once turned by a quarter.
_TURNED = {
    "yuv422p": "yuv440p",
    "yuvj422p": "yuvj440p",
    "yuv422p10le": "yuv440p10le",
    "yuv422p12le": "yuv440p12le",
    "yuv440p": "yuv422p",
    "yuvj440p": "yuvj422p",
    "yuv440p10le": "yuv422p10le",
    "yuv440p12le": "yuv422p12le",
}


def orient_plane(plane: npt.NDArray[Any], orientation: Orientation) -> npt.NDArray[Any]:
    """Return a view of a plane, shape (height, width) or (height, width, channels), as it is to be seen."""
    if orientation.transpose:
        plane = plane.swapaxes(0, 1)
    if orientation.flip_x:
        plane = plane[:, ::-1]
    if orientation.flip_y:
        plane = plane[::-1]
    return plane


def orient(frame: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    """Return the frame as it is to be seen: itself if it is upright, otherwise a new one with the same times and
    colour.

    Its format is the decoder's, but for those that cannot be turned plane by plane (palettes, packed 4:2:2) and
    for chroma that is sampled more coarsely one way than the other, where FFmpeg has no such format turned.
    """
    if orientation.upright:
        return frame
    frame = _as_planes(frame, orientation.transpose)
    name = frame.format.name
    if orientation.transpose:
        name = _TURNED.get(name, name)
    turned = av.VideoFrame(*orientation.size(frame.width, frame.height), name)
    for index in range(len(frame.planes)):
        plane_view(turned, index)[:] = orient_plane(plane_view(frame, index), orientation)
    copy_properties(frame, turned)
    return turned


def copy_properties(frame: av.VideoFrame, to: av.VideoFrame) -> None:
    """Copy times and colour tags, which a newly made frame lacks."""
    to.pts = frame.pts
    if frame.time_base is not None:
        to.time_base = frame.time_base
    to.colorspace = frame.colorspace
    to.color_range = frame.color_range
    to.color_primaries = frame.color_primaries
    to.color_trc = frame.color_trc


def _as_planes(frame: av.VideoFrame, transpose: bool) -> av.VideoFrame:
    """Return a frame in a format whose planes each hold whole pixels, in a way that can be turned."""
    form = frame.format
    name = form.name
    if form.has_palette or form.is_bayer or form.is_bit_stream:
        return frame.reformat(format="gray" if name in ("monow", "monob") else "rgba")
    if name in ("yuyv422", "uyvy422", "yvyu422", "nv16"):
        return _as_planes(frame.reformat(format="yuv422p"), transpose)
    if name in ("uyyvyy411", "yuv411p", "yuvj411p"):
        return frame.reformat(format="yuvj444p" if name == "yuvj411p" else "yuv444p")
    lopsided = name not in _TURNED and form.chroma_width(64) != form.chroma_height(64)
    if transpose and lopsided and not form.is_rgb:
        return frame.reformat(format=name.replace("422", "444").replace("440", "444"))
    return frame


def plane_view(frame: av.VideoFrame, index: int) -> Plane:
    """A plane's bytes without a copy, shape (height, width, bytes from one pixel to the next).

    Where pixels are not whole bytes the rows are as wide as they lie in memory.
    """
    plane = frame.planes[index]
    rows: Plane = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    if plane.line_size == 0:  # a palette
        return rows.reshape(1, 1, -1)
    rows = rows.reshape(-1, plane.line_size)[: plane.height]
    pixel_size = _pixel_size(frame, index)
    if pixel_size == 0:
        return rows.reshape(plane.height, 1, -1)
    return rows[:, : plane.width * pixel_size].reshape(plane.height, plane.width, pixel_size)


def _pixel_size(frame: av.VideoFrame, plane: int) -> int:
    if len(frame.planes) == 1:
        return frame.format.padded_bits_per_pixel // 8
    return sum(-(-one.bits // 8) for one in frame.format.components if one.plane == plane)
