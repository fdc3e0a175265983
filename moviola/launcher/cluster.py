"""One local cluster: where it lives, and what supervisord is told about it.

The generated `supervisord.conf` is the only record of a running cluster's settings: supervisord ignores its
`[moviola]` section, `./run.sh` reads it back. The file is there exactly as long as the cluster is.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.base.files import written_aside
from moviola.base.installation import ROOT
from moviola.base.invocation import typed
from moviola.base.processes import program
from moviola.launcher.gateway import EVERYWHERE, Gateway
from moviola.launcher.problem import Problem

# Set for supervisord and so inherited by all it starts: how stop.sh finds processes whose supervisord is gone.
MARK_VARIABLE = "MOVIOLA_CLUSTER"

# A unix socket's path has 104 bytes on macOS (108 on Linux) with its end mark; supervisord binds to the path
# with ".<pid>" appended first.
MAX_SOCKET_PATH = 104 - 1 - len(".4194304")

# Log files are rotated, so that a cluster left alone for a year fills no disk: 4 programs of 3 × 5 MB at most.
MAX_LOG_FILE = "5MB"
LOG_BACKUPS = 2

# An exit in the first seconds is a failed start and retried after 1, 2, 3, … s; 100 of them are 84 minutes, after
# which a person has to look. A later exit is followed by a start at once.
START_SECONDS = 5
START_RETRIES = 100

# Characters that would end or change a value in supervisord's configuration, which has no way to escape them.
UNSUPPORTED_IN_PATHS = (" ;", " #", "%", "\n", "\r")

MODULES: Final = {"gateway": "moviola.web"}
"""The modules of programs that have another name than their module."""

OWN_HOST: Final = "127.0.0.1"
"""The host by which programs of this machine reach its middleware if that listens at the loopback addresses, or at all
addresses."""

# How long a program may take over a graceful stop before it is killed: a worker finishes the task it has.
STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Cluster:
    """The settings of a local cluster; all paths are absolute.

    Attributes:
        secret_file: where the cluster's secret is; None for a cluster that is to have none.
        bind: the address at which middleware and aggregator listen, or '*' for all. They get it by the environment that
            supervisord had when it was started, and so keep it.
        plugins: files of filters that the workers load.
        gateway: where its gateway listens; None without one.
    """

    state: Path
    results: Path
    port: int
    aggregator_port: int
    workers: int
    secret_file: Path | None
    bind: str = "localhost"
    plugins: tuple[Path, ...] = ()
    gateway: Gateway | None = None

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def host(self) -> str:
        """Return the host at which this machine's own programs find the middleware: loopback, unless it listens only at
        another address."""
        return OWN_HOST if self.bind in (*EVERYWHERE, "localhost") else self.bind

    @property
    def secret_arguments(self) -> list[str]:
        """Return the arguments about the secret that every program of the cluster gets."""
        return ["--no-secret"] if self.secret_file is None else ["--secret-file", str(self.secret_file)]

    @property
    def workers_text(self) -> str:
        return "1 worker" if self.workers == 1 else f"{self.workers} workers"

    @property
    def programs(self) -> dict[str, list[str]]:
        """The command line of each program, in the order in which they start; they stop the other way round."""
        host = ["--host", self.host]
        programs = {
            "middleware": ["--port", str(self.port), "--state", str(self.state), *self.secret_arguments],
            "aggregator": [
                *host,
                *("--middleware-port", str(self.port)),
                *("--port", str(self.aggregator_port)),
                *("--state", str(self.state)),
                *("--results", str(self.results)),
                *self.secret_arguments,
            ],
            "worker": [
                *host,
                *("--port", str(self.port)),
                *("--processes", str(self.workers)),
                *self.secret_arguments,
                *(["--plugins", *map(str, self.plugins)] if self.plugins else []),
            ],
        }
        if self.gateway is not None:
            programs["gateway"] = [
                *host,
                *("--middleware-port", str(self.port)),
                *("--port", str(self.gateway.port)),
                *("--bind", self.gateway.bind),
                *self.secret_arguments,
            ]
        return programs


def own_umask() -> int:
    """Return this process's umask."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def mark(state: Path) -> str:
    """Return a short name for a state folder, which no other has."""
    return hashlib.sha256(os.fsencode(state)).hexdigest()[:16]


