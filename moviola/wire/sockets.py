"""What the loop asks of the system for one socket: to listen (dual-stack), connect, read, write; to look up a name.

None of these functions keeps a socket: the loop owns them.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Any

from moviola.wire import limits
from moviola.wire.addresses import EVERYWHERE, LOOPBACK, Address
from moviola.wire.descriptors import OUT_OF_ROOM
from moviola.wire.dialling import Candidate
from moviola.wire.endpoint import Endpoint, Share
from moviola.wire.outbox import FileSlice, Outbox

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


def connecting(candidate: Candidate) -> socket.socket:
    """Return a non-blocking socket that has begun to connect.

    Raises:
        OSError: that has failed at once, no descriptor is left, or the system does not know that address family.
    """
    sock = socket.socket(candidate.family, socket.SOCK_STREAM)
    sock.setblocking(False)
    code = sock.connect_ex(candidate.sockaddr)
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        raise OSError(code, os.strerror(code))
    return sock


def read(sock: socket.socket, end: Endpoint, share: Share, now: float) -> None:
    """Receive for an endpoint what has come, or as much of it as is its share of a turn.

    Args:
        sock: its socket, non-blocking.
        end: takes the bytes, and reports the messages in them.
        share: how much it may read.
        now: monotonic seconds.

    Raises:
        OSError: the connection is broken.
    """
    messages_left, bytes_left = share
    has_more = True
    if end.has_unparsed:
        messages_left = end.parse(messages_left, now)
    while messages_left and has_more and bytes_left > 0:
        with end.buffer() as buffer:
            size = len(buffer)
            if not size:
                return
            try:
                count = sock.recv_into(buffer)
            except BlockingIOError:
                return
        if not count:
            return end.ended()
        has_more = count == size  # if not, the next select says whether the kernel has more
        bytes_left -= count
        end.received(count)
        messages_left = end.parse(messages_left, now)


def write(sock: socket.socket, outbox: Outbox) -> None:
    """Send what waits in an outbox, as far as the socket takes it.

    Raises:
        OSError: the connection is broken, or no descriptor is left to open a file that has to be sent.
    """
    try:
        while (part := outbox.first) is not None:
            if isinstance(part, FileSlice):
                _send_slice(sock, outbox, part)
            elif not outbox.batch_sent(sock.sendmsg(outbox.batch())):
                return
    except BlockingIOError:
        pass


def _send_slice(sock: socket.socket, outbox: Outbox, part: FileSlice) -> None:
    """Send some bytes of a file, or zeros in their place if they cannot be read."""
    try:
        descriptor = part.descriptor()
    except OSError as error:
        if error.errno in OUT_OF_ROOM:
            raise  # it is there, and cannot be opened now
        return outbox.slice_unreadable()
    try:
        sent = os.sendfile(sock.fileno(), descriptor, part.offset, part.size)
    except OSError as error:
        if error.errno == errno.EIO:
            return outbox.slice_unreadable()
        raise
    if not sent:  # the file is shorter than it was
        return outbox.slice_unreadable()
    return outbox.slice_sent(sent)


class Waker:
    """A pair of sockets that ends the wait of a selector from another thread or a signal handler."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)
        self._is_woken = False  # plain flags: a signal handler must not meet a lock that its own thread holds
        self._is_closed = False

    def wake(self) -> None:
        """Make `reader` readable; after `close`, do nothing. Other threads and signal handlers may call this."""
        if self._is_woken or self._is_closed:
            return
        self._is_woken = True
        try:
            self._writer.send(b"\0")
        except OSError:
            pass  # enough wake-ups are waiting already, or another thread is just closing this

    def drain(self) -> None:
        """Read what made `reader` readable."""
        try:
            while self.reader.recv(4096):
                pass
        except BlockingIOError:
            pass
        self._is_woken = False  # only now: a wake-up that came meanwhile ends with this turn, none may be lost later

    def close(self) -> None:
        """Close both sockets. Nobody waits any more."""
        self._is_closed = True
        self.reader.close()
        self._writer.close()
