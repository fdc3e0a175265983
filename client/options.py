"""Where the cluster is: the flags that all client programs share, and what they mean."""

from __future__ import annotations

import argparse
import socket
import sys
from dataclasses import dataclass, field
from typing import NoReturn

from client.outcome import Status
from wire import options as shared
from wire.addresses import Address
from wire.secret import add_secret, cluster_secret


@dataclass(frozen=True, slots=True)
class Target:
    """The middleware to speak to, with which family of addresses, the cluster's secret, and for which user."""

    address: Address
    family: socket.AddressFamily = socket.AF_UNSPEC
    secret: bytes = b""
    user: str = field(default_factory=shared.system_user)


class UsageError(Exception):
    """Something on the command line cannot be; the text is one sentence for the person who wrote it."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        print(as_sentence(f"{message[:1].upper()}{message[1:]}; --help shows what there is"), file=sys.stderr)
        sys.exit(Status.WRONG)


def add_target(parser: argparse.ArgumentParser) -> None:
    """`--host`, `--port`, `--ipv4`, `--ipv6`, `--secret-file` and `--user`."""
    shared.add_middleware_address(parser)
    family = parser.add_mutually_exclusive_group()
    family.add_argument("--ipv4", action="store_true", help="use IPv4 only")
    family.add_argument("--ipv6", action="store_true", help="use IPv6 only")
    add_secret(parser)
    shared.add_user(parser)


def read_target(options: argparse.Namespace) -> Target:
    """What `add_target` was given. Raises UsageError when the secret cannot be read."""
    family = socket.AF_INET if options.ipv4 else socket.AF_INET6 if options.ipv6 else socket.AF_UNSPEC
    try:
        secret = cluster_secret(options)
    except (OSError, ValueError) as error:
        raise UsageError(f"The cluster's secret cannot be read: {error}") from error
    return Target(Address(options.host, options.port), family, secret, options.user)


def as_sentence(text: str) -> str:
    """With a full stop where there is no end yet."""
    return text if text.endswith((".", "?", "!")) else f"{text}."
