"""How patiently a client calls again whoever is away, the middleware or an aggregator."""

from __future__ import annotations

from typing import Final

from moviola.base.backoff import Backoff

REDIAL_FIRST_S: Final = 0.2
REDIAL_LONGEST_S: Final = 5.0

PATIENCE_S: Final = 600.0
"""How long a peer that was there once may be away: a machine that restarts, a person who mends a network."""


def redial(patience_s: float = PATIENCE_S) -> Backoff:
    """Return when to call a peer again that a first call did not reach, or that was lost."""
    return Backoff(REDIAL_FIRST_S, REDIAL_LONGEST_S, patience_s)
