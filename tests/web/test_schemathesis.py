"""What a tool that knows the API by its document alone sends: nothing that it makes up is answered by 5xx, or by a
status or a body that the document does not have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end import clips
from tests.end_to_end.cluster import LocalCluster
from tests.waiting import PATIENCE_S
from worker.parent import CALL_BACK

from .served import Served

pytestmark = [pytest.mark.suite("web"), pytest.mark.timeout(1200)]

CHECKS: Final = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)
EXAMPLES: Final = 25
"""Of each request, beside those that its phase of coverage makes of every parameter."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with LocalCluster(tmp_path_factory.mktemp("cluster"), workers=1) as cluster, Served(cluster) as served:
        yield served


@pytest.fixture(autouse=True)
def nothing_waits(gateway: Served) -> Iterator[None]:
    """What was made up and waits is cancelled: on a slow machine the next test's job would wait behind hundreds. The
    worker, whose name an answer tells and which may have been drained by it, is called back."""
    yield
    for job in gateway.get("/api/jobs?state=pending,running,paused&limit=1000")["jobs"]:
        gateway.client.delete(job["links"]["self"])
    gateway.cluster.kill("worker", CALL_BACK)
    gateway.cluster.wait(workers=1)


def run(gateway: Served, folder: Path, *arguments: str, config: str = "") -> None:
    """Send what schemathesis makes up, and fail with what it says."""
    (folder / "schemathesis.toml").write_text(config)
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file", "schemathesis.toml",
        "run", f"{gateway.url}/api/openapi.json", "--checks", CHECKS, "--max-examples", str(EXAMPLES),
        "--workers", "1", "--seed", "1", "--no-color", "--request-timeout", str(PATIENCE_S),
        "--exclude-path-regex", "/events$", *arguments,  # streams do not end by themselves
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "passed" in done.stdout


def test_requests_about_nothing_that_is_there(gateway: Served, tmp_path: Path) -> None:
    run(gateway, tmp_path)


def test_requests_about_a_job_that_is_there(gateway: Served, tmp_path: Path) -> None:
    job = gateway.ended(gateway.put(clips.moving(tmp_path / "clip.mp4", frames=16), filters="blur"))
    assert job["state"] == "done"
    file = job["files"][0]["name"]
    config = (
        f'[parameters]\n"path.id" = "{job["id"]}"\n"path.file" = "{file}"\n"path.chunk" = 0\n"path.output" = "blur"\n'
    )
    run(gateway, tmp_path, "--exclude-method", "DELETE", config=config)


def test_requests_about_the_priority_of_a_job_that_is_not_over(gateway: Served, tmp_path: Path) -> None:
    children = gateway.cluster.worker_children()
    for child in children:
        child.suspend()
    try:
        job = gateway.put(clips.moving(tmp_path / "held.mp4", frames=16), filters="blur", new="on")
        assert gateway.client.post(f"{job['links']['self']}/pause").status_code == 200
    finally:
        for child in children:
            child.resume()
    run(gateway, tmp_path, "--include-path-regex", "/priority$", config=f'[parameters]\n"path.id" = "{job["id"]}"\n')
    told = gateway.client.get("/metrics").text
    assert 'moviola_http_requests_total{method="POST",route="/api/jobs/{id}/priority",status="200"}' in told
    assert gateway.client.delete(job["links"]["self"]).status_code == 200
