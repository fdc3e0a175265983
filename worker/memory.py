"""How much memory a worker process may take, and the limit that holds it to that.

The limit is RLIMIT_DATA: it counts what is written to (heap and private mappings, where codecs, numpy and OpenCV keep
their pictures), not what is only mapped, such as libraries. Beyond it an allocation fails, which becomes a MemoryError
in the computation. Only Linux counts mappings so; elsewhere there is no limit.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from moviola.base.memory import total_memory
from moviola.wire.limits import MIB

LEAST: Final = 512 * MIB
"""The least limit: a process that has its libraries loaded takes 100 MiB, and a chunk and its result lie beside the
pictures."""

DEFAULT_LEAST: Final = 1024 * MIB
"""The default limit is never below this, however many processes share a machine: hardly all need so much at once."""

SHARE: Final = 0.9
"""Of the machine's memory, for all processes of a worker by default."""

CODE: Final = 128 * MIB
"""What a process holds that RLIMIT_DATA does not count: libraries, and its stack. It is taken off the limit."""


def default_limit(processes: int, root: Path = Path("/")) -> int:
    """Return the bytes that each of so many processes may take where nobody says otherwise."""
    return max(DEFAULT_LEAST, int(total_memory(root) * SHARE) // processes)


def hold_to(limit: int) -> None:
    """Let this process take no more than so many bytes, where the system can see to that."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - not on every system

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = max(LEAST, limit) - CODE
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
