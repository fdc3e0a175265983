"""A job reaches its own files only: nothing of a worker's machine, however it is named."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, submission

LOGO = 'watermark:file="{}":corner=center:size=50:opacity=1'


def picture(path: Path, value: int) -> Path:
    cv2.imwrite(str(path), np.full((16, 16, 3), value, np.uint8))
    return path


def names_of(machine: Path, served: Path) -> list[str]:
    """All ways to name what lies on the machine of the worker, but not in the folder that it serves."""
    secret = picture(machine / "secret.png", 0)
    (machine / "folder").mkdir()
    unreadable = picture(machine / "unreadable.png", 9)
    unreadable.chmod(0)
    (served / "link.png").symlink_to(secret)
    (served / "up").symlink_to(machine)
    os.mkfifo(served / "pipe.png")
    plain = [str(secret), str(machine / "missing.png"), str(machine / "folder"), str(unreadable), "/dev/zero"]
    inside = ["link.png", "up/secret.png", "../machine/secret.png", "pipe.png", "missing.png", str(secret)]
    return [*plain, *(f"@{name}" for name in inside), "sha256:" + "0" * 64]


def failure_of(peer: RawPeer, clip: Path, file: str) -> str:
    """What a job that names this file is told, with all of its own words taken out."""
    sent = prepared(clip, file)
    job = peer.submit(**sent["submit"])
    for chunk in sent["chunks"]:
        peer.say("Chunk", chunk["payload"], job=job, **chunk["fields"])
    peer.say("End", job=job, chunk_counts=sent["counts"])
    record = peer.expect("Job", 60, job=job, state="failed")
    return re.sub(r"chunk \d+ of out \(job \S+\) failed on worker \S+: ", "", record["reason"].replace(file, "FILE"))


def prepared(clip: Path, file: str) -> dict[str, Any]:
    """What a client sends for a clip, with a step that names the file as no client of ours would."""
    from moviola.media.kinds import split  # noqa: PLC0415 - not before the test runs
    from moviola.media.material import Cutting, Material  # noqa: PLC0415

    source, chunks = split(Material.single("video", clip), Cutting(passthrough=False))
    told = [
        {"payload": one.payload, "fields": {"stream": one.stream, "index": one.index, "frame_count": one.frame_count}}
        for one in chunks
    ]
    step = {"name": "watermark", "parameters": {"file": file}}
    output = {
        "name": "out", "chain": [step], "codec": "h264", "crf": 20, "preset": "veryfast", "format": "", "quality": 95,
        "on_error": "fail",
    }  # fmt: skip
    submit = submission(source=source.to_wire(), outputs=[output], policy={"on_error": "fail"})
    return {"submit": submit, "chunks": told, "counts": [len(told)]}


def test_nothing_of_a_workers_machine_is_read_and_all_refusals_are_one_sentence(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=8, gop=8)
    machine, served = tmp_path / "machine", tmp_path / "served"
    machine.mkdir()
    served.mkdir()
    logo = picture(tmp_path / "logo.png", 200)
    with LocalCluster(tmp_path, workers=2, worker_arguments=["--assets", str(served)]) as cluster:
        honest = Honest(cluster, clip, LOGO.format(logo))
        told = {}
        for name in names_of(machine, served):
            with RawPeer(cluster.port) as peer:
                told[name] = failure_of(peer, clip, name)
        named = {told[name] for name in told if name.startswith(("@", "sha256:")) and ".." not in name}
        assert len({text for text in named if "is available to this worker" in text}) == 1, told
        paths = {told[name] for name in told if not name.startswith(("@", "sha256:"))}
        assert len(paths) == 1, told
        honest.check()


def test_a_file_that_is_served_is_found_by_its_name_and_an_edited_one_that_travels_is_a_new_job(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=8, gop=8)
    served = tmp_path / "served"
    served.mkdir()
    picture(served / "logo.png", 200)
    logo = picture(tmp_path / "mine.png", 200)
    with LocalCluster(tmp_path, workers=1, worker_arguments=["--assets", str(served)]) as cluster:
        mine = cluster.send(str(clip), "--filters", LOGO.format(logo))
        theirs = cluster.send(str(clip), "--filters", LOGO.format("@logo.png"))
        local = cluster.send(str(clip), "--filters", LOGO.format(logo), "--local", "--out", str(tmp_path / "local.mp4"))
        assert mine["outputs"][0]["digest"] == theirs["outputs"][0]["digest"] == local["outputs"][0]["digest"]
        picture(logo, 20)
        edited = cluster.send(str(clip), "--filters", LOGO.format(logo))
        assert edited["job_id"] != mine["job_id"]
        assert edited["outputs"][0]["digest"] != mine["outputs"][0]["digest"]


def test_what_is_sent_as_a_file_must_be_that_file(cluster: LocalCluster, honest: Honest) -> None:
    value = "sha256:" + "0" * 64
    with RawPeer(cluster.port) as peer:
        sent = submission(assets=[{"value": value, "size": 4, "name": "logo.png"}])
        job = peer.submit(**sent)
        peer.say("Chunk", b"else", job=job, stream=1, index=0, frame_count=1)
        assert peer.closed().startswith("corrupt: the file sent as")
    for wrong in ({"value": "/etc/passwd"}, {"value": value, "size": 16 * 1024 * 1024 + 1}):
        with RawPeer(cluster.port) as peer:
            peer.say("Submit", **submission(assets=[{"size": 4, "name": "x", **wrong}]))
            assert peer.expect("Error")["code"] == "bad-job"
    honest.check()


@pytest.mark.suite("long")
def test_files_arrive_though_everybody_is_killed_in_between(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=240, gop=8)
    logo = picture(tmp_path / "logo.png", 200)
    chain = LOGO.format(logo) + ",denoise"
    with LocalCluster(tmp_path, workers=2) as cluster:
        local = cluster.send(
            str(clip), "--filters", chain, "--chunk-frames", "8", "--local", "--out", str(tmp_path / "local.mp4")
        )
        sender = cluster.begin(str(clip), "--filters", chain, "--chunk-frames", "8", "--detach")
        out, err = sender.communicate(timeout=60)
        assert sender.returncode == 0, out + err
        cluster.restart("middleware")
        for child in cluster.worker_children():
            child.kill()
        sent = cluster.send(str(clip), "--filters", chain, "--chunk-frames", "8")
        assert sent["outputs"][0]["digest"] == local["outputs"][0]["digest"]
