"""docs/WEB.md: every line of it that is to be typed does what it says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT, LocalCluster

from .pictures import as_picture
from .served import Served

PAGE = ROOT / "docs" / "WEB.md"


def typed_lines() -> Iterator[str]:
    """Yield the lines of the page's blocks of shell."""
    is_shell = False
    for line in PAGE.read_text().splitlines():
        if line.startswith("```"):
            is_shell = line == "```sh"
        elif is_shell:
            yield line


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_every_line_of_the_page_can_be_typed(tmp_path: Path) -> None:
    lines = list(typed_lines())
    assert len(lines) >= 15
    clip = clips.moving(tmp_path / "clip.mp4", frames=16)
    as_picture(clip, tmp_path / "logo.png")
    patient = ("--worker-timeout", "300")  # a worker that is suspended is not lost
    with (
        LocalCluster(tmp_path, workers=1, middleware_arguments=patient) as cluster,
        Served(cluster) as gateway,
        ExitStack() as stopped,
    ):
        job: dict[str, Any] = {}
        for line in lines:
            if "/files" in line or "/play" in line:
                gateway.ended(job)
            elif "/pause" in line:  # of a job that no worker has ended already
                for child in cluster.worker_children():
                    child.suspend()
                    stopped.callback(child.resume)
                job = gateway.put(clip, filters="flip")
            known = gateway.get("/api/comparisons")["comparisons"] if "/comparisons/ID" in line else [job]
            worker = next((one["name"] for one in gateway.get("/api/workers")["workers"]), "")
            line = line.replace("ID", known[0].get("id", "")).replace("WORKER", worker)
            done = _type(line, gateway, tmp_path)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            if not job:
                (job,) = gateway.get("/api/jobs")["jobs"]
    assert (tmp_path / "blur.mp4").read_bytes()[:100] == (tmp_path / "beginning").read_bytes()


def _type(line: str, gateway: Served, folder: Path) -> subprocess.CompletedProcess[str]:
    """Type a line in a shell, with the gateway's own address, so that what is refused fails."""
    line = line.replace("http://localhost:8080", gateway.url).replace("curl ", "curl -sS --fail-with-body ", 1)
    return subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
