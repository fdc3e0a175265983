"""What waits to be delivered to one webhook, and when it is tried: one event at a time, in order. Pure: the time is an
argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from moviola.base.backoff import Backoff

MAX_WAITING: Final = 1000
"""Events that wait for one webhook, of some 500 bytes each. One more, and the oldest is given up."""

MAX_TRIES: Final = 10
"""How often one event is tried. With the delays between the tries that takes eight and a half minutes, in which a
receiver that is deployed anew, or has crashed, is back."""

FIRST_DELAY_S: Final = 1.0
"""Seconds between a first failure and the next try; each further one waits twice as long."""

LONGEST_DELAY_S: Final = 300.0
"""The longest delay in seconds."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as a webhook is sent it.

    Attributes:
        id: the same at every try, so that a receiver that has it already can tell.
        body: JSON.
    """

    id: str
    body: bytes


# ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Happened:
    """An event is to be delivered."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Answered:
    """A try has ended; `refusal` says why the event was not taken, and is empty if it was."""

    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Woken:
    """The time has come that a WakeAt named."""


# ── what is to be done ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Post:
    """Send this now, and say how it ended."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Nothing is to be done before this time; a later WakeAt replaces it."""

    at: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """This will not be delivered, and why."""

    delivery: Delivery
    reason: str


DeliveryEvent = Happened | Answered | Woken
DeliveryCommand = Post | WakeAt | GiveUp


class DeliveryQueue:
    """The events that wait for one webhook."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()  # the first one is being tried
        self._is_posting = False
        self._tries = 0  # of the first one
        self._backoff = Backoff(FIRST_DELAY_S, LONGEST_DELAY_S)

    def __len__(self) -> int:
        return len(self._waiting)

    def handle(self, event: DeliveryEvent, now: float) -> list[DeliveryCommand]:
        """Return what is to be done because of an event."""
        commands: list[DeliveryCommand] = []
        match event:
            case Happened(delivery):
                commands += self._make_room()
                self._waiting.append(delivery)
            case Answered(refusal):
                commands += self._ended(refusal, now)
        return [*commands, *self._next(now)]

    def _make_room(self) -> list[DeliveryCommand]:
        if len(self._waiting) < MAX_WAITING:
            return []
        place = 1 if self._is_posting else 0  # what is on its way may still be taken
        oldest = self._waiting[place]
        del self._waiting[place]
        if place == 0:
            self._begin_anew()
        return [GiveUp(oldest, f"more than {MAX_WAITING} events wait, and it is the oldest")]

    def _ended(self, refusal: str, now: float) -> list[DeliveryCommand]:
        self._is_posting = False
        self._tries += 1
        if refusal and self._tries < MAX_TRIES:
            self._backoff.failed(now)
            return []
        delivery = self._waiting.popleft()
        self._begin_anew()
        return [GiveUp(delivery, f"tried {MAX_TRIES} times, at last: {refusal}")] if refusal else []

    def _begin_anew(self) -> None:
        """Reset the count of tries and the delay, because another event is the first one now."""
        self._tries = 0
        self._backoff = Backoff(FIRST_DELAY_S, LONGEST_DELAY_S)

    def _next(self, now: float) -> list[DeliveryCommand]:
        if self._is_posting or not self._waiting:
            return []
        due_at = self._backoff.due_at
        if due_at is not None and not self._backoff.take(now):
            return [WakeAt(due_at)]
        self._is_posting = True
        return [Post(self._waiting[0])]