def configuration_path(state: Path) -> Path:
    return state / "supervisord.conf"


def pid_path(state: Path) -> Path:
    return state / "supervisord.pid"


def socket_path(state: Path) -> Path:
    """The control socket: in the state folder, or in the temporary one where that path would be too long."""
    path = state / "supervisord.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"moviola-{mark(state)}.sock"


def write_configuration(cluster: Cluster) -> None:
    """Write supervisord's configuration for this cluster. A reader finds either the old file or the whole new one.
    Raises Problem."""
    parser = RawConfigParser()
    sections = {
        "moviola": {
            "results": str(cluster.results),
            "port": str(cluster.port),
            "aggregator_port": str(cluster.aggregator_port),
            "workers": str(cluster.workers),
            "secret_file": str(cluster.secret_file or ""),
            "bind": cluster.bind,
            "plugins": shlex.join(map(str, cluster.plugins)),
            **({"web_port": str(cluster.gateway.port), "web_bind": cluster.gateway.bind} if cluster.gateway else {}),
        },
        "unix_http_server": {"file": str(socket_path(cluster.state)), "chmod": "0700"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisord": {
            "logfile": str(cluster.logs / "supervisord.log"),
            "logfile_maxbytes": MAX_LOG_FILE,
            "logfile_backups": str(LOG_BACKUPS),
            "pidfile": str(pid_path(cluster.state)),
            "umask": "077",  # of its logs
            **({"user": "root"} if os.geteuid() == 0 else {}),  # without it supervisord warns about being root
        },
    }
    for priority, (name, arguments) in enumerate(cluster.programs.items()):
        sections[f"program:{name}"] = _program(cluster, name, arguments, priority)
    parser.read_dict(sections)
    path = configuration_path(cluster.state)
    try:
        with written_aside(path) as partial, partial.open("w") as file:
            parser.write(file)
    except OSError as error:
        way_out = "make room there, or choose another folder with --state"
        raise Problem(f"Cannot write {path} ({error.strerror}): {way_out}.") from error


def read_configuration(state: Path) -> Cluster | None:
    """The settings of the cluster of this state folder; None where none was started. Raises Problem when the file is
    damaged."""
    parser, path = RawConfigParser(), configuration_path(state)
    try:
        if not parser.read(path):
            return None
        section = parser["moviola"]
        return Cluster(
            state=state,
            results=Path(section["results"]),
            port=int(section["port"]),
            aggregator_port=int(section["aggregator_port"]),
            workers=int(section["workers"]),
            secret_file=Path(secret) if (secret := section["secret_file"]) else None,
            bind=section["bind"],
            plugins=tuple(map(Path, shlex.split(section.get("plugins", "")))),
            gateway=Gateway(int(section["web_port"]), section["web_bind"]) if "web_port" in section else None,
        )
    except (ConfigParserError, KeyError, ValueError) as error:
        stop = f"{typed('down')} --state {shlex.quote(str(state))}"
        raise Problem(
            f"{path} is damaged ({type(error).__name__}): stop the cluster with '{stop}' and start it again."
        ) from error


def _program(cluster: Cluster, name: str, arguments: list[str], priority: int) -> dict[str, str]:
    return {
        "command": shlex.join([*program(MODULES.get(name, name)), *arguments]),
        "directory": str(ROOT),
        "umask": f"{own_umask():03o}",  # of results
        "priority": str(priority),
        "autorestart": "true",
        "startsecs": str(START_SECONDS),
        "startretries": str(START_RETRIES),
        "stopsignal": "TERM",
        "stopwaitsecs": str(STOP_SECONDS),
        "killasgroup": "true",  # a program that had to be killed leaves no children
        "redirect_stderr": "true",
        "stdout_logfile": str(cluster.logs / f"{name}.log"),
        "stdout_logfile_maxbytes": MAX_LOG_FILE,
        "stdout_logfile_backups": str(LOG_BACKUPS),
    }
