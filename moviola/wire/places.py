"""Who goes where places are short: handshakes that are not finished, clients that want nothing. No sockets here."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from moviola.wire import limits


class Handshakes:
    """Those of accepted connections, by the address that they come from.

    Args:
        most: at the same time; half as many from one address.
    """

    def __init__(self, most: int) -> None:
        self._most, self._most_each = most, max(most // 2, 1)
        self._begun_at: dict[int, float] = {}  # oldest first
        self._by_host: dict[str, dict[int, None]] = {}  # oldest first
        self._hosts: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._begun_at)

    def begin(self, connection: int, host: str, now: float) -> None:
        self._begun_at[connection] = now
        self._hosts[connection] = host
        self._by_host.setdefault(host, {})[connection] = None

    def end(self, connection: int) -> None:
        """It is finished, or gone. One that is not known is neither."""
        if self._begun_at.pop(connection, None) is None:
            return
        host = self._hosts.pop(connection)
        of_host = self._by_host[host]
        del of_host[connection]
        if not of_host:
            del self._by_host[host]

    def surplus(self, host: str) -> int | None:
        """The connection that has to go before another one from this address is taken: the oldest of too many."""
        of_host = self._by_host.get(host, {})
        if len(of_host) > self._most_each:
            return next(iter(of_host))
        return next(iter(self._begun_at)) if len(self) > self._most else None

    def oldest(self) -> int | None:
        """The one that was begun first."""
        return next(iter(self._begun_at), None)

    def grace_ends_at(self, connection: int) -> float:
        """Until then a handshake has had no fair chance to be finished, and none may take its place."""
        return self._begun_at[connection] + limits.HANDSHAKE_GRACE_S


class Idlers:
    """Clients that could be spared, by when they were heard last: those who want nothing now, and those who only look
    on."""

    def __init__(self) -> None:
        self._wanting_nothing: OrderedDict[int, float] = OrderedDict()  # longest silent first
        self._looking_on: OrderedDict[int, float] = OrderedDict()

    def heard(self, peer: int, now: float, *, has_job: bool, looks_on: bool) -> None:
        """It has just said something, or come."""
        self.forget(peer)
        if not has_job:
            (self._looking_on if looks_on else self._wanting_nothing)[peer] = now

    def forget(self, peer: int) -> None:
        """It is gone, or cannot be spared."""
        self._wanting_nothing.pop(peer, None)
        self._looking_on.pop(peer, None)

    def spared(self, may_go: Callable[[int], bool] = lambda _: True) -> int | None:
        """The one to go first where there is no place, of those who may; None when all of these have a job."""
        return next((one for one in (*self._wanting_nothing, *self._looking_on) if may_go(one)), None)

    def next_deadline(self) -> float | None:
        """When the next one has been idle for too long."""
        at = next(iter(self._wanting_nothing.values()), None)
        return None if at is None else at + limits.IDLE_CLIENT_S

    def expired(self, now: float) -> list[int]:
        """Those who have wanted nothing for too long."""
        found = []
        for peer, at in self._wanting_nothing.items():
            if now < at + limits.IDLE_CLIENT_S:
                break
            found.append(peer)
        return found
