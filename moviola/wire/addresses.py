"""Addresses: where a program listens, and what it dials."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from moviola.base.texts import MAX_NAME

LOOPBACK = "localhost"
"""The host name that stands for both loopback addresses, 127.0.0.1 and ::1."""

EVERYWHERE = ("", "*", "::")
"""What a user may write for "listen on all addresses, IPv4 and IPv6"."""

EVERYWHERE_IPV4 = "0.0.0.0"
"""What a user may write for "listen on all IPv4 addresses"."""


class Address(NamedTuple):
    """A host (name or literal) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def to_wire(self) -> dict[str, str | int]:
        """Return the address as the map `{host, port}` that messages carry."""
        return {"host": self.host, "port": self.port}

    @classmethod
    def from_wire(cls, data: object) -> Address:
        """Return the address in a `{host, port}` map, as it was received. Raises ValueError if there is none."""
        if isinstance(data, dict):
            host, port = data.get("host"), data.get("port")
            if isinstance(host, str) and len(host) <= MAX_NAME and type(port) is int and 0 < port < 65536:
                return cls(host, port)
        raise ValueError(f"an address has a host and a port from 1 to 65535, not {data!r:.80}")


def is_loopback(host: str) -> bool:
    """Return True if `host` is `localhost` or a loopback address: only programs on this machine can reach it."""
    if host == LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reachable(addresses: Iterable[Address], middleware: str) -> list[Address]:
    """Return addresses that the middleware published, in a form that this machine can dial.

    A loopback address means the middleware's own machine, so it is replaced by the host at which this program reaches
    the middleware.

    Args:
        addresses: as the middleware sees them.
        middleware: the host at which this program reaches the middleware.
    """
    if is_loopback(middleware):
        return list(addresses)
    return [Address(middleware, address.port) if is_loopback(address.host) else address for address in addresses]
