from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from moviola.filters.picture import Picture
from moviola.filters.pool import MAX_FRAMES, MAX_SHAPES, FramePool
from tests.filters.frames import texture

SIZE = (64, 48, "yuv420p")


def address(frame: av.VideoFrame) -> int:
    return frame.planes[0].buffer_ptr


def test_a_frame_nobody_holds_is_used_again() -> None:
    pool = FramePool()
    first = address(pool.take(*SIZE))
    assert [address(pool.take(*SIZE)) for _ in range(5)] == [first] * 5


def test_a_frame_somebody_holds_is_left_alone() -> None:
    pool = FramePool()
    held = [pool.take(*SIZE) for _ in range(MAX_FRAMES + 3)]
    assert len({address(frame) for frame in held}) == len(held)


def test_a_view_of_a_plane_holds_its_frame() -> None:
    pool = FramePool()
    view = Picture(pool.take(*SIZE), pool=pool).planes[1]
    assert pool.take(*SIZE).planes[1].buffer_ptr != view.ctypes.data


def test_a_picture_let_go_gives_its_frame_back_at_once() -> None:
    pool = FramePool()
    source = Picture(av.VideoFrame(*SIZE), pool=pool)
    seen = set()
    for _ in range(10):
        output = source.copy()
        assert output.bgr.shape == (48, 64, 3)
        seen.add(address(output.frame))
    assert len(seen) == 2  # one in hand while the next is made


def test_shapes_out_of_use_are_forgotten() -> None:
    pool = FramePool()
    for width in range(1, 20):
        pool.take(width, 48, "gray")
    assert len(pool._shapes) == MAX_SHAPES


def test_buffers_held_outside_python_are_left_to_their_holder() -> None:
    """FFmpeg's `reverse` keeps every frame until the end: a holder that no reference count shows."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=64, height=48, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, 25))
    reverse, sink = graph.add("reverse"), graph.add("buffersink")
    source.link_to(reverse)
    reverse.link_to(sink)
    graph.configure()
    pool = FramePool()
    for index in range(20):
        frame = pool.take(*SIZE)
        for plane in frame.planes:
            plane.update(bytes([index]) * plane.buffer_size)
        frame.pts, frame.time_base = index, Fraction(1, 25)
        graph.push(frame)
        del frame
    graph.push(None)
    values = []
    for _ in range(20):
        pulled = graph.pull()
        values.append([bytes(plane)[0] for plane in pulled.planes])
    assert values == [[index] * 3 for index in reversed(range(20))]


def encoded(codec: str, options: dict[str, str], pool: FramePool | None) -> list[bytes]:
    """60 frames of a moving texture, from recycled frames or from a new one each."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 160, 112, "yuvj420p" if codec == "mjpeg" else "yuv420p"
    encoder.time_base, encoder.options, encoder.thread_count = Fraction(1, 25), options, 1
    scene = texture(320, 112)
    packets = []
    for index in range(60):
        shape = (160, 112, encoder.pix_fmt)
        frame = pool.take(*shape) if pool else av.VideoFrame(*shape)
        output = Picture(frame)
        output._writable = True
        output.paint_gray(np.ascontiguousarray(scene[:, index : index + 160]))
        frame.pts, frame.time_base = index, encoder.time_base
        packets += [bytes(packet) for packet in encoder.encode(frame)]
        del frame, output
    return packets + [bytes(packet) for packet in encoder.encode(None)]


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("ffv1", {}),
        ("mpeg4", {}),
        ("mpeg4", {"bf": "2"}),
        ("mjpeg", {}),
        ("libx264", {"preset": "veryfast"}),
        ("libx264", {"preset": "ultrafast", "tune": "zerolatency"}),
    ],
)
def test_encoders_give_the_same_from_recycled_frames(codec: str, options: dict[str, str]) -> None:
    pool = FramePool()
    assert encoded(codec, dict(options), pool) == encoded(codec, dict(options), None)
    (frames,) = pool._shapes.values()
    assert len(frames) == 1  # no encoder kept one, otherwise a second would have been made or buffers replaced


def test_encoders_hold_no_buffers_when_encode_returns() -> None:
    """What makes recycling free: were they held, each frame's buffers would be copied."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 160, 112, "yuv420p", Fraction(1, 25)
    pool = FramePool()
    addresses = set()
    for index in range(40):
        frame = pool.take(160, 112, "yuv420p")
        frame.pts = index
        encoder.encode(frame)
        addresses.add(address(frame))
        del frame
    assert len(addresses) == 1
