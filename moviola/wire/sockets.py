"""Sockets as the loop wants them: listening (dual-stack) or connected, and what the system knows of names."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Any

from moviola.wire import limits
from moviola.wire.addresses import EVERYWHERE, LOOPBACK, Address

LISTEN_BACKLOG = 512
"""Connections that the system queues before they are accepted: enough for a fleet that reconnects all at once."""


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


def tune(sock: socket.socket) -> None:
    """Turn the Nagle delay off, because small messages answer each other, and let the system notice a dead host."""
    options: list[tuple[int, Any, int]] = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", None), int(limits.KEEPALIVE_S)),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPALIVE", None), int(limits.KEEPALIVE_S)),  # macOS' name of it
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", None), int(limits.KEEPALIVE_S)),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", None), int(limits.USER_TIMEOUT_S * 1000)),
    ]
    for level, option, value in options:
        if option is not None:
            try:
                sock.setsockopt(level, option, value)
            except OSError:
                pass  # an option less is no reason to lose a connection
