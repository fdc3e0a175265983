"""Checksums of a ledger's rows, which show whether a row was damaged on disk."""

from __future__ import annotations

from typing import Any, Final

import msgpack
import xxhash

SEAL_SIZE: Final = 8
"""Bytes of a checksum, an xxh3_64."""


def seal(*values: Any) -> bytes:
    """Return the checksum of plain values in this order, SEAL_SIZE bytes."""
    return xxhash.xxh3_64_digest(msgpack.packb(values))


def sealed(about: str, data: Any) -> bytes:
    """Return plain data, packed, behind its checksum.

    Args:
        about: a name of what the data describes; it goes into the checksum, so a blob cannot stand for another thing.
        data: the data, as msgpack takes it.
    """
    packed: bytes = msgpack.packb(data)
    return seal(about, packed) + packed


def unsealed(about: str, blob: Any) -> Any:
    """Return the data that `sealed` packed.

    Args:
        about: as it was given to `sealed`.
        blob: what `sealed` returned.

    Raises:
        ValueError: the blob is damaged, or is about something else.
    """
    if not is_sealed(about, blob):
        raise ValueError(f"{about} is damaged")
    return msgpack.unpackb(blob[SEAL_SIZE:])


def is_sealed(about: str, blob: Any) -> bool:
    """Return True if `blob` is what `sealed` made with the same `about`."""
    return isinstance(blob, bytes) and blob[:SEAL_SIZE] == seal(about, blob[SEAL_SIZE:])
