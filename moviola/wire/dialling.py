"""Which address of a peer is tried next, and why those before it have failed.

There are no sockets in this module: a transport looks up names and connects, and tells what came of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from moviola.wire.addresses import Address


class Candidate(NamedTuple):
    """A socket address to connect to."""

    family: int
    sockaddr: tuple[object, ...]

    def __str__(self) -> str:
        return str(Address(str(self.sockaddr[0]), int(str(self.sockaddr[1]))))


class Dialling:
    """The addresses of one peer, tried one after the other.

    Use: do what `next` says. After an Address, call `resolved`; after an error of either, call `failed`; if there was
    no answer in time, just call `next` again.

    Args:
        addresses: in the order in which they are tried.
    """

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._addresses = deque(addresses)
        self._candidates: deque[Candidate] = deque()
        self._current: Address | Candidate | None = None
        self._failures: list[str] = []

    @property
    def reason(self) -> str:
        """Return why no address has answered, for people: each address with its failure."""
        return "; ".join(self._failures) or "no address to try"

    def next(self) -> Address | Candidate | None:
        """Return an Address whose name has to be looked up, or a Candidate to connect to; None if all have failed.

        A name is looked up as late as possible, because that can take seconds.
        """
        if self._current is not None:
            self.failed("no answer in time")
        if self._candidates:
            self._current = self._candidates.popleft()
        elif self._addresses:
            self._current = self._addresses.popleft()
        return self._current

    def resolved(self, found: Iterable[tuple[int, tuple[object, ...]]]) -> None:
        """Take what a name stands for: (address family, socket address) of each, in the order to try them."""
        self._current = None
        self._candidates.extend(Candidate(*each) for each in found)

    def failed(self, why: str) -> None:
        """Note why what `next` returned last has failed, for people."""
        self._failures.append(f"{self._current}: {why}")
        self._current = None
