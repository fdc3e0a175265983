"""Workers and clients that are connected: who they said they are, and who has to go where places are short."""

from __future__ import annotations

from collections import Counter
from typing import Final

from moviola.base.vocabulary import ErrorCode
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import IDLE_CLIENT_S
from moviola.wire.messages import VERSIONS, Hello, Welcome
from moviola.wire.places import Idlers
from moviola.wire.tokens import is_same

from .events import Close, Peer
from .memory import Memory
from .reads import Readers

MAX_CONNECTIONS_OF_USER: Final = 128
"""Clients of one user: each fetches the files of a job, and a person seldom waits for more than a handful."""


class Peers:
    """The part of the assembler that knows who is connected; every event costs the same however many are.

    Args:
        readers: those who wait for results among them.
        epoch: of this aggregator's life, for Welcome.
        max_clients, max_workers: that may be connected.
    """

    def __init__(self, memory: Memory, readers: Readers, epoch: int, max_clients: int, max_workers: int) -> None:
        self._memory, self._readers, self._epoch = memory, readers, epoch
        self._hellos: dict[Peer, Hello] = {}
        self._workers: dict[str, set[Peer]] = {}  # by the name that they say
        self._clients: Counter[str] = Counter()  # user → connections
        self._counts: Counter[str] = Counter()  # of them, by role
        self._most = {"client": max_clients, "worker": max_workers}
        self._idlers = Idlers()  # of the clients

    def get(self, peer: Peer) -> Hello | None:
        """Return who a peer said it is; None when it is not connected any more."""
        return self._hellos.get(peer)

    def joined(self, peer: Peer, hello: Hello, now: float) -> None:
        """Welcome a peer. Raises ProtocolError when it has nothing to ask here, or there is no place for it."""
        if hello.role not in self._most:
            text = f"this is an aggregator: a {hello.role} has nothing to ask of it"
            raise ProtocolError(ErrorCode.BAD_MESSAGE, text)
        if hello.role == "worker":
            self._supersede(hello)
            self._memory.log(f"worker {hello.name} joined")
        elif self._clients[hello.user] >= MAX_CONNECTIONS_OF_USER:
            spared = self._idlers.spared(lambda one: self._hellos[one].user == hello.user)
            assert spared is not None  # one that asks for nothing: none of them has a job here
            self._send_away(spared, f"user {hello.user!r} has {MAX_CONNECTIONS_OF_USER} connections, and one more came")
        self._make_place(hello.role)
        self._hellos[peer] = hello
        self._counts[hello.role] += 1
        if hello.role == "client":
            self._clients[hello.user] += 1
        else:
            self._workers.setdefault(hello.name, set()).add(peer)
        self.heard(peer, hello, now)
        self._memory.send(peer, Welcome(version=VERSIONS[-1], epoch=self._epoch))

    def heard(self, peer: Peer, hello: Hello, now: float) -> None:
        """Note that a peer has just said something."""
        if hello.role == "client":
            self._idlers.heard(peer, now, has_job=False, looks_on=False)

    def forget(self, peer: Peer) -> Hello | None:
        """A peer is gone; return who it was, None when that was known already."""
        hello = self._hellos.pop(peer, None)
        if hello is None:
            return None
        self._counts[hello.role] -= 1
        self._idlers.forget(peer)
        self._readers.forget(peer)
        if hello.role == "client":
            self._clients[hello.user] -= 1
            if not self._clients[hello.user]:
                del self._clients[hello.user]
        else:
            self._workers[hello.name].discard(peer)
            if not self._workers[hello.name]:
                del self._workers[hello.name]
        return hello

    def expire(self, now: float) -> None:
        """Send clients away that have asked for nothing for too long."""
        for peer in self._idlers.expired(now):
            self._send_away(peer, f"nothing was asked for {IDLE_CLIENT_S:.0f} s; come back at any time")

    def next_deadline(self) -> float | None:
        """When `expire` should come at the latest."""
        return self._idlers.next_deadline()

    def _supersede(self, hello: Hello) -> None:
        """Close older connections of the same worker. Another worker of that name is let in beside it: nothing here
        depends on names being unique, and nobody can keep a worker out by using its."""
        named = self._workers.get(hello.name, ())
        for old in [peer for peer in named if is_same(hello.token, self._hellos[peer].token)]:
            self.forget(old)
            text = f"a newer connection of {hello.name!r} has come"
            self._memory.outbox.append(Close(old, ErrorCode.SUPERSEDED, text))

    def _make_place(self, role: str) -> None:
        """Send the client away that has asked for nothing for the longest time, where there are too many. Raises
        ProtocolError where nobody can be spared."""
        count = self._counts[role]
        if count < self._most[role]:
            return
        spared = self._idlers.spared() if role == "client" else None
        if spared is None:
            raise ProtocolError(ErrorCode.BUSY, f"{count} {role}s are connected; there is no place for more")
        self._send_away(spared, f"{count} clients are connected, and another one needs a place")

    def _send_away(self, peer: Peer, text: str) -> None:
        self.forget(peer)
        self._memory.outbox.append(Close(peer, ErrorCode.IDLE, text))

    def validate(self) -> None:
        """Prove that the indexes agree with each other; for tests and the simulation."""
        named = {peer for peers in self._workers.values() for peer in peers}
        assert named == {peer for peer, one in self._hellos.items() if one.role == "worker"}, "a worker has no name"
        assert +self._counts == Counter(one.role for one in self._hellos.values()), "who is connected is miscounted"
