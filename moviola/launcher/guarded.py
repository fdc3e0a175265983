"""The programs of a cluster that lives as long as this process wants it: their command lines, and their guard."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moviola.base import processes
from moviola.base.config_files import FOLDER_VARIABLE, USER_VARIABLE
from moviola.launcher.guard import Plan
from moviola.launcher.problem import Problem

HOST: Final = "127.0.0.1"
"""Where the programs listen, and find each other."""

KEPT_VARIABLES: Final = ("MOVIOLA_CHECK_SENT",)
"""Our own environment variables that the programs get. All others are settings, and this cluster has its own."""

CLEARED_VARIABLES: Final = ("FILTER_TYPE", "WORKER_CAPABILITIES", "WORKER_MEMORY_LIMIT", "WORKER_PLUGINS")
"""Variables without our prefix that are settings of workers as well; the programs do not get them either."""

STOP_S: Final = 20.0
"""How long the guard may take to end before it is killed with its process group."""


class GuardedCluster:
    """Middleware, aggregator and workers on free ports of this machine's loopback.

    Args:
        folder: for their state, logs and results.
        workers: processes that compute.
        secret_file: the file of the cluster's secret, which must be there.
        temporary: folders that are removed when all has ended.
        plugins: files of filters.
        arguments: further command-line arguments of the worker.
    """

    def __init__(
        self,
        folder: Path,
        workers: int,
        secret_file: Path,
        *,
        temporary: Sequence[Path] = (),
        plugins: Sequence[Path] = (),
        arguments: Sequence[str] = (),
    ) -> None:
        self.port, aggregator_port = free_ports(2)
        self._folder, self._temporary = folder, [str(each) for each in temporary]
        self._workers, self._arguments = workers, tuple(arguments)
        secret = ("--secret-file", str(secret_file))
        self._middleware = ("--host", HOST)
        self._secret = secret
        listen = ("--bind", HOST, *secret, "--state", str(folder))
        programs = {
            "middleware": [*processes.program("middleware"), "--port", str(self.port), *listen],
            "aggregator": [
                *processes.program("aggregator"),
                *("--port", str(aggregator_port), *listen, *self._middleware),
                *("--middleware-port", str(self.port), "--results", str(folder / "results")),
            ],
        }
        if workers:
            programs["worker"] = self._worker(plugins)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._guard = processes.start(
            [sys.executable, "-m", "moviola.launcher.guard"],
            environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for this process, which then ends the guard
        )
        self._tell(self._plan(programs))

    @property
    def process_id(self) -> int:
        """The process id of the guard."""
        return self._guard.pid

    def check(self) -> None:
        """Raise Problem if the guard has ended, with the last words of the program that could not be started."""
        if self._guard.poll() is not None:
            assert self._guard.stdout is not None
            words = self._guard.stdout.read().decode(errors="replace").strip()
            raise Problem(words or f"What keeps the cluster ended: {processes.how_it_ended(self._guard.returncode)}.")

    def is_up(self) -> None:
        """Say that all programs have been seen at work: from now on what ends is started again."""
        self._tell(b"up\n")

    def reload(self, plugins: Sequence[Path]) -> None:
        """Restart the workers with these files of filters; their tasks are handed out again."""
        if self._workers:
            self._tell(self._plan({"worker": self._worker(plugins)}))

    def stop(self) -> None:
        """End everything, and remove what is temporary. May be called again."""
        with self._lock:
            if self._guard.stdin is not None:
                self._guard.stdin.close()
        try:
            self._guard.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._guard.pid, 9)
            self._guard.wait()

    def _worker(self, plugins: Sequence[Path]) -> list[str]:
        command = [*processes.program("worker"), *self._middleware, "--port", str(self.port), *self._secret]
        command += ["--processes", str(self._workers), "--filters", "all", *self._arguments]
        return [*command, *(["--plugins", *map(str, plugins)] if plugins else [])]

    def _plan(self, programs: dict[str, list[str]]) -> bytes:
        return Plan(programs, environment(), str(self._folder), self._temporary).to_line()

    def _tell(self, line: bytes) -> None:
        with self._lock:
            assert self._guard.stdin is not None
            try:
                self._guard.stdin.write(line)
                self._guard.stdin.flush()
            except (BrokenPipeError, ValueError):  # it has ended; `check` tells why
                pass


def environment() -> dict[str, str]:
    """Return environment variables for programs whose settings are given by flags alone: without settings, and with the
    module path of this process, so that files of filters can import what it can."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT_VARIABLES or (not name.startswith("MOVIOLA_") and name not in CLEARED_VARIABLES)
    }
    path = [os.path.abspath(each) for each in sys.path if not each or os.path.isdir(each)]
    return {**ours, FOLDER_VARIABLE: os.devnull, USER_VARIABLE: os.devnull, "PYTHONPATH": os.pathsep.join(path)}


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback at which nobody listens just now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
