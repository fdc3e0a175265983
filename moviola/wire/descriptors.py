"""How many files and connections a process may have open."""

from __future__ import annotations

import resource
from typing import Final

from moviola.wire.limits import MAX_CONNECTIONS

WANTED: Final = 10_240
"""All connections, open segments and pipes of one process, twice; and the most that macOS grants where its hard limit
is said to be unlimited (its OPEN_MAX)."""

KEPT: Final = 320
"""Not for connections: the spool's open segments (at most 256), the ledger, pipes to other processes."""


def raise_limit() -> int:
    """Raises the soft limit of open descriptors, 256 on macOS and 1024 on most Linux systems, as far as the hard one
    goes. Programs call it first; returns what is allowed from then on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a system's own rule: what was allowed will do for smaller clusters
        return soft
    return wanted


def share(places: int) -> int:
    """As many of these places, out of MAX_CONNECTIONS, as there are where fewer connections are possible."""
    return max(1, places * for_connections() // MAX_CONNECTIONS)


def for_connections() -> int:
    """How many connections this process may have: with none left for files it could keep no chunk."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(soft - KEPT, soft // 2))
