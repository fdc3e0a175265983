"""docs/PROTOCOL.md is enough to write a worker from: one that shares no code of ours for the wire does a whole job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT, LocalCluster

EXAMPLE = ROOT / "docs" / "examples" / "worker_in_80_lines.py"


def test_it_has_80_lines_and_no_wire_of_ours() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(lines) <= 80
    assert not [line for line in lines if "import" in line and ("wire" in line or "base" in line or "worker" in line)]


def test_alone_it_does_a_whole_job(tmp_path: Path) -> None:
    source = str(clips.moving(tmp_path / "clip.mp4", frames=48, size=(160, 120)))
    arguments = (source, "--filters", "blur,grayscale", "--filters", "edges", "--chunk-frames", "12")
    with LocalCluster(tmp_path, workers=0) as running:
        secret = str(tmp_path / "state" / "secret")
        command = [sys.executable, str(EXAMPLE), "localhost", str(running.port), secret, "blur", "grayscale", "edges"]
        with (tmp_path / "plain.log").open("ab") as log:
            running.processes["plain"] = subprocess.Popen(
                command, cwd=tmp_path, env=running.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        running.wait(1)
        sent = running.send(*arguments)
        expected = running.send(*arguments, "--local")
    assert sent["state"] == "done", sent
    assert [one["digest"] for one in sent["outputs"]] == [one["digest"] for one in expected["outputs"]]
    assert [one["frames_out"] for one in sent["outputs"]] == [48, 48]
    assert [one["retries"] for one in sent["outputs"]] == [0, 0]
