"""Workers whose networks differ never work on one output: their fingerprints keep them apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from moviola.base.packaged_models import YUNET
from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT, LocalCluster, finished
from tests.end_to_end.faults.witness import PLUGINS, computing, view
from tests.filters import yunet_model
from tests.waiting import until

TIMEOUT_S = 120


def another_network(folder: Path) -> str:
    """A package in the place of the one that has the usual network, with one that takes bright places for faces. Return
    the path on which Python finds it first."""
    package = folder / YUNET.package
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    yunet_model.write(package / YUNET.file)
    return os.pathsep.join([str(folder), str(ROOT)])


def fingerprint(path: str) -> str:
    """The fingerprint of a process with this path."""
    program = "from moviola.media.fingerprint import fingerprint; print(fingerprint())"
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


def worker(cluster: LocalCluster, name: str, path: str) -> None:
    cluster.environment["PYTHONPATH"] = path
    told = ["--port", str(cluster.port), "--processes", "1", "--name", name, "--plugins", str(PLUGINS)]
    cluster.start("worker", name, told)


def local(cluster: LocalCluster, path: str, *asked: str) -> str:
    """The digest of a chain in a process with this path."""
    cluster.environment["PYTHONPATH"] = path
    return digest(finished(cluster.begin(*asked, "--local")))


def digest(outcome: dict[str, Any]) -> str:
    [output] = outcome["outputs"]
    assert output["fallback_frames"] == output["lost_frames"] == 0
    return str(output["digest"])


def chunks_of(cluster: LocalCluster, name: str) -> int:
    return sum(one.facts.chunks for one in view(cluster).workers.values() if one.name.startswith(name))


def test_a_worker_with_another_network_gets_nothing_of_an_output_that_was_begun(tmp_path: Path) -> None:
    """It is idle from the first chunk on, of six; a job of its own shows that it works, and sees other faces."""
    usual, other = str(ROOT), another_network(tmp_path / "other")
    assert fingerprint(usual) != fingerprint(other)
    clip = clips.moving(tmp_path / "clip.mp4", frames=48, gop=8)
    gate = tmp_path / "gate"
    asked = (str(clip), "--chunk-frames", "8", "--filters")
    with LocalCluster(tmp_path, workers=0) as cluster:
        seen = {path: local(cluster, path, *asked, "faces") for path in (usual, other)}
        assert seen[usual] != seen[other]
        worker(cluster, "usual", usual)
        cluster.wait(1)
        sender = cluster.begin(*asked, f"faces,gate:frame=0:path={gate}")
        until(lambda: computing(cluster, 0, "usual"), "the first chunk is in work", TIMEOUT_S)
        worker(cluster, "other", other)
        cluster.wait(2)
        gate.touch()
        assert digest(finished(sender)) == seen[usual]
        until(lambda: chunks_of(cluster, "usual") == 6, "one of them has done all")
        assert chunks_of(cluster, "other") == 0
        cluster.kill("usual")
        assert digest(cluster.send(*asked, "faces", "--new")) == seen[other]
