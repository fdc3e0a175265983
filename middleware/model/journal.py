"""What happened in the cluster: the newest events, each with a number, and those who follow them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from moviola.base.vocabulary import EventKind
from moviola.wire.messages import EventRecord
from moviola.wire.shortened import shortened

from ..events import Peer

MAX_EVENTS: Final = 10_000
"""Events that are kept, the newest, for whoever reads slowly or comes back: some 5 MB. A busy cluster makes ten a
second, so a listener may be away for a quarter of an hour. All listeners share them; none has a copy."""

MAX_EVENT_TEXT: Final = 500
"""Characters of an event's text: enough for a sentence with its reason, and 10 000 of them stay small."""


class Entry(NamedTuple):
    """An event that is kept, and who may be told of it."""

    event: EventRecord
    owner: str | None
    """The user whose job it is about; None of what everybody may know."""


class Journal:
    """The newest MAX_EVENTS events of this start of the middleware. They are numbered from 1 on, without a gap.

    Args:
        name: tells this journal from those of other starts.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.last = 0  # the number of the newest event
        self.began_unix_s: float | None = None
        self._ring: list[Entry] = []  # event n at index (n - 1) % MAX_EVENTS
        self.new: list[Entry] = []  # happened in this turn

    @property
    def first(self) -> int:
        """Return the number of the oldest event that is kept; one more than `last` where there is none."""
        return self.last - len(self._ring) + 1

    def add(self, event: EventRecord, owner: str | None) -> None:
        """Note what happened. At the end of the turn `stamp` gives it its number and its time."""
        self.new.append(Entry(event, owner))

    def stamp(self, unix_s: float) -> None:
        """Number all that was added in this turn, whose time this is."""
        if self.began_unix_s is None:
            self.began_unix_s = unix_s
        for event, owner in self.new:
            self.last += 1
            entry = Entry(replace(event, number=self.last, unix_s=unix_s), owner)
            if len(self._ring) < MAX_EVENTS:
                self._ring.append(entry)
            else:
                self._ring[(self.last - 1) % MAX_EVENTS] = entry
        self.new.clear()

    def entries(self, first: int, last: int) -> Iterator[Entry]:
        """Yield events that are kept, in the order of their numbers, from `first` to `last`."""
        return (self._ring[(number - 1) % MAX_EVENTS] for number in range(first, last + 1))

    def before(self, unix_s: float) -> int:
        """Return the number of the last event that happened before a time; one less than `first` where all that are
        kept are newer."""
        low, high = self.first, self.last + 1
        while low < high:
            middle = (low + high) // 2
            if self._ring[(middle - 1) % MAX_EVENTS].event.unix_s < unix_s:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def validate(self) -> None:
        """Prove that the numbers are right; for tests and the simulation."""
        assert len(self._ring) <= min(self.last, MAX_EVENTS)
        for number in {self.first, self.last} if self._ring else ():
            assert [entry.event.number for entry in self.entries(number, number)] == [number]


@dataclass(slots=True, eq=False)
class Subscription:
    """A client that follows the events. What it is still to be told stands in the journal: `told` is how far it is."""

    peer: Peer
    viewer: str | None
    """Whose events it sees; None: everybody's."""
    job: str
    kinds: frozenset[str]
    wants_snapshot: bool
    told: int  # the number of the last event that it has, or never will
    heard: int = 0  # the number in the last message to it
    progress_told: int = 0  # which progress it knows, see middleware/subscriptions.py
    owes_snapshot: bool = False
    wants_progress: bool = field(init=False)

    def __post_init__(self) -> None:
        self.heard = self.told
        self.wants_progress = not self.kinds or EventKind.PROGRESS in self.kinds

    @property
    def view(self) -> tuple[str | None, str, frozenset[str]]:
        """Return what decides on which events it is told: subscriptions with the same view are told the same."""
        return self.viewer, self.job, self.kinds

    def sees(self, event: EventRecord, owner: str | None) -> bool:
        """Return whether an event is for it."""
        if self.viewer is not None and owner is not None and owner != self.viewer:
            return False
        return (not self.job or event.job == self.job) and (not self.kinds or event.kind in self.kinds)


def event(kind: EventKind, text: str) -> EventRecord:
    """Return an event about no job and no worker, to be completed by `dataclasses.replace`."""
    return EventRecord(0, kind, shortened(text, MAX_EVENT_TEXT))
