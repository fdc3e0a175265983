"""Pictures that would take more memory than there is: refused before it is taken, by client and worker."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.media.bundle import pack, unpack
from moviola.media.kinds import split
from moviola.media.material import Cutting, Material
from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, submission

LIMIT = 768 * 1024 * 1024
SIDE = 16_000  # pixels: of a picture that takes 256 MB, and some 25 GB once it is filtered and encoded

HOG = """
from dataclasses import dataclass
import numpy as np
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Hog(Filter):
    name, summary = "hog", "takes memory"

    def apply(self, picture, earlier):
        taken = np.ones((1 << 30,), np.uint8)
        return picture.with_gray(picture.gray | taken[0])
"""


def still(path: Path, width: int, height: int, frames: int = 2) -> Path:
    """A film of one grey, as PNG pictures in MOV: of any size in moments, and of some kilobytes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        frame = av.VideoFrame(width, height, "gray")
        frame.planes[0].update(bytes([128]) * frame.planes[0].buffer_size)
        (picture,) = map(bytes, [*stream.encode(frame), *stream.encode(None)])  # of a picture so large, once
        for index in range(frames):
            packet = av.Packet(picture)
            packet.stream, packet.is_keyframe, packet.time_base = stream, True, Fraction(1, 25)
            packet.pts = packet.dts = index
            container.mux(packet)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of pictures that no worker may hold."""
    return still(tmp_path_factory.mktemp("large") / "large.mov", SIDE, SIDE)


def large_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def submitted(small: Path, large: Path, *, tells_truth: bool) -> dict[str, Any]:
    """A submission whose chunk holds the large pictures, and which says that they are small, or how large they are."""
    source, chunks = split(Material.single("video", small), Cutting(passthrough=False))
    (chunk,) = chunks
    table, _ = unpack(chunk.payload)
    packets = large_packets(large)
    for entry, packet in zip(table["p"], packets, strict=True):
        entry[0] = len(packet)
    told = source.to_wire()
    if tells_truth:
        sizes = ("width", "height", "display_width", "display_height")
        told["process"] |= dict.fromkeys(sizes, SIDE)
    output = {
        "name": "out", "chain": [{"name": "blur", "parameters": {}}], "codec": "ffv1", "crf": 20, "preset": "veryfast",
        "format": "", "quality": 95, "on_error": "original",
    }  # fmt: skip
    fields = {"stream": 0, "index": 0, "frame_count": chunk.frame_count}
    return {"submit": submission(source=told, outputs=[output]), "fields": fields, "payload": pack(table, packets)}


def ended(peer: RawPeer, sent: dict[str, Any]) -> dict[str, Any]:
    """Sends a job and waits for its end."""
    job = peer.submit(**sent["submit"])
    peer.say("Chunk", sent["payload"], job=job, **sent["fields"])
    peer.say("End", job=job, chunk_counts=[1])
    while True:
        record = peer.expect("Job", 90, job=job)
        if record["state"] not in ("pending", "running"):
            return record


def peak_bytes(process_id: int) -> int:
    """The most memory that a process has held."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def test_pictures_larger_than_they_are_said_to_be_never_take_the_memory(tmp_path: Path, large: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    small = still(tmp_path / "small.mov", 64, 48)
    with LocalCluster(tmp_path, workers=2, worker_arguments=["--memory-limit", str(LIMIT)]) as cluster:
        children = [child.pid for child in cluster.worker_children()]
        honest = Honest(cluster, clip)
        with RawPeer(cluster.port) as liar:
            record = ended(liar, submitted(small, large, tells_truth=False))
            assert (record["state"], record["code"]) == ("failed", "splice-failed")
            assert record["reason"].startswith("no frame came out")
        with RawPeer(cluster.port) as peer:
            record = ended(peer, submitted(small, large, tells_truth=True))
            assert record["state"] == "failed"
            assert "16000x16000 have 256 million pixels, and the limit is 134 million" in record["reason"]
            failure = record["details"]["failures"][0]
            assert (failure["failure_type"], failure["failure_reason"]) == ("worker_failure", "memory")
        honest.check()
        assert [child.pid for child in cluster.worker_children()] == children
        assert max(map(peak_bytes, children)) < LIMIT


def test_a_filter_that_takes_too_much_fails_its_own_tasks(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=24, gop=8)
    plugin = tmp_path / "hog.py"
    plugin.write_text(HOG)
    flags = ["--memory-limit", str(LIMIT), "--plugins", str(plugin)]
    with LocalCluster(tmp_path, workers=2, worker_arguments=flags) as cluster:
        children = [child.pid for child in cluster.worker_children()]
        honest = Honest(cluster, clip)
        sent = cluster.send(str(clip), "--filters", "hog", status=4)
        assert sent["outputs"][0]["fallback_frames"] == 24
        shown = cluster.run("client.jobs", "show", sent["job_id"]).stdout
        assert "memory" in shown
        honest.check()
        assert [child.pid for child in cluster.worker_children()] == children
        assert max(map(peak_bytes, children)) < LIMIT


def test_a_client_refuses_such_a_film_before_it_sends(tmp_path: Path, large: Path) -> None:
    cluster = LocalCluster(tmp_path, workers=0)
    for more in ([], ["--local"]):
        done = cluster.run("client.file_sender", str(large), *more)
        assert done.returncode == 2
        told = "16000x16000 have 256 million pixels, and the limit is 134 million; make the video smaller"
        assert told in done.stderr
