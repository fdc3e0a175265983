"""Where the cluster is and who asks, as the command and Python are told it, and what that leads to."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from moviola.base.settings import SWITCH, setting
from moviola.session.target import Target, UsageError
from moviola.wire import options
from moviola.wire.addresses import Address
from moviola.wire.secret import cluster_secret


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
    state_folder: Path | None = options.state_folder_of_cluster()
    user: str = options.user()

    @property
    def target(self) -> Target:
        """What these settings lead to. Raises UsageError when the secret cannot be read."""
        family = socket.AF_INET if self.ipv4 else socket.AF_INET6 if self.ipv6 else socket.AF_UNSPEC
        try:
            secret = cluster_secret(self.secret_file, self.no_secret, state=self.state_folder)
        except (OSError, ValueError) as error:
            raise UsageError(f"The cluster's secret cannot be read: {error}") from error
        return Target(Address(self.host, self.port), family, secret, self.user)


@dataclass(frozen=True, slots=True)
class ClientSettings(ClusterSettings):
    """The same, and where files go: all that a configuration file may have."""

    results: Path = options.results()
