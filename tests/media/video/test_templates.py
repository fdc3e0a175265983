"""Templates that came over the network: opened in the format they are said to have, and as nothing else."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.errors import SpliceError, UnreadableSource
from moviola.media.video.reading.opening import opened
from moviola.media.video.templates import TEMPLATE_FORMATS, template_stream
from tests.ports import free_udp_port

SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 0\n"
FFCONCAT = b"ffconcat version 1.0\nfile secret.mp4\n"
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n"


@pytest.fixture
def unused_port() -> int:
    """A UDP port that nobody has; RTP wants an even one."""
    return free_udp_port()


@pytest.mark.parametrize("form", [*TEMPLATE_FORMATS, "sdp", "concat", "hls", "", "lavfi"])
@pytest.mark.parametrize("template", [SDP, FFCONCAT, PLAYLIST, b""])
def test_a_text_is_no_template(form: str, template: bytes) -> None:
    with (
        pytest.raises(SpliceError, match="template"),
        template_stream(form, template),
    ):
        pass


@given(st.sampled_from(TEMPLATE_FORMATS), st.binary(max_size=400), st.sampled_from([SDP, FFCONCAT, PLAYLIST]))
def test_no_bytes_are_taken_for_a_playlist(form: str, noise: bytes, text: bytes) -> None:
    with pytest.raises(SpliceError), template_stream(form, text + noise):
        pass


def test_no_port_is_opened(unused_port: int) -> None:
    """By guess, as it was, this opened a port and waited for sound to come."""
    text = SDP.replace(b"40000", str(unused_port).encode())
    for form in TEMPLATE_FORMATS:
        with pytest.raises(SpliceError), template_stream(form, text):
            pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", unused_port))


@pytest.mark.parametrize("text", [SDP, b"ffconcat version 1.0\nfile clip.mp4\n"])
def test_a_file_that_points_to_others_is_no_video(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(text)
    with pytest.raises(UnreadableSource), opened(path):
        pass
