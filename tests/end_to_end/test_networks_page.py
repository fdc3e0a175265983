"""What docs/NETWORKS.md shows works as printed, through a real cluster; and a worker without the runtime."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT, LocalCluster, local, output
from tests.ports import free_port
from tests.processes import end
from tests.waiting import until

PAGE = ROOT / "docs" / "NETWORKS.md"
BLOCKS: list[tuple[str, str, str]] = re.findall(
    r"^```(python|sh)( \w+)?\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)
MAKERS = [code for language, kind, code in BLOCKS if language == "python" and not kind]
(SCRIPT,) = [code for language, kind, code in BLOCKS if kind == " script"]
(WORKER,) = [code for language, kind, code in BLOCKS if kind == " background"]
COMMANDS = [
    line for language, kind, code in BLOCKS if language == "sh" and not kind for line in code.splitlines() if line
]
FRAMES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader is: a clip, the networks that the page makes, and the commands on the path."""
    folder = tmp_path_factory.mktemp("networks")
    clips.moving(folder / "clip.mp4", frames=FRAMES)
    for code in MAKERS:
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=60)
    (folder / "networks").mkdir()
    for path in folder.glob("*.onnx"):
        (folder / "networks" / path.name).write_bytes(path.read_bytes())
    (folder / "bin").mkdir()
    command = folder / "bin" / "moviola"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m moviola "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def cluster(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """One whose workers are those that the page starts."""
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=0) as running:
        with (folder / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                ["sh", "-c", f"exec {WORKER}"], cwd=folder, env=around(folder, running), stderr=log
            )
        try:
            running.wait(2)
            yield running
        finally:
            end([worker])


def around(folder: Path, cluster: LocalCluster) -> dict[str, str]:
    """The environment of a person who works with the cluster."""
    secret = str(cluster.folder / "state" / "secret")
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return {**cluster.environment, "PATH": path, "MOVIOLA_SECRET_FILE": secret, "MOVIOLA_HOST": "127.0.0.1"}


def typed(command: str, folder: Path, cluster: LocalCluster) -> str:
    """What a command prints, which must end well."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=around(folder, cluster),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}\n{(folder / 'worker.log').read_text()}"
    return done.stdout


def notes(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def command_with(*words: str) -> str:
    (found,) = [line for line in COMMANDS if all(word in line for word in words)]
    return found


def test_the_page_has_no_command_that_is_not_tried() -> None:
    assert len(COMMANDS) == 6
    assert len(MAKERS) == 2


@pytest.mark.parametrize("name", ["detect", "onnx"])
def test_the_networks_keep_the_contract(name: str, folder: Path, cluster: LocalCluster) -> None:
    assert "✗" not in typed(command_with(f"moviola check --filter {name} "), folder, cluster)


def test_a_detector_finds_the_square_that_crosses_the_clip(folder: Path, cluster: LocalCluster) -> None:
    typed(command_with("found.mp4"), folder, cluster)
    found = notes(folder / "found.annotations.jsonl")
    assert [each["frame"] for each in found] == list(range(FRAMES))
    assert all(each["labels"] == ["bright"] * len(each["boxes"]) for each in found)  # type: ignore[arg-type]
    for each in found:  # the square is at 3 pixels a frame, 24 wide, from row 40 on
        left = 3 * int(str(each["frame"])) % 136
        for x, y, width, height in each["boxes"]:  # type: ignore[attr-defined]
            assert left - width < x < left + 24
            assert 40 - height < y < 64
    seen = sum(bool(each["boxes"]) for each in found)
    assert seen > FRAMES // 2, "a cell is bright enough where the square covers all of it"
    typed(command_with("served.mp4"), folder, cluster)
    assert len(notes(folder / "served.annotations.jsonl")) == FRAMES


def test_a_picture_becomes_twice_as_large(folder: Path, cluster: LocalCluster) -> None:
    typed(command_with("larger.mp4"), folder, cluster)
    with av.open(str(folder / "larger.mp4")) as made:
        stream = made.streams.video[0]
        assert (stream.width, stream.height) == (320, 240)
        assert sum(1 for _ in made.decode(stream)) == FRAMES


def test_in_python_the_digests_are_equal(folder: Path, cluster: LocalCluster) -> None:
    (folder / "example.py").write_text(SCRIPT)
    assert typed(f"{sys.executable} example.py", folder, cluster).splitlines()[-1] == "True"


def test_by_http(folder: Path, cluster: LocalCluster) -> None:
    port = free_port()
    environment = around(folder, cluster)
    command = [str(folder / "bin" / "moviola"), "web", "--port", str(port), "--middleware-port", str(cluster.port)]
    with (folder / "web.log").open("wb") as log:
        gateway = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)
    try:
        address = f"http://localhost:{port}/"

        def answers() -> bool | None:
            return subprocess.run(["curl", "-sf", address], capture_output=True, check=False).returncode == 0 or None

        until(answers, "the gateway")
        told = json.loads(typed(command_with("curl").replace("http://localhost:8080/", address), folder, cluster))
        (job,) = told["jobs"]
        typed(f"moviola jobs wait {job['id']}", folder, cluster)
    finally:
        end([gateway])


@pytest.mark.parametrize("workers", [1, 3])
def test_digests_are_equal_for_any_cut_and_any_number_of_workers(workers: int, folder: Path, tmp_path: Path) -> None:
    """FFV1 loses nothing and looks at one picture at a time, so that the cuts do not show in its packets."""
    clip, detector, painter = (str(folder / name) for name in ("clip.mp4", "bright.onnx", "twice.onnx"))
    with LocalCluster(tmp_path, workers=workers) as running:
        for chain in (f"detect:model={detector}:score=0.7", f"onnx:model={painter}:tile=64:overlap=4"):
            wanted = [clip, "--filters", chain, "--codec", "ffv1"]
            digests = {output(local(running, *wanted, "--chunk-frames", "64"))["digest"]}
            for frames in ("8", "16"):
                digests.add(output(running.send(*wanted, "--chunk-frames", frames, "--new"))["digest"])
            assert len(digests) == 1, chain


def test_a_worker_without_the_runtime_gets_no_such_task_and_the_job_says_why(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["onnxruntime"] = None\n')
    (tmp_path / "cluster").mkdir()
    lacking = LocalCluster(tmp_path / "cluster", workers=1)
    lacking.environment["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
    with lacking:
        sender = lacking.begin(str(folder / "clip.mp4"), "--filters", f"detect:model={folder / 'bright.onnx'}")
        try:

            def reason() -> str | None:
                (job,) = lacking.status()["jobs"] or [{"reason": ""}]
                return str(job["reason"]) if "cannot offer it" in job["reason"] else None

            said = until(reason, "the reason for which the job waits")
            assert "knows 'detect', but cannot offer it: onnxruntime is not installed; install" in said
        finally:
            end([sender])
        assert "'detect' is not offered: onnxruntime is not installed" in lacking.log("worker")
