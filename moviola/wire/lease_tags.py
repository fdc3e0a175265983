"""Lease tags: proofs that the middleware lent a lease, to which worker, and for which task.

The middleware and the store of a job share the job's key, and nobody else knows it. So a store can tell a requested
result from an invented one, and a restarted middleware recognizes the leases that it lent before.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Protocol

import msgpack

from moviola.wire.schema import Lease

KEY_SIZE: Final = 32
"""Bytes of a job's key, as many as a SHA-256 digest has."""

BLOCK_SIZE: Final = 64
"""Bytes of a block of SHA-256."""

_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))

_pack = msgpack.Packer(use_bin_type=True).pack


class LeaseTags:
    """Makes the tags of one job's leases.

    A tag is made for each task. So the part of an HMAC that depends on the key alone is computed once, as RFC 2104
    describes in its section 4. The module hmac, which copies that part in Python code, takes twice as long.

    Args:
        key: the job's key, KEY_SIZE bytes; only the middleware and the job's store have it.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(BLOCK_SIZE, b"\0")
        self._inner, self._outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def make(
        self,
        job: str,
        owner_epoch: int,
        track: int,
        index: int,
        lease: Lease,
        instance: str,
        mode: str,
        stage: Sequence[int],
        build: str,
    ) -> bytes:
        """Return HMAC-SHA-256 over the msgpack array of these values, in this order.

        Args:
            job: the job's id.
            owner_epoch: as in Task.
            track: the output's number.
            index: the chunk's index.
            lease: the lease.
            instance: the token that the worker shows to the job's store (see moviola/wire/tokens.py); "" if it has
                none.
            mode: as in Task.
            stage: as in Task; empty for a whole chain.
            build: the fingerprint that the result must have.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(_pack((job, owner_epoch, track, index, *lease, instance, mode, stage, build)))
        outer.update(inner.digest())
        return outer.digest()


class Lent(Protocol):
    """A message or record that shows a tag: a Task, a HeldLease or a Result."""

    @property
    def lease(self) -> Lease:
        """Return the lease."""
        ...

    @property
    def job(self) -> str:
        """Return the job's id."""
        ...

    @property
    def track(self) -> int:
        """Return the output's number."""
        ...

    @property
    def index(self) -> int:
        """Return the chunk's index."""
        ...

    @property
    def owner_epoch(self) -> int:
        """Return the owner epoch of the job at its store."""
        ...

    @property
    def mode(self) -> str:
        """Return the task's mode."""
        ...

    @property
    def stage(self) -> list[int]:
        """Return the steps of the chain that are this worker's; empty for all."""
        ...

    @property
    def build(self) -> str:
        """Return the builds under which the steps run."""
        ...

    @property
    def tag(self) -> bytes:
        """Return the tag that is shown."""
        ...


def tag_of(lent: Lent, key: bytes, instance: str) -> bytes:
    """Return the tag that a lease must show if it was lent to this worker for this task.

    Args:
        lent: the message or record that describes the lease; its own tag is ignored.
        key: the job's key.
        instance: the token that the worker shows to the job's store; "" if it has none.
    """
    told = (lent.job, lent.owner_epoch, lent.track, lent.index, lent.lease)
    return LeaseTags(key).make(*told, instance, lent.mode, lent.stage, lent.build)


def is_lent(lent: Lent, key: bytes, instance: str) -> bool:
    """Return True if a lease shows the right tag. Args as for `tag_of`; the comparison takes constant time."""
    return is_lease_tag(lent.tag, tag_of(lent, key, instance))


def is_lease_tag(tag: bytes, made: bytes) -> bool:
    """Return True if a tag that was shown is the one that was made. The comparison takes constant time."""
    return hmac.compare_digest(tag, made)
