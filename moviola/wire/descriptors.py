"""Limits on the files and connections that a process may have open."""

from __future__ import annotations

import errno
import resource
from typing import Final

from moviola.wire.limits import MAX_CONNECTIONS

WANTED: Final = 10_240
"""Descriptors asked of the system: twice all connections, open segments and pipes of one process. It is also the most
that macOS grants (its OPEN_MAX), even where its hard limit is said to be unlimited."""

KEPT: Final = 320
"""Descriptors kept for other things than connections: the spool's open segments (at most 256), the ledger, and pipes to
other processes."""

OUT_OF_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors of the system when there is no descriptor or memory for one more connection or file: not now, but later. A
connection that was not accepted keeps waiting, so its listening socket stays readable."""


def raise_limit() -> int:
    """Raise the process's soft limit of open descriptors towards WANTED; return the limit from then on.

    The soft limit is 256 on macOS and 1024 on most Linux systems; it can be raised up to the hard limit. Programs call
    this before anything else.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # the system has a rule of its own; the old limit is enough for smaller clusters
        return soft
    return wanted


def share(places: int) -> int:
    """Return `places`, reduced in proportion if this process may have fewer than MAX_CONNECTIONS; at least 1."""
    return max(1, places * for_connections() // MAX_CONNECTIONS)


def for_connections() -> int:
    """Return how many connections this process may have; the other descriptors are left for files and pipes."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(soft - KEPT, soft // 2))
