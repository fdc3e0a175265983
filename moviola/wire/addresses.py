"""Addresses: where to listen (dual-stack) and what to dial."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

LOOPBACK = "localhost"
EVERYWHERE = ("", "*", "::")
EVERYWHERE_IPV4 = "0.0.0.0"
LISTEN_BACKLOG = 512
"""Connections that may wait for accept: a fleet that comes back all at once."""


class Address(NamedTuple):
    """A host (name or literal) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def to_wire(self) -> dict[str, str | int]:
        return {"host": self.host, "port": self.port}

    @classmethod
    def from_wire(cls, data: dict[str, object], seen_host: str = "") -> Address:
        """Raises ValueError when `data` is no address. An empty host becomes `seen_host`."""
        host, port = data.get("host"), data.get("port")
        if not isinstance(host, str) or not isinstance(port, int) or not 0 < port < 65536:
            raise ValueError(f"an address has a host and a port, not {data!r:.80}")
        return cls(host or seen_host, port)


def is_loopback(host: str) -> bool:
    """Is this the machine itself, on which nobody but its own programs can reach it so?"""
    if host == LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reachable(addresses: Iterable[Address], middleware: str) -> list[Address]:
    """Addresses as the middleware sees them, for one who reaches it at the host `middleware`: what is loopback there
    is that machine here."""
    if is_loopback(middleware):
        return list(addresses)
    return [Address(middleware, address.port) if is_loopback(address.host) else address for address in addresses]


def resolve(address: Address, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[tuple[int, tuple[object, ...]]]:
    """`(family, sockaddr)` to dial, in the system's order of preference. Raises OSError when the name is unknown."""
    try:
        found = socket.getaddrinfo(address.host, address.port, family, socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"it is no host's name: {error}") from error
    return list(dict.fromkeys((entry[0], entry[4]) for entry in found))


def listen(bind: str, port: int) -> list[socket.socket]:
    """Non-blocking listening sockets for `bind`: a literal, a name, `localhost` (both loopbacks), or "" / `*` / `::`.

    Everywhere is one `::` socket with IPv4 mapped, or two sockets where a system refuses that. Port 0 takes a free
    port, the same for all sockets.

    Raises:
        OSError: a port is taken (errno EADDRINUSE) or an address is not this machine's.
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
                continue  # a host without IPv6 still serves IPv4
            for one in opened:
                one.close()
            if int(str(wanted[0][1][1])) == 0 and error.errno == errno.EADDRINUSE:
                return _listen_all(wanted)  # the free IPv4 port is taken on IPv6: another one
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
    """The other side's address, an IPv4-mapped one as plain IPv4."""
    host = str(connected.getpeername()[0])
    return host.removeprefix("::ffff:") if "." in host else host
