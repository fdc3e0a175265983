"""What went wrong lately: a few lines for each user, so that nobody's failures push those of others out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from heapq import nlargest
from typing import Final

from moviola.base.trouble import MAX_TROUBLES, Trouble
from moviola.base.vocabulary import CauseKind, Fault

MAX_USERS: Final = 64
"""Users whose troubles are kept, some 1 KiB each. Beyond that, the user whose newest trouble is the oldest is
forgotten."""

Key = tuple[str, str, str, str, str]


class Troubles:
    """The newest troubles by user; the user "" has those that are about no job."""

    def __init__(self) -> None:
        self._by_user: OrderedDict[str, OrderedDict[Key, Trouble]] = OrderedDict()
        self.failures = self.losses = 0  # of tasks, ever

    def add(self, user: str, trouble: Trouble) -> None:
        """Something went wrong. What is like an earlier one is counted with it."""
        if trouble.job:
            self.losses += trouble.kind == CauseKind.LOST
            self.failures += trouble.kind not in (CauseKind.LOST, CauseKind.FALLBACK)
        kept = self._by_user.setdefault(user, OrderedDict())
        self._by_user.move_to_end(user)
        key = _key(trouble)
        before = kept.pop(key, None)
        kept[key] = trouble if before is None else replace(trouble, count=before.count + trouble.count)
        if len(kept) > MAX_TROUBLES:
            kept.popitem(last=False)
        if len(self._by_user) > MAX_USERS:
            self._by_user.popitem(last=False)

    def newest(self, user: str | None) -> list[Trouble]:
        """Return what a user is told, newest first: what is of this user's jobs, or of no job; None: of all users."""
        return nlargest(MAX_TROUBLES, self._of(user), key=lambda one: one.unix_s)

    def _of(self, user: str | None) -> Iterator[Trouble]:
        for name, kept in self._by_user.items():
            if user is None or name in ("", user):
                yield from kept.values()


def _key(trouble: Trouble) -> Key:
    """Return a key: troubles that have the same one are told as one, by the newest. A filter fails with the same text
    on all workers; a machine fails with ever new texts, so its worker stands in the key instead."""
    where = trouble.worker if trouble.fault == Fault.MACHINE else trouble.text
    return trouble.kind, trouble.job, trouble.output, trouble.filter, where
