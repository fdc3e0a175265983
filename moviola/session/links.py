"""A brain's connections: its commands carried out on a network, and what comes over them as its events."""

from __future__ import annotations

from collections.abc import Iterable
from socket import AddressFamily
from typing import Protocol

from moviola.base.vocabulary import ErrorCode
from moviola.session import events
from moviola.session.events import Dial, Event, HangUp, Send, ServerRole
from moviola.session.target import Target
from moviola.wire.addresses import Address, reachable
from moviola.wire.events import ConnectionId, Damaged, Lost, NetworkEvent, Received
from moviola.wire.framing import Buffer
from moviola.wire.messages import Hello, Message, Welcome


class Links(Protocol):
    """What is needed of a network: `moviola.wire.loop.Loop` has it, and `moviola.wire.asyncio_links.AsyncioLinks`."""

    def dial(self, addresses: Iterable[Address], hello: Hello, family: AddressFamily = ...) -> ConnectionId:
        """Start to connect; a Received with Welcome, or a Lost, tells what became of it."""

    def send(self, connection: ConnectionId, message: Message, payload: Buffer = ...) -> None:
        """Queue a message."""

    def close(self, connection: ConnectionId) -> None:
        """Close a connection once everything queued for it was sent. No Lost event follows."""


class OpenLinks:
    """Connections to the middleware of `target` and to aggregators.

    Args:
        links: the network that they are made on.
        hello: what is said on each of them.
    """

    def __init__(self, links: Links, target: Target, hello: Hello) -> None:
        self.open: dict[ServerRole, ConnectionId] = {}
        self._links, self._target, self._hello = links, target, hello

    def carry_out(self, command: Dial | HangUp | Send) -> None:
        """Dial, hang up or send."""
        match command:
            case Dial(peer=ServerRole.MIDDLEWARE as peer):
                self._dial(peer, [self._target.address])
            case Dial(peer=peer):
                self._dial(peer, addresses_for(command, self._target.address.host))
            case HangUp(peer=peer):
                if peer in self.open:
                    self._links.close(self.open.pop(peer))
            case Send(peer=peer, message=message, payload=payload):
                self._links.send(self.open[peer], message, payload)

    def event_of(self, event: NetworkEvent) -> Event | None:
        """Return what an event of the network means to the brain; None if it is of no connection of these."""
        if not isinstance(event, Received | Damaged | Lost):
            return None
        peer = next((peer for peer, link in self.open.items() if link == event.connection), None)
        if peer is None:
            return None
        if isinstance(event, Lost):
            del self.open[peer]
            return events.Lost(peer, event.reason, event.error.code if event.error else "")
        if isinstance(event, Damaged):  # what was asked for behind it comes again as well
            self._links.close(self.open.pop(peer))
            return events.Lost(peer, f"{type(event.message).__name__} arrived damaged", ErrorCode.CORRUPT)
        if isinstance(event.message, Welcome):
            return events.Welcomed(peer)
        return events.ClusterMessage(peer, event.message, event.payload)

    def _dial(self, peer: ServerRole, addresses: Iterable[Address]) -> None:
        self.open[peer] = self._links.dial(addresses, self._hello, self._target.family)


def addresses_for(command: Dial, host: str) -> list[Address]:
    """Return where to dial an aggregator; `host` is that at which the middleware is reached."""
    return _ports_at(host, command.addresses) if command.at_middleware else reachable(command.addresses, host)


def _ports_at(host: str, addresses: Iterable[Address]) -> list[Address]:
    return list(dict.fromkeys(Address(host, address.port) for address in addresses))
