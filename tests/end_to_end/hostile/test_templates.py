"""Templates of unfiltered streams that are something else: refused, or their job fails, and nothing is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moviola.filters.chain import parse_chain
from moviola.media.bundle import pack
from moviola.media.kinds import split
from moviola.media.material import Chunk, Cutting, Encoder, Material, Output
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, submission
from tests.ports import free_udp_port
from tests.waiting import until

SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n"
FFCONCAT = b"ffconcat version 1.0\nfile secret.mp4\n"
MATROSKA = b"\x1aE\xdf\xa3"
SENTENCE_S = 60.0


@pytest.fixture
def udp_port() -> int:
    """An even UDP port that nobody has."""
    return free_udp_port()


def is_open(port: int) -> bool:
    """Whether any process of this host listens at a UDP port."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in lines)


def hostile_submission(clip: Path, template: bytes, form: str) -> tuple[dict[str, Any], list[Chunk]]:
    """A real clip with a stream beside it whose template is `template`, and the chunks of both."""
    source, chunks = split(Material.single("video", clip), Cutting())
    facts = {
        "stream": 1, "type": "audio", "codec": "aac", "time_base": [1, 48000], "template": template,
        "template_format": form, "language": "und", "metadata": {}, "disposition": 0,
        "first": pack({"p": []}, []), "index": 1,
    }  # fmt: skip
    told = source.to_wire()
    told |= {"stream_count": 2, "splice": {**source.splice, "passthrough": [facts]}}
    output = Output("out", parse_chain("blur"), Encoder()).to_wire()
    return submission(source=told, outputs=[output]), [*chunks, Chunk(1, 0, 0, pack({"p": []}, []))]


def test_a_template_is_opened_as_what_it_says_or_not_at_all(
    cluster: LocalCluster, honest: Honest, clip: Path, udp_port: int
) -> None:
    sdp = SDP.format(port=udp_port).encode()
    refused = [(sdp, "matroska"), (FFCONCAT, "mov"), (sdp, "sdp"), (FFCONCAT, "concat"), (b"#EXTM3U\n", "mpegts")]
    taken = [(MATROSKA + sdp, "matroska"), (b"nut/multimedia container\0" + FFCONCAT, "nut")]
    with RawPeer(cluster.port) as bad:
        for template, form in refused:
            bad.say("Submit", **hostile_submission(clip, template, form)[0])
            error = bad.expect("Error", fatal=False)
            assert (error["code"], "stream 1" in error["text"]) == ("bad-job", True)
        for template, form in taken:
            reason = _fate(bad, *hostile_submission(clip, template, form))
            assert "template" in reason, reason
            assert form in reason, reason
        honest.check()
    assert not is_open(udp_port)


def _fate(peer: RawPeer, submit: dict[str, Any], chunks: list[Chunk]) -> str:
    """Sends a job by hand; why it failed."""
    job = peer.submit(**submit)
    for chunk in chunks:
        peer.say("Chunk", chunk.payload, job=job, stream=chunk.stream, index=chunk.index, frame_count=chunk.frame_count)
    counts = [sum(chunk.stream == stream for chunk in chunks) for stream in (0, 1)]
    peer.say("End", job=job, chunk_counts=counts)
    ended = until(lambda: _final(peer, job), "the end of a job with a bad template", SENTENCE_S)
    assert ended["state"] == "failed", ended
    return str(ended["reason"])


def _final(peer: RawPeer, job: str) -> dict[str, Any] | None:
    record = peer.expect("Job", job=job)
    return record if record["state"] in ("done", "partial", "failed", "cancelled") else None
