"""What all client programs can be told: where the cluster is, who asks, and where files go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from base.settings import SWITCH, setting
from wire import options


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where the cluster is, and who asks."""

    host: str = options.middleware_host()
    port: int = options.middleware_port()
    ipv4: bool = setting(False, kind=SWITCH, help="use IPv4 only", excludes="family")
    ipv6: bool = setting(False, kind=SWITCH, help="use IPv6 only", excludes="family")
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    user: str = options.user()


@dataclass(frozen=True, slots=True)
class Settings(ClusterSettings):
    """The same, and where files go."""

    results: Path = options.results()
