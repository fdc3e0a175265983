"""The connection to the middleware, without its socket: when to dial, when to beat."""

from __future__ import annotations

from typing import Final

from moviola.base.backoff import Backoff
from moviola.wire.messages import Welcome
from moviola.wire.transitions import changed

from .states import LINK_TRANSITIONS, LinkState

RETRY_FIRST_S: Final = 0.1
MAX_RETRY_S: Final = 2.0
"""Tries are 0.1, 0.2, 0.4 … 2 s apart: a restarted middleware is found at once, a missing one costs nothing."""

RETRY_REFUSED_S: Final = 15.0
"""The least delay after a refusal (wrong secret or version, another aggregator of our name), because a person has to
act first."""

BEAT_INTERVAL_S: Final = 1.0
"""Where the middleware names none."""

BEAT_INTERVAL_MIN_S: Final = 0.05


class Uplink:
    """Begins by dialling at once."""

    def __init__(self) -> None:
        self.state = LinkState.WAITING
        self._redial = Backoff(RETRY_FIRST_S, MAX_RETRY_S, due_at=0.0)
        self._beat_at = 0.0
        self._interval_s = BEAT_INTERVAL_S
        self.admins: frozenset[str] = frozenset()  # users who may have everybody's files

    @property
    def is_joined(self) -> bool:
        return self.state is LinkState.JOINED

    def next_deadline(self) -> float | None:
        return self._beat_at if self.state is LinkState.JOINED else self._redial.due_at

    def must_dial(self, now: float) -> bool:
        """Return True once when it is time to dial. `joined` or `lost` must be called after that."""
        if self.state is not LinkState.WAITING or not self._redial.take(now):
            return False
        self._set(LinkState.DIALLING)
        return True

    def must_beat(self, now: float) -> bool:
        """True once an interval."""
        if self.state is not LinkState.JOINED or now < self._beat_at:
            return False
        self._beat_at = now + self._interval_s
        return True

    def joined(self, welcome: Welcome, now: float) -> None:
        self._set(LinkState.JOINED)
        interval_s = welcome.limits.beat_interval_s
        self._interval_s = BEAT_INTERVAL_S if interval_s is None else max(interval_s, BEAT_INTERVAL_MIN_S)
        self.admins = frozenset(welcome.limits.admins)
        self._redial.worked()
        self._beat_at = now + self._interval_s

    def lost(self, now: float, *, refused: bool) -> None:
        self._set(LinkState.WAITING)
        self._redial.failed(now, least_s=RETRY_REFUSED_S if refused else 0.0)

    def _set(self, state: LinkState) -> None:
        self.state = changed(LINK_TRANSITIONS, self.state, state)
