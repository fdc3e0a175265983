"""The states of a lease and of a connection as a worker sees them, and every change that is allowed between them."""

from __future__ import annotations

from enum import Enum
from typing import Final

from moviola.base.vocabulary import LeasePhase


class Phase(Enum):
    """The phases of a lease that this worker holds. A lease that has ended has none."""

    WAITING = LeasePhase.WAITING.value  # its chunk is here
    COMPUTING = LeasePhase.COMPUTING.value
    DELIVERING = LeasePhase.DELIVERING.value  # its result is here, the store's verdict is not
    RELEASING = "releasing"  # over, and the middleware is away: it will be told when it is back


PHASE_TRANSITIONS: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.WAITING: frozenset({Phase.COMPUTING, Phase.RELEASING}),
    Phase.COMPUTING: frozenset({Phase.DELIVERING, Phase.RELEASING}),
    Phase.DELIVERING: frozenset({Phase.RELEASING}),
    Phase.RELEASING: frozenset(),
}


class LinkState(Enum):
    """The states of a worker's connection to the middleware or an aggregator."""

    RESTING = "resting"  # not connected; dialled when it is wanted and its time has come
    DIALLING = "dialling"
    OPEN = "open"


LINK_TRANSITIONS: Final[dict[LinkState, frozenset[LinkState]]] = {
    LinkState.RESTING: frozenset({LinkState.DIALLING}),
    LinkState.DIALLING: frozenset({LinkState.OPEN, LinkState.RESTING}),
    LinkState.OPEN: frozenset({LinkState.RESTING}),
}
