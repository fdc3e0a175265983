"""Where the cluster is: how all client programs read their command line, and what it leads to."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence

from moviola.base import command_line
from moviola.base.invocation import typed
from moviola.base.layers import settle
from moviola.base.settings import add_config, add_flags
from moviola.session.target import Target, UsageError
from moviola.wire.addresses import Address
from moviola.wire.secret import cluster_secret

from .settings import Settings


class Parser(command_line.Parser):
    """A parser whose settings may also stand in the table `[client]` of a configuration file."""

    def add(self, *declared: type) -> None:
        """Take the flags of these dataclasses of settings, in this order, and `--config`."""
        self._declared = declared
        for each in declared:
            add_flags(self, each)
        add_config(self)

    def read(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Return the command line with the values of all settings. What is wrong ends the process with status 2."""
        given = self.parse_args(arguments)
        settle(self, given, self._declared, whole=[Settings])
        return given


def nobody_there() -> str:
    """Return what to do where no middleware answers, as the end of a sentence."""
    return f"start one with {typed('up')}, or name another with --host and --port"


def read_target(options: argparse.Namespace) -> Target:
    """Return what the settings of a command line lead to. Raises UsageError when the secret cannot be read."""
    family = socket.AF_INET if options.ipv4 else socket.AF_INET6 if options.ipv6 else socket.AF_UNSPEC
    try:
        secret = cluster_secret(options.secret_file, options.no_secret)
    except (OSError, ValueError) as error:
        raise UsageError(f"The cluster's secret cannot be read: {error}") from error
    return Target(Address(options.host, options.port), family, secret, options.user)
