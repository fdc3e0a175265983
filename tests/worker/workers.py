"""Real processes of a worker: a parent and its children."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from moviola.wire.messages import Hello, WorkerDetails
from tests.waiting import PATIENCE_S
from tests.worker.cluster import Cluster

ROOT = Path(__file__).parents[2]


class Workers:
    """A parent process with children of the fake kind, and the cluster they join."""

    def __init__(self, *names: str, plugins: Sequence[Path] = ()) -> None:
        self.cluster = Cluster()
        command = [sys.executable, "-m", "tests.worker.program", str(self.cluster.middleware.port), *names]
        command += ["--", *map(str, plugins)]
        self.parent = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        self._logged = b""
        for name in names:
            self.cluster.joined(name)
            self.cluster.announce(name)

    def details(self, name: str) -> list[WorkerDetails]:
        hellos = [hello for hello in self.cluster.middleware.all(Hello) if hello.name == name]
        return [WorkerDetails.from_wire(hello.details) for hello in hellos]

    def joined(self, name: str, times: int) -> None:
        """Waits until a worker has come so often."""
        self.cluster.until(lambda: len(self.details(name)) == times)

    def pids(self) -> set[int]:
        return {one.pid for one in psutil.Process(self.parent.pid).children(recursive=True)}

    def ended(self) -> int:
        """The parent's exit status, once it has one."""
        self.cluster.until(lambda: self.parent.poll() is not None)
        return self.parent.returncode

    def log(self) -> str:
        assert self.parent.stderr is not None
        return self.parent.stderr.read().decode()

    def logged(self, words: str) -> None:
        """Waits until the parent has said something."""
        assert self.parent.stderr is not None
        pipe = self.parent.stderr.fileno()
        os.set_blocking(pipe, False)

        def said() -> bool:
            try:
                self._logged += os.read(pipe, 65536)
            except BlockingIOError:
                pass
            return words.encode() in self._logged

        self.cluster.until(said)

    def close(self) -> None:
        self.parent.kill()
        self.parent.wait(PATIENCE_S)
        assert self.parent.stderr is not None
        self.parent.stderr.close()
        self.cluster.shut()
