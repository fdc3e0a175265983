"""What client programs can be told: where the cluster is and who asks, and of each program what it is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from moviola.base.settings import SWITCH, setting
from moviola.wire import options
from moviola.wire.limits import MAX_CHUNKS

MAX_WORKERS: Final = 100_000
"""To wait for: more than a cluster has."""

MAX_TIMEOUT_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where the cluster is, and who asks."""

    TABLE: ClassVar[str] = "client"

    host: str = options.middleware_host()
    port: int = options.middleware_port()
    ipv4: bool = setting(False, type=SWITCH, help="use IPv4 only", excludes="family")
    ipv6: bool = setting(False, type=SWITCH, help="use IPv6 only", excludes="family")
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    user: str = options.user()


@dataclass(frozen=True, slots=True)
class Settings(ClusterSettings):
    """The same, and where files go: all that a configuration file may have."""

    results: Path = options.results()


def out(help: str) -> Any:
    """The setting `--out`."""
    return setting(None, type=options.PATH, help=help, aliases=["-o"], once=True)


def json(help: str) -> Any:
    """The setting `--json`."""
    return setting(False, type=SWITCH, help=help, once=True)


def quiet() -> Any:
    """The setting `--quiet`."""
    return setting(False, type=SWITCH, help="print errors only", aliases=["-q"], once=True)


@dataclass(frozen=True, slots=True)
class JobsSettings:
    """What `client.jobs` can be told beside the verb and the job."""

    out: str | None = out("fetch: a file for one output, a folder for several")
    task: int | None = setting(
        None, type=options.whole(0, MAX_CHUNKS, "chunks", "N"), help="show: what happened to this chunk, from 0"
    )
    json: bool = json("print one JSON object")
    quiet: bool = quiet()


@dataclass(frozen=True, slots=True)
class FiltersSettings:
    """What `client.filters` can be told."""

    local: bool = setting(False, type=SWITCH, help="those of this installation, without a cluster")
    json: bool = json("print one JSON object a filter")


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """What `client.status` can be told."""

    json: bool = json("print one JSON object")
    wait: bool = setting(False, type=SWITCH, help="wait until so many are there")
    workers: int = setting(1, type=options.whole(0, MAX_WORKERS, "workers"), help="to wait for")
    aggregators: int = setting(1, type=options.whole(0, MAX_WORKERS, "aggregators", "M"), help="to wait for")
    timeout: int = setting(30, type=options.whole(1, MAX_TIMEOUT_S, "seconds", "S"), help="seconds")
