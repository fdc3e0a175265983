"""A network in one process: messages in order per direction, late, torn off, or cut by a partition.

`SimLoop` stands in for `moviola.wire.loop.Loop`: the programs' shells use it without knowing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from moviola.wire.addresses import Address
from moviola.wire.events import Damaged, Lost, NetworkEvent, Received
from moviola.wire.framing import Buffer, checksum
from moviola.wire.messages import MAX_PAYLOADS, Error, Hello, Message, Own, decode, encode
from moviola.wire.outbox import FileSlice
from moviola.wire.schema import Lease
from tests.simulation.world import World

CARRIERS: Final = frozenset(kind for limits in MAX_PAYLOADS.values() for kind in limits)
"""The messages that have a payload."""

POISON: Final = "poison"
"""In a source's facts: whoever is told to own such a job ends the connection."""

NOTICE_S: Final = 0.002
"""How long it takes to notice a connection that was closed at the other end."""


@dataclass(eq=False)
class End:
    """One end of a connection."""

    loop: SimLoop
    number: int
    link: Link
    is_dialled: bool
    arrives_at: float = 0.0  # when the last message sent from the other end is here
    is_open: bool = True


@dataclass(eq=False)
class Link:
    """A connection: two ends, and whether it lets anything through."""

    ends: list[End] = field(default_factory=list)
    is_cut: bool = False  # by a partition: what is sent is neither delivered nor refused
    held_back: list[tuple[End, NetworkEvent]] = field(default_factory=list)
    results: set[Lease] = field(default_factory=set)  # those sent over it
    states: dict[str, str] = field(default_factory=dict)  # job → its state, as told over it last
    untold_since: dict[str, float] = field(default_factory=dict)  # job → since when that is not so any more
    has_job: bool = False  # a client's submission was taken over it
    made_at: float = 0.0
    currents: int = 0  # how often all that was asked for had been told over it
    spoke_at: float = 0.0  # when something was heard over it
    has_spoken: bool = False  # … since the turn before

    def other(self, end: End) -> End:
        return self.ends[1] if self.ends[0] is end else self.ends[0]


