"""A kind of material that none of the programs was written for, through real ones: an entry is all that they get."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.cluster import LocalCluster
from tests.media.audio.sound import write

ENTRY = """
from moviola.media import kinds
from tests.media.audio import KIND
kinds.KINDS[KIND.name] = KIND
"""
PEAKS = [number * 331 % 20_000 for number in range(60)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    """One whose programs all make the entry when Python starts."""
    (tmp_path / "sitecustomize.py").write_text(ENTRY)
    made = LocalCluster(tmp_path, workers=2)
    made.environment["PYTHONPATH"] = os.pathsep.join((str(tmp_path), made.environment["PYTHONPATH"]))
    with made:
        yield made


def test_it_goes_through_a_cluster(cluster: LocalCluster, tmp_path: Path) -> None:
    beeps = str(write(tmp_path / "beeps.wav", PEAKS))
    arguments = (beeps, "--filters", "where:column=peak:min=9000", "--chunk-records", "5")
    (expected,) = cluster.send(*arguments, "--local")["outputs"]
    sent = cluster.send(*arguments)
    (made,) = sent["outputs"]
    assert (sent["state"], made["digest"]) == ("done", expected["digest"])
    assert made["frames_out"] == sum(peak >= 9000 for peak in PEAKS)
    assert Path(made["path"]).read_bytes() == Path(expected["path"]).read_bytes()
    assert "\nblocks " in cluster.run("client.jobs", "show", sent["job_id"]).stdout
