"""Several hosts on one machine: network namespaces around a switch, each with its own address and host name."""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.end_to_end.cluster import ROOT
from tests.processes import end

SWITCH = "switch"
"""The namespace in the middle: a bridge with a port for each host, called as the host is."""

_IN_HOST = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'


class Network:
    """A switch to which hosts are joined; `with` makes it, and removes it with all that was started on its hosts.

    Nothing of it is in the machine's own namespace: no traffic leaves it, and names and ports are free.

    Args:
        folder: each host has its own in it, for all that its programs write.
        ipv6: addresses are of IPv6, and only of that.
    """

    def __init__(self, folder: Path, *, ipv6: bool = False) -> None:
        self.folder, self._ipv6 = folder, ipv6
        self._id = secrets.token_hex(3)
        self._namespaces: list[str] = []
        self.hosts: list[Host] = []

    def __enter__(self) -> Network:
        try:
            self._add_namespace(SWITCH)
            self.ip(SWITCH, "link", "add", "bridge", "type", "bridge")
            self.ip(SWITCH, "link", "set", "bridge", "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        try:
            for host in reversed(self.hosts):
                host.stop()
        finally:
            for namespace in self._namespaces:
                subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)

    def host(self, name: str) -> Host:
        """One more host; `name` is its host name and that of its port at the switch, 15 characters at most."""
        number = len(self.hosts) + 1
        self._add_namespace(name)
        self.ip(SWITCH, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.namespace(name))
        self.ip(SWITCH, "link", "set", name, "master", "bridge", "up")
        address = f"fd00::{number}" if self._ipv6 else f"10.0.0.{number}"
        # Without 'nodad' an address of IPv6 cannot be used before it was looked for in the network for a second.
        self.ip(
            name, "address", "add", *((f"{address}/64", "nodad") if self._ipv6 else (f"{address}/24",)), "dev", "eth0"
        )
        for device in ("lo", "eth0"):
            self.ip(name, "link", "set", device, "up")
        (self.folder / name / "tmp").mkdir(parents=True)
        host = Host(self, name, address, self.folder / name)
        self.hosts.append(host)
        return host

    def namespace(self, name: str) -> str:
        return f"moviola-{self._id}-{name}"

    def ip(self, name: str, *arguments: str) -> None:
        """Runs `ip` in a host's namespace. Raises Unavailable with what it says when it fails."""
        _run("ip", "-netns", self.namespace(name), *arguments)

    def tc(self, *arguments: str) -> str:
        """Runs `tc` in the switch's namespace. Raises Unavailable with what it says when it fails."""
        return _run("tc", "-netns", self.namespace(SWITCH), *arguments)

    def _add_namespace(self, name: str) -> None:
        _run("ip", "netns", "add", self.namespace(name))
        self._namespaces.append(self.namespace(name))


class Host:
    """One host: its address, and the programs on it, which see no other network and no other host's temporary files."""

    def __init__(self, network: Network, name: str, address: str, folder: Path) -> None:
        self._network, self.name, self.address, self.folder = network, name, address, folder
        self._processes: list[subprocess.Popen[Any]] = []
        self._environment = {
            variable: value
            for variable, value in os.environ.items()
            if not variable.startswith("MOVIOLA_") and variable not in ("FILTER_TYPE", "WORKER_CAPABILITIES")
        }
        self._environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}

    # ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, role: str, *arguments: str) -> None:
        """Starts a program that stays; what it says goes to `log(role)`."""
        with (self.folder / f"{role}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    self._command(role, *arguments),
                    cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )
            )  # fmt: skip

    def run(self, module: str, *arguments: str, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end."""
        return subprocess.run(
            self._command(module, *arguments),
            cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a `file_sender --json`, for `cluster.finished` to wait for."""
        sender = subprocess.Popen(
            self._command("client.file_sender", *arguments, "--json"),
            cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._processes.append(sender)
        return sender

    def pipe(self, module: str, *arguments: str, log: str) -> subprocess.Popen[str]:
        """Starts a program that stays and is spoken to; what it says to standard error goes to `log(log)`."""
        with (self.folder / f"{log}.log").open("ab") as file:
            program = subprocess.Popen(
                self._command(module, *arguments),
                cwd=self.folder, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                text=True,
            )  # fmt: skip
        self._processes.append(program)
        return program

    def log(self, role: str) -> str:
        return (self.folder / f"{role}.log").read_text()

    def logs(self) -> str:
        """What all its programs have said."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        """Ends its programs, gracefully first."""
        end(self._processes)

    def _command(self, module: str, *arguments: str) -> list[str]:
        """Every part of it becomes the next one, so the process that is started is the program itself."""
        enter = ["ip", "netns", "exec", self._network.namespace(self.name), "unshare", "--uts", "sh", "-c", _IN_HOST]
        return [*enter, self.name, sys.executable, "-m", module, *arguments]

    # ── the cable ────────────────────────────────────────────────────────────────────────────────────────────────

    def unplug(self) -> None:
        """Nothing goes to this host or comes from it any more, and nobody is told: no FIN, no RST."""
        self._network.ip(SWITCH, "link", "set", self.name, "down")

    def plug(self) -> None:
        self._network.ip(SWITCH, "link", "set", self.name, "up")


class Unavailable(Exception):
    """This machine cannot do what was asked of it; the text is what it says."""


@functools.cache
def why_none(*, ipv6: bool = False) -> str:
    """Why this machine can make no such network, or "" where it can."""
    missing = [tool for tool in ("ip", "unshare") if shutil.which(tool) is None]
    if missing:
        return f"network namespaces need {' and '.join(missing)}"
    try:
        with tempfile.TemporaryDirectory() as folder, Network(Path(folder), ipv6=ipv6) as network:
            return network.host("probe").run("platform").stderr
    except Unavailable as error:
        return str(error)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"'{' '.join(command)}' fails: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
