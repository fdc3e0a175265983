"""How tests of the Python API reach a cluster."""

from __future__ import annotations

from pathlib import Path

import moviola
from tests.end_to_end.cluster import LocalCluster


def connect(running: LocalCluster, results: Path) -> moviola.Cluster:
    """Return a connection to a cluster, whose results come into a folder."""
    return moviola.Cluster("127.0.0.1", running.port, secret_file=running.folder / "state" / "secret", results=results)
