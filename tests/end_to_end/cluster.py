"""A whole cluster of real processes on free ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any
from unittest.mock import patch

import psutil

from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import Target
from moviola.wire.addresses import Address
from moviola.wire.errors import WireError
from moviola.wire.secret import make_secret
from tests.ports import free_port
from tests.processes import end
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]

SECRETS: dict[int, Path] = {}
"""By port, where the secret of the cluster is that listens there: so a peer made by hand finds it, too."""


def secret_at(port: int) -> bytes:
    """The secret of the cluster that was started last with this port; empty where none was."""
    path = SECRETS.get(port)
    return path.read_bytes().strip() if path is not None and path.exists() else b""


class LocalCluster:
    """Middleware, aggregator and workers; `with` starts them and ends them.

    Args:
        folder: for state, results and logs.
        workers: processes of the one worker parent; 0 starts none.
        worker_arguments, middleware_arguments, aggregator_arguments: further flags.
        descriptors: how many files and connections each process may have open, clients too; None: what this one may.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 2,
        worker_arguments: Sequence[str] = (),
        middleware_arguments: Sequence[str] = (),
        aggregator_arguments: Sequence[str] = (),
        descriptors: int | None = None,
    ) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.port, self.aggregator_port = free_port(), free_port()
        SECRETS[self.port] = SECRETS[self.aggregator_port] = folder / "state" / "secret"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._workers = workers
        self._limited = ("sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh") if descriptors else ()
        self._arguments = {
            "middleware": ["--port", str(self.port), *middleware_arguments],
            "aggregator": [
                "--port", str(self.aggregator_port), "--middleware-port", str(self.port),
                "--results", str(self.results), *aggregator_arguments,
            ],
            "worker": ["--port", str(self.port), "--processes", str(workers), *worker_arguments],
        }  # fmt: skip
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MOVIOLA_") and name not in ("FILTER_TYPE", "WORKER_CAPABILITIES")
        }
        self.environment |= {
            "MOVIOLA_CHECK_SENT": "1",
            "MOVIOLA_STATE": str(folder / "state"),
            "MOVIOLA_PORT": str(self.port),
            "MOVIOLA_RESULTS": str(self.results),
            "PYTHONPATH": str(ROOT),
        }

    @property
    def secret(self) -> bytes:
        """What its programs share."""
        return secret_at(self.port)

    def __enter__(self) -> LocalCluster:
        try:
            self.start("middleware")
            self.start("aggregator")
            if self._workers:
                self.start("worker")
            self.wait(self._workers)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, role: str, name: str = "", arguments: Sequence[str] | None = None) -> subprocess.Popen[bytes]:
        """Starts a process of a role; `name` tells several of one role apart."""
        make_secret(self.folder / "state" / "secret")  # as run.sh does: no client may come before there is one
        name = name or role
        told = self._arguments[role] if arguments is None else arguments
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._limited, sys.executable, "-m", role, *told],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes[name] = process
        return process

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Sends a signal to a process; waits for its end where the signal is SIGKILL."""
        self.processes[name].send_signal(number)
        if number == signal.SIGKILL:
            self.processes[name].wait(PATIENCE_S)

    def restart(self, name: str) -> None:
        """kill -9, and another one of the same role and arguments."""
        self.kill(name)
        self.start(name)

    def worker_children(self) -> list[psutil.Process]:
        """The processes that compute."""
        return psutil.Process(self.processes["worker"].pid).children()

    def stop(self) -> None:
        """Ends everything that is still there, gracefully first."""
        end(self.processes.values())

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    # ── talking to it ────────────────────────────────────────────────────────────────────────────────────────────

    def wait(self, workers: int, aggregators: int = 1, timeout_s: float = 60) -> None:
        """Waits until so many are connected, as `client.status --wait` does, without starting a process for it."""

        def complete(view: ClusterView) -> bool:
            workers_there, aggregators_there = view.connected_workers(), view.connected_aggregators()
            return view.is_current and len(workers_there) >= workers and len(aggregators_there) >= aggregators

        target = Target(Address("localhost", self.port), secret=self.secret)
        try:
            look(target, ("workers",), until=complete, timeout_s=timeout_s, retry=True)
        except (WireError, TimeoutError) as error:
            logs = "".join(f"\n--- {name}\n{self.log(name)}" for name in self.processes)
            raise AssertionError(f"{workers} workers and {aggregators} aggregators: {error}{logs}") from error

    def run(self, module: str, *arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs a command in the cluster's environment: in this process, where it is one of the client's that leaves
        this process as it was. One of its own takes as long to load as most jobs of tests take to compute."""
        is_as_asked = not self._limited and self.environment["PYTHONPATH"] == str(ROOT)
        if module.startswith("client.") and is_as_asked and "--plugins" not in arguments:
            return self._here(import_module(module).main, *arguments)
        return subprocess.run(
            [*self._limited, sys.executable, "-m", module, *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def begin(
        self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, stderr: int | IO[str] = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Starts a `file_sender --json` and returns at once."""
        return subprocess.Popen(
            [*self._limited, sys.executable, "-m", "client.file_sender", *arguments, "--json"],
            cwd=self.folder, env=self.environment, stdout=stdout, stderr=stderr, text=True,
        )  # fmt: skip

    def _here(self, main: Callable[[Sequence[str]], int], *arguments: str) -> subprocess.CompletedProcess[str]:
        with (
            TemporaryFile("w+") as out, TemporaryFile("w+") as err,  # files, for what it runs writes to them as well
            patch.dict(os.environ, self.environment, clear=True),
            chdir(self.folder), redirect_stdout(out), redirect_stderr(err),
        ):  # fmt: skip
            try:
                status = main(arguments)
            except SystemExit as left:
                status = int(left.code or 0)
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), err.read())

    def send(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """One job from start to end; its `--json` object."""
        done = self.run("client.file_sender", *arguments, "--json")
        return _outcome(done.returncode, done.stdout, done.stderr, status)

    def status(self) -> dict[str, Any]:
        """What `client.status --json` says."""
        found = json.loads(self.run("client.status", "--json").stdout)
        assert isinstance(found, dict)
        return found


def finished(sender: subprocess.Popen[str], status: int = 0, timeout_s: float = 300) -> dict[str, Any]:
    """Waits for a `file_sender --json` of one job; its object."""
    out, err = sender.communicate(timeout=timeout_s)
    return _outcome(sender.returncode, out, err, status)


def _outcome(returned: int, out: str, err: str, status: int) -> dict[str, Any]:
    """The only line of a `file_sender --json` that has ended."""
    assert returned == status, f"exit status {returned}\n{out}\n{err}"
    lines = out.splitlines()
    assert len(lines) == 1, out
    outcome = json.loads(lines[0])
    assert isinstance(outcome, dict)
    return outcome


def local(cluster: LocalCluster, *arguments: str) -> dict[str, object]:
    """Return the reference: the outcome of the same work in one process without any cluster."""
    return cluster.send(*arguments, "--local")


def output(outcome: dict[str, object]) -> dict[str, object]:
    """Return what a job's outcome says of its only output."""
    outputs = outcome["outputs"]
    assert isinstance(outputs, list)
    assert len(outputs) == 1
    found = outputs[0]
    assert isinstance(found, dict)
    return found
