"""Which connection is closed when there is no place for another one: an unfinished handshake or an idle client.

There are no sockets in this module.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from moviola.wire import limits


class Handshakes:
    """The unfinished handshakes of accepted connections, by the address that they come from.

    Args:
        most: how many there may be at the same time; half as many from one address.
    """

    def __init__(self, most: int) -> None:
        self._most, self._most_each = most, max(most // 2, 1)
        self._begun_at: dict[int, float] = {}  # oldest first
        self._by_host: dict[str, dict[int, None]] = {}  # oldest first
        self._hosts: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._begun_at)

    def begin(self, connection: int, host: str, now: float) -> None:
        """Add the handshake of a connection that was just accepted.

        Args:
            connection: the connection's id.
            host: the address that it comes from.
            now: monotonic seconds.
        """
        self._begun_at[connection] = now
        self._hosts[connection] = host
        self._by_host.setdefault(host, {})[connection] = None

    def end(self, connection: int) -> None:
        """Remove a handshake that is finished or whose connection is gone; do nothing if it is not known."""
        if self._begun_at.pop(connection, None) is None:
            return
        host = self._hosts.pop(connection)
        of_host = self._by_host[host]
        del of_host[connection]
        if not of_host:
            del self._by_host[host]

    def surplus(self, host: str) -> int | None:
        """Return the oldest connection of too many, which has to be closed; None if there are not too many.

        Args:
            host: the address whose own limit is checked first.
        """
        of_host = self._by_host.get(host, {})
        if len(of_host) > self._most_each:
            return next(iter(of_host))
        return next(iter(self._begun_at)) if len(self) > self._most else None

    def oldest(self) -> int | None:
        """Return the connection whose handshake began first; None if there is no handshake."""
        return next(iter(self._begun_at), None)

    def grace_ends_at(self, connection: int) -> float:
        """Return until when a handshake may not be ended for another one, in monotonic seconds."""
        return self._begun_at[connection] + limits.HANDSHAKE_GRACE_S


class Idlers:
    """The clients without a job, by when they were last heard: those that also watch nothing, and those that watch."""

    def __init__(self) -> None:
        self._wanting_nothing: OrderedDict[int, float] = OrderedDict()  # longest silent first
        self._looking_on: OrderedDict[int, float] = OrderedDict()

    def heard(self, peer: int, now: float, *, has_job: bool, looks_on: bool) -> None:
        """Note that a client has just connected or said something.

        Args:
            peer: the client's connection.
            now: monotonic seconds.
            has_job: it has a job; such a client is never idle.
            looks_on: it watches something.
        """
        self.forget(peer)
        if not has_job:
            (self._looking_on if looks_on else self._wanting_nothing)[peer] = now

    def forget(self, peer: int) -> None:
        """Remove a client that is gone or has a job."""
        self._wanting_nothing.pop(peer, None)
        self._looking_on.pop(peer, None)

    def spared(self, may_go: Callable[[int], bool] = lambda _: True) -> int | None:
        """Return the client to close first when there is no place; None if all have a job.

        Args:
            may_go: tells which clients may be closed; all by default.
        """
        return next((one for one in (*self._wanting_nothing, *self._looking_on) if may_go(one)), None)

    def next_deadline(self) -> float | None:
        """Return when the next client will have been idle for IDLE_CLIENT_S, in monotonic seconds; None if none is."""
        at = next(iter(self._wanting_nothing.values()), None)
        return None if at is None else at + limits.IDLE_CLIENT_S

    def expired(self, now: float) -> list[int]:
        """Return the clients that have been idle for IDLE_CLIENT_S."""
        found = []
        for peer, at in self._wanting_nothing.items():
            if now < at + limits.IDLE_CLIENT_S:
                break
            found.append(peer)
        return found