class Network:
    """All hosts' connections."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.listening: dict[Address, SimLoop] = {}
        self.names_unknown_to_clients: set[str] = set()  # as those of containers are
        self.links: list[Link] = []
        self._last_hello: dict[tuple[str, str], Link] = {}  # (who accepts, who dials) → over which one came last
        self.walls: set[frozenset[str]] = set()  # pairs of programs that cannot reach each other
        self.damage_chance = 0.0  # of a payload on its way
        self.not_reading: set[str] = set()  # programs that leave unread what they are sent
        self.on_sent: Callable[[End, Message], None] = lambda _end, _message: None
        self.on_spoiled: Callable[[Message], None] = lambda _message: (
            None
        )  # its payload is damaged on the sender's disk
        self.on_closed: Callable[[End, Error | None], None] = lambda _end, _error: None
        self.on_arrived: Callable[[End, Message], None] = lambda _end, _message: None

    def latency(self) -> float:
        return self.world.random.choice(
            (0.0005, 0.001, 0.002, 0.02, 0.2 if self.world.random.random() < 0.05 else 0.004)
        )

    def is_walled(self, one: SimLoop, other: SimLoop) -> bool:
        return frozenset((one.name, other.name)) in self.walls

    def dial(self, loop: SimLoop, number: int, addresses: list[Address], hello: Hello) -> None:
        unknown = self.names_unknown_to_clients if loop.name.startswith("client") else ()
        known = [one for one in addresses if one in self.listening and one.host not in unknown]
        target = self.listening[known[0]] if known else None
        if target is None or not target.is_alive or self.is_walled(loop, target):
            delay = 0.01 if target is None or not target.is_alive else 5.0
            self.world.later(delay, lambda: loop.arrive(Lost(number, "connection refused")))
            return
        link = Link(made_at=self.world.now)
        here = End(loop, number, link, is_dialled=True)
        there = End(target, target.next_number(), link, is_dialled=False)
        link.ends = [here, there]
        self.links.append(link)
        loop.ends[number], target.ends[there.number] = here, there
        self.transmit(here, hello, b"", 0)

    def transmit(self, sender: End, message: Message, payload: bytes, xxh3: int) -> None:
        """A message leaves one end and will reach the other, behind all that left before."""
        link = sender.link
        receiver = link.other(sender)
        self.on_sent(sender, message)
        copied = decode(encode(message))  # nothing is shared between programs
        if payload and checksum(payload) != xxh3:
            self.on_spoiled(message)
        if self.damage_chance and type(message) in CARRIERS and self.world.random.random() < self.damage_chance:
            payload = payload[:-1]
        event: NetworkEvent = Received(receiver.number, copied, payload, xxh3)
        if checksum(payload) != xxh3:
            self.world.see("arrived-damaged", f"{type(message).__name__} is damaged on its way to {receiver.loop.name}")
            event = Damaged(receiver.number, copied)
        if link.is_cut:
            link.held_back.append((receiver, event))
            return
        self._deliver(receiver, event)

    def _deliver(self, receiver: End, event: NetworkEvent) -> None:
        at = max(self.world.now + self.latency(), receiver.arrives_at)
        receiver.arrives_at = at
        self.world.later(at - self.world.now, lambda: self._arrive(receiver, event))

    def _arrive(self, receiver: End, event: NetworkEvent) -> None:
        if receiver.is_open and receiver.loop.is_alive:
            receiver.loop.arrive(event)
            if isinstance(event, Received):
                if isinstance(event.message, Hello):
                    self._last_hello[receiver.loop.name, receiver.link.other(receiver).loop.name] = receiver.link
                self.on_arrived(receiver, event.message)

    def close(self, end: End, error: Error | None, reason: str) -> None:
        """An end closes; the other notices behind what was sent before."""
        link = end.link
        self.on_closed(end, error)
        end.is_open = False
        end.loop.ends.pop(end.number, None)
        if link in self.links:
            self.links.remove(link)
        other = link.other(end)
        if not other.is_open:
            return
        if error is not None and error.code == "superseded" and other.loop.name != "impostor" and other.loop.is_alive:
            last = self._last_hello.get((end.loop.name, other.loop.name))  # of an earlier life, where it took long
            assert last is not link, f"{other.loop.name} is superseded by somebody else"
        delay = max(self.world.now + NOTICE_S, other.arrives_at) - self.world.now

        def notice() -> None:
            if other.is_open:
                other.is_open = False
                other.loop.ends.pop(other.number, None)
                if other.loop.is_alive:
                    other.loop.arrive(
                        Lost(other.number, error.text if error else reason, error, error.job if error else "")
                    )

        self.world.later(delay, notice)

    def tear(self, link: Link) -> None:
        """A connection breaks in the middle of whatever is on its way: both ends lose it."""
        if link in self.links:
            self.links.remove(link)
        for end in link.ends:
            if end.is_open:
                end.is_open = False
                end.loop.ends.pop(end.number, None)
                if end.loop.is_alive:
                    number, loop = end.number, end.loop
                    self.world.later(NOTICE_S, lambda loop=loop, number=number: loop.arrive(Lost(number, "torn")))  # type: ignore[misc]

    def wall(self, one: str, other: str) -> None:
        """Nothing passes between two programs any more; their connections hang."""
        self.walls.add(frozenset((one, other)))
        for link in self.links:
            if frozenset(end.loop.name for end in link.ends) == frozenset((one, other)):
                link.is_cut = True

    def heal(self, *, tear: bool) -> None:
        """All walls fall; connections that hung go on, or turn out to be broken."""
        self.walls.clear()
        for link in list(self.links):
            if link.is_cut:
                link.is_cut = False
                held, link.held_back = link.held_back, []
                if tear:
                    self.tear(link)
                    continue
                for receiver, event in held:
                    self._deliver(receiver, event)


class SimLoop:
    """A program's loop. What arrives waits until the program's turn, which the program's host schedules."""

    def __init__(self, name: str, network: Network, on_arrival: Any) -> None:
        self.name, self._network, self._on_arrival = name, network, on_arrival
        self.is_alive = True
        self.ends: dict[int, End] = {}
        self._numbers = 0
        self._inbox: list[NetworkEvent] = []
        self._outbox: list[tuple[int, Message | None, bytes | FileSlice, int, Error | None]] = []
        self.flush_limit: int | None = None  # of a program that dies while it writes
        self.arriving: frozenset[int] = frozenset()  # messages arrive whole here
        self.has_read_only = False

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def arrive(self, event: NetworkEvent) -> None:
        self._inbox.append(event)
        self._on_arrival()

    @property
    def has_arrivals(self) -> bool:
        """True if the next turn is about something that has arrived."""
        return bool(self._inbox)

    def refuse_poison(self) -> None:
        """Ends a connection over an Own that this program cannot take, as a loop does over a message that breaks the
        schema: nothing behind it is heard, and both sides know which job it was about."""
        for at, event in enumerate(self._inbox):
            if not (isinstance(event, Received) and isinstance(event.message, Own)):
                continue
            own, number = event.message, event.connection
            if not own.source.get("facts", {}).get(POISON):
                continue
            later = [one for one in self._inbox[at + 1 :] if getattr(one, "connection", None) != number]
            lost = Lost(number, f"bad-message: {POISON}", None, own.job)
            self._inbox = [*self._inbox[:at], lost, *later]
            self._network.world.see("poisoned", f"{self.name} ends a connection over job {own.job}")
            if number in self.ends:
                self._network.close(self.ends[number], Error("bad-message", POISON, job=own.job), "")
            return

    # ── what the shells use of moviola.wire.loop.Loop ────────────────────────────────────────────────────────────────

    def dial(self, addresses: Iterable[Address], hello: Hello, *_: Any) -> int:
        number = self.next_number()
        self._network.dial(self, number, list(addresses), hello)
        return number

    def send(
        self, connection: int, message: Message, payload: Buffer | FileSlice = b"", xxh3: int | None = None
    ) -> None:
        if isinstance(payload, FileSlice):
            assert xxh3 is not None
        else:
            payload = bytes(payload)
            xxh3 = checksum(payload) if xxh3 is None else xxh3
        self._outbox.append((connection, message, payload, xxh3, None))

    def close(self, connection: int, code: str = "", text: str = "", job: str = "") -> None:
        self._outbox.append((connection, None, b"", 0, Error(code, text, job=job) if code else None))
        end = self.ends.get(connection)
        if end is not None:
            end.is_open = False  # nothing more is heard of it

    def backlog(self, connection: int) -> int:
        return 0

    def holds(self, event: NetworkEvent) -> bool:
        return False

    def behind(self, size: int) -> frozenset[int]:
        names = self._network.not_reading
        if not names:
            return frozenset()
        return frozenset(number for number, end in self.ends.items() if end.link.other(end).loop.name in names)

    def peer_host(self, connection: int) -> str:
        end = self.ends.get(connection)
        return end.link.other(end).loop.name if end else ""

    def watch(self, fd: int) -> None:
        pass

    def unwatch(self, fd: int) -> None:
        pass

    def wake(self) -> None:
        self._on_arrival()

    def turn(self, deadline: float | None = None) -> list[NetworkEvent]:
        events, self._inbox = self._inbox, []
        return events

    def flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        for connection, message, payload, xxh3, error in outbox[: self.flush_limit]:
            data = read_slice(payload) if isinstance(payload, FileSlice) else payload
            end = self.ends.get(connection)
            if end is None:
                continue
            if message is None:
                self._network.close(end, error, "the other side closed the connection")
            else:
                self._network.transmit(end, message, data, xxh3)

    def shut(self) -> None:
        """The program is gone, however: its connections close."""
        self.is_alive = False
        for end in list(self.ends.values()):
            self._network.close(end, None, "the other side closed the connection")


def read_slice(part: FileSlice) -> bytes:
    """What sendfile would send; zeros in the place of what cannot be read."""
    try:
        data = os.pread(part.descriptor(), part.size, part.offset)
    except OSError:
        data = b""
    part.release()
    return data.ljust(part.size, b"\0")
