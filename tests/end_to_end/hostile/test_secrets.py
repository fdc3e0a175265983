"""Nobody else gets in: a secret that is made by itself, and files that are their user's own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.cluster import ROOT, LocalCluster
from tests.end_to_end.hostile.peer import Closed, Honest, RawPeer
from tests.ports import free_port

NOBODY = 65534


def open_to_others(folder: Path) -> list[str]:
    """What somebody else could look into."""
    return [str(path) for path in (folder, *folder.rglob("*")) if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_a_cluster_lets_nobody_in_who_has_not_its_secret(cluster: LocalCluster, honest: Honest, tmp_path: Path) -> None:
    honest.check()
    assert len(cluster.secret) >= 32
    assert open_to_others(cluster.folder / "state") == []
    for port in (cluster.port, cluster.aggregator_port):
        for role in ("client", "worker"):
            for secret in (b"", b"guessed"):
                with pytest.raises(Closed, match="forbidden"):
                    RawPeer(port, role, secret=secret)
    stranger = {**cluster.environment, "MOVIOLA_STATE": str(tmp_path / "of another user")}
    told = subprocess.run(
        [sys.executable, "-m", "client.status"],
        cwd=tmp_path,
        env=stranger,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "--secret-file" in told.stderr
    honest.check()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_of_the_machine_cannot_read_the_secret(cluster: LocalCluster) -> None:
    reading = ["/bin/cat", str(cluster.folder / "state" / "secret")]
    done = subprocess.run(reading, user=NOBODY, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""


@pytest.mark.parametrize("role", ["middleware", "aggregator", "worker", "client.status"])
def test_a_secret_that_others_can_read_is_refused_with_what_to_do(tmp_path: Path, role: str) -> None:
    secret = tmp_path / "state" / "secret"
    secret.parent.mkdir()
    secret.write_text("reel")
    secret.chmod(0o644)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MOVIOLA_STATE": str(secret.parent)}
    told = subprocess.run(
        [sys.executable, "-m", role, "--port", str(free_port())],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert told.returncode != 0
    assert f"chmod 600 {secret}" in told.stderr
    assert "Traceback" not in told.stderr
