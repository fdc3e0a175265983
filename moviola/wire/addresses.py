"""Addresses: where to listen (dual-stack) and what to dial."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from moviola.base.texts import MAX_NAME

LOOPBACK = "localhost"
"""The host name that stands for both loopback addresses, 127.0.0.1 and ::1."""

EVERYWHERE = ("", "*", "::")
"""What a user may write for "listen on all addresses, IPv4 and IPv6"."""

EVERYWHERE_IPV4 = "0.0.0.0"
"""What a user may write for "listen on all IPv4 addresses"."""

LISTEN_BACKLOG = 512
"""Connections that the system queues before they are accepted: enough for a fleet that reconnects all at once."""


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


def resolve(address: Address, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[tuple[int, tuple[object, ...]]]:
    """Return the `(family, sockaddr)` pairs behind an address, in the system's order of preference.

    This may take seconds, because it asks the system's resolver.

    Raises:
        OSError: the host name is unknown, or not a valid host name.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, family, socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"not a valid host name: {error}") from error
    return list(dict.fromkeys((entry[0], entry[4]) for entry in found))


def listen(bind: str, port: int) -> list[socket.socket]:
    """Return non-blocking sockets that listen at `bind`.

    For all addresses this is one `::` socket that takes IPv4 as well, or two sockets on systems that refuse that.

    Args:
        bind: an IP address, a host name, `localhost` (both loopback addresses), or one of EVERYWHERE.
        port: the TCP port; with 0 the system chooses a free one, the same for all sockets.

    Raises:
        OSError: the port is taken (errno EADDRINUSE), or the address does not belong to this machine.
    """
    if bind in EVERYWHERE:
        try:
            return [_listener(socket.AF_INET6, ("::", port), mapped=True)]
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            wanted: Sequence[tuple[int, tuple[object, ...]]] = [
                (socket.AF_INET, ("0.0.0.0", port)),
                (socket.AF_INET6, ("::", port)),
            ]
    elif bind == LOOPBACK:
        wanted = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    else:
        wanted = resolve(Address(bind, port))
    return _listen_all(wanted)


def _listen_all(wanted: Sequence[tuple[int, tuple[object, ...]]]) -> list[socket.socket]:
    opened: list[socket.socket] = []
    port = int(str(wanted[0][1][1]))
    for family, sockaddr in wanted:
        try:
            opened.append(_listener(family, (sockaddr[0], port, *sockaddr[2:])))
        except OSError as error:
            if opened and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue  # a machine without IPv6 still serves IPv4
            for one in opened:
                one.close()
            if int(str(wanted[0][1][1])) == 0 and error.errno == errno.EADDRINUSE:
                return _listen_all(wanted)  # the port is free on IPv4 and taken on IPv6: try another one
            raise
        port = opened[0].getsockname()[1]
    return opened


def _listener(family: int, sockaddr: tuple[object, ...], *, mapped: bool = False) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if mapped else 1)
        one.bind(sockaddr)
        one.listen(LISTEN_BACKLOG)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one


def peer_host(connected: socket.socket) -> str:
    """Return the IP address of the other side; an IPv4-mapped address comes as plain IPv4.

    Raises:
        OSError: the socket is not connected any more.
    """
    host = str(connected.getpeername()[0])
    return host.removeprefix("::ffff:") if "." in host else host
