"""A Ray cluster of two nodes on a host of its own, and what is sent to it from there."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tests.end_to_end import hosts
from tests.end_to_end.hosts import Host, Network

STORE_SIZE: Final = 80_000_000
"""Bytes of each node's object store, little more than Ray's least."""

START_S: Final = 600.0
"""How long a command may take: each loads Ray, and starts a process on each node, on a machine that may be busy."""


def why_none() -> str:
    """Why this machine can have no such cluster, or "" where it can."""
    return hosts.why_none() or (
        "" if find_spec("ray") is not None else "Ray is not installed (./test.sh --suite ray installs it)"
    )


class RayCluster:
    """The cluster, from the point of view of a host that has joined it."""

    def __init__(self, host: Host, nodes: subprocess.Popen[str]) -> None:
        self.host, self._nodes = host, nodes
        self.state = host.folder / "state"
        """Where drivers keep results."""
        self.address = self._said()

    def kill_a_node(self) -> None:
        """End the second node without a word."""
        assert self._nodes.stdin is not None
        print("kill", file=self._nodes.stdin, flush=True)
        assert self._said() == "killed"

    def send(self, *arguments: str | Path, status: int = 0) -> dict[str, Any]:
        """Return what `--json` tells of a source, and under "said" what was said besides."""
        done = self.host.run("client.file_sender", *self._flags(arguments), timeout_s=START_S)
        assert done.returncode == status, done.stderr
        return {**(json.loads(done.stdout) if done.stdout else {}), "said": done.stderr}

    def begin(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command that sends."""
        return self.host.begin(*self._flags(arguments)[:-1])

    def stored(self) -> set[int]:
        """Return the chunks whose results are on the disk, of the only job there is: in a copy of its ledger, for the
        ledger itself is its driver's alone."""
        with tempfile.TemporaryDirectory() as copy:
            for path in self.state.glob("engines/*/ledger.sqlite*"):
                shutil.copy(path, copy)
            with closing(sqlite3.connect(Path(copy, "ledger.sqlite"))) as connection:
                try:
                    return {number for (number,) in connection.execute("SELECT number FROM result")}
                except sqlite3.Error:  # copied while it was written
                    return set()

    def _flags(self, arguments: Sequence[str | Path]) -> list[str]:
        engine = [] if "--engine" in arguments else ["--engine", f"ray://{self.address}"]
        return [*map(str, arguments), *engine, "--state-folder", str(self.state), "--json"]

    def _said(self) -> str:
        assert self._nodes.stdout is not None
        line = self._nodes.stdout.readline().strip()
        assert line, self.host.log("nodes")
        return line


@contextmanager
def ray_cluster(folder: Path) -> Iterator[RayCluster]:
    """Give the block a cluster. All of it, and of its traffic, is in a network namespace of its own."""
    with Network(folder) as network:
        host = network.host("ray")
        nodes = host.pipe("tests.ray.two_nodes", str(STORE_SIZE), str(folder / "spilled"), log="nodes")
        yield RayCluster(host, nodes)
