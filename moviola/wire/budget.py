"""Memory for messages that are being received: one budget for all connections of a process.

A connection asks before it takes more than its free share. Within the budget it gets the memory at once. Beyond the
budget it waits, and is not read. One connection at a time, the one whose message is closest to its end, is favoured: it
gets all the memory that it asks for until its message ends, so one connection can always go on. All connections
together never hold more than the budget, their free shares and one message.
"""

from __future__ import annotations

from typing import NamedTuple

from moviola.wire import limits


class Demand(NamedTuple):
    """The memory that a waiting connection asked for."""

    size: int  # bytes that it asks for now
    left: int  # bytes that its message lacks


class Budget:
    """The memory that all connections of a process share while they receive messages.

    Args:
        limit_bytes: how much they may hold together, beyond a free share each; RECEIVE_BUDGET by default.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit_bytes = limits.RECEIVE_BUDGET if limit_bytes is None else limit_bytes
        self._used_bytes = 0
        self._waiting: dict[Account, Demand] = {}
        self._granted: list[Account] = []  # waited and got memory since the last call of `resumed`
        self.favoured: Account | None = None

    def account(self) -> Account:
        """Return an account for one connection."""
        return Account(self)

    @property
    def used_bytes(self) -> int:
        """Return how many bytes all accounts hold."""
        return self._used_bytes

    @property
    def is_used_up(self) -> bool:
        """Return True if the next connection that asks for more has to wait, or has to be favoured."""
        return self._used_bytes >= self._limit_bytes

    @property
    def is_contended(self) -> bool:
        """Return True if a connection waits while another one is favoured."""
        return bool(self._waiting)

    def resumed(self) -> list[Account]:
        """Return the accounts that were granted memory since the last call, each once."""
        granted, self._granted = self._granted, []
        return granted

    def _take(self, account: Account, demand: Demand) -> bool:
        fits = self._used_bytes + demand.size <= self._limit_bytes and not self._waiting
        if fits or account is self.favoured or account.held_bytes + demand.size <= limits.FREE_SHARE:
            self._add(account, demand.size)
            return True
        self._waiting[account] = demand
        self._choose()
        if account in self._waiting:
            return False
        self._granted.remove(account)
        return True

    def _add(self, account: Account, size: int) -> None:
        account.held_bytes += size
        self._used_bytes += size

    def _release(self, account: Account) -> None:
        self._used_bytes -= account.held_bytes
        account.held_bytes = account.granted_bytes = 0
        self._waiting.pop(account, None)
        if account in self._granted:
            self._granted.remove(account)
        if account is self.favoured:
            self.favoured = None
        if self._waiting:
            self._choose()

    def _choose(self) -> None:
        """Grant memory to waiting accounts, the message that lacks the fewest bytes first."""
        while self._waiting:
            account = min(self._waiting, key=lambda one: self._waiting[one].left)
            size = self._waiting[account].size
            if self._used_bytes + size > self._limit_bytes:
                if self.favoured is not None:
                    return
                self.favoured = account
            del self._waiting[account]
            self._add(account, size)
            account.granted_bytes += size
            self._granted.append(account)


class Account:
    """The memory that one connection holds.

    Attributes:
        held_bytes: charged to the budget, `granted_bytes` included.
        granted_bytes: granted while the connection waited, and not taken yet.
    """

    __slots__ = ("_budget", "granted_bytes", "held_bytes")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.held_bytes = 0
        self.granted_bytes = 0

    def take(self, size: int, left: int) -> bool:
        """Return True if the connection may use `size` bytes more. What was granted earlier is used up first.

        If it returns False, the connection has to wait until `Budget.resumed` names this account, and ask again.

        Args:
            size: bytes asked for.
            left: bytes that the message in progress lacks.
        """
        missing = size - self.granted_bytes
        if missing > 0 and not self._budget._take(self, Demand(missing, left)):
            return False
        self.granted_bytes = max(-missing, 0)
        return True

    def charge(self, size: int) -> None:
        """Add `size` bytes that were received already. This never waits."""
        self._budget._add(self, size)

    def release(self) -> None:
        """Give all memory back and stop waiting: the message is complete, or its connection is gone."""
        self._budget._release(self)

    @property
    def is_favoured(self) -> bool:
        """Return True if this account may take memory beyond the budget until its message ends."""
        return self._budget.favoured is self

    @property
    def is_scarce(self) -> bool:
        """Return True if the connection should read no more at once than fits a free share."""
        return self._budget.is_used_up
