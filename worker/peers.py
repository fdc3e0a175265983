"""All whom a worker talks to: the middleware and the aggregators' stores, and when each is dialled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from moviola.wire.addresses import Address, reachable
from moviola.wire.messages import Aggregator

from .events import MIDDLEWARE, ServerId
from .link import Link
from .states import LinkState

MAX_STORES: Final = 64
"""Aggregators whose addresses are remembered; those in use are never forgotten."""


class Peers:
    """A link to each peer. Only wanted peers are dialled.

    Args:
        middleware: its addresses.
        jitter: numbers from 0 to 1 that spread reconnections.
        is_wanted: has this worker a use for that peer now?
    """

    def __init__(
        self, middleware: tuple[Address, ...], jitter: Callable[[], float], is_wanted: Callable[[ServerId], bool]
    ) -> None:
        self.links: dict[ServerId, Link] = {MIDDLEWARE: Link(middleware)}
        self._middleware_host = middleware[0].host
        self._jitter = jitter
        self._is_wanted = is_wanted

    def is_open(self, peer: ServerId) -> bool:
        """Return True when the connection to this peer is open."""
        link = self.links.get(peer)
        return link is not None and link.state is LinkState.OPEN

    def opened(self, peer: ServerId, now: float) -> None:
        """Take note that the connection to this peer is open since `now` (s, monotonic)."""
        self.links[peer].opened(now)

    def lost(self, peer: ServerId, reason: str, code: str, now: float) -> str:
        """Note that a connection is lost, and have it rest until a later try. Return a line for people, or "" if that
        was said a short while ago."""
        link = self.links[peer]
        was_open = link.state is LinkState.OPEN
        link.lost(now, self._jitter())
        if not link.worth_saying(code, now):
            return ""
        what = "the middleware" if peer == MIDDLEWARE else f"store {peer}"
        at = " or ".join(str(address) for address in link.addresses)
        return f"{'lost' if was_open else 'waiting for'} {what} at {at}: {reason}"

    def move(self, message: Aggregator, now: float) -> bool:
        """Take the addresses of an aggregator that is there, or has moved. Return True if its present connection is to
        be given up."""
        addresses = tuple(reachable(message.addresses, self._middleware_host))
        if not addresses or message.store == MIDDLEWARE:
            return False
        link = self.links.get(message.store)
        if link is None:
            self.links[message.store] = Link(addresses)
            self._forget()
            return False
        had_connection = link.state is not LinkState.RESTING
        if had_connection and link.addresses == addresses:
            return False
        link.move(addresses, now)
        return had_connection

    def due(self, now: float) -> Iterable[tuple[ServerId, Link]]:
        """Yield the peers to dial now, which count as being dialled from then on."""
        for peer, link in self.links.items():
            if link.dial_at is not None and link.dial_at <= now and self._is_wanted(peer):
                link.dialled()
                yield peer, link

    def deadlines(self) -> list[float]:
        """Return when (s, monotonic) each peer that is wanted is to be dialled."""
        return [link.dial_at for peer, link in self.links.items() if link.dial_at is not None and self._is_wanted(peer)]

    def _forget(self) -> None:
        spare = [
            peer for peer, link in self.links.items() if link.state is LinkState.RESTING and not self._is_wanted(peer)
        ]
        for peer in spare[: max(0, len(self.links) - 1 - MAX_STORES)]:
            del self.links[peer]
