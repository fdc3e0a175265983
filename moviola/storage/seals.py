"""Checksums of what a ledger's rows say, so that a byte that is damaged on disk is noticed, and no row believed that is
not what was written."""

from __future__ import annotations

from typing import Any, Final

import msgpack
import xxhash

SEAL_SIZE: Final = 8


def seal(*values: Any) -> bytes:
    """Return the checksum of plain values, in this order."""
    return xxhash.xxh3_64_digest(msgpack.packb(values))


def sealed(about: str, data: Any) -> bytes:
    """Return `data` packed, behind its checksum. `about` says what it is of, so that it stands for nothing else."""
    packed: bytes = msgpack.packb(data)
    return seal(about, packed) + packed


def unsealed(about: str, blob: Any) -> Any:
    """Return what `sealed` was given. Raises ValueError when it is damaged."""
    if not is_sealed(about, blob):
        raise ValueError(f"{about} is damaged")
    return msgpack.unpackb(blob[SEAL_SIZE:])


def is_sealed(about: str, blob: Any) -> bool:
    """Return whether it is what `sealed` made."""
    return isinstance(blob, bytes) and blob[:SEAL_SIZE] == seal(about, blob[SEAL_SIZE:])
