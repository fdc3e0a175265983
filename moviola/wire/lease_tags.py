"""A lease's tag: the proof that the middleware lent it, to whom, and for what.

The middleware and the store of a job share the job's key, and nobody else knows it. So a store can tell a result that
was asked for from one that was made up, and a middleware that was restarted knows the leases it lent before.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final, Protocol

import msgpack

from moviola.wire.schema import Lease

KEY_SIZE: Final = 32
"""Bytes of a job's key: as many as SHA-256 gives."""

_pack = msgpack.Packer(use_bin_type=True).pack


class LeaseTags:
    """Makes the tags of one job's leases: the key is taken in once.

    Args:
        key: of the job; only the middleware and the job's store have it.
    """

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod="sha256")

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
            instance: the token that the worker shows to the job's store (see moviola/wire/tokens.py); "" if it has
            none. stage: as in Task; empty for a whole chain.
            build: the fingerprint of what the lease must bring.
        """
        keyed = self._keyed.copy()
        keyed.update(_pack((job, owner_epoch, track, index, *lease, instance, mode, stage, build)))
        return keyed.digest()


class Lent(Protocol):
    """What shows a tag: a Task, a HeldLease or a Result."""

    @property
    def lease(self) -> Lease: ...
    @property
    def job(self) -> str: ...
    @property
    def track(self) -> int: ...
    @property
    def index(self) -> int: ...
    @property
    def owner_epoch(self) -> int: ...
    @property
    def mode(self) -> str: ...
    @property
    def stage(self) -> list[int]: ...
    @property
    def build(self) -> str: ...
    @property
    def tag(self) -> bytes: ...


def tag_of(lent: Lent, key: bytes, instance: str) -> bytes:
    """Return the tag that a lease has, if it was lent to this worker for what is said of it."""
    told = (lent.job, lent.owner_epoch, lent.track, lent.index, lent.lease)
    return LeaseTags(key).make(*told, instance, lent.mode, lent.stage, lent.build)


def is_lent(lent: Lent, key: bytes, instance: str) -> bool:
    """Return whether the tag that is shown is the one which the lease has; compared in constant time."""
    return is_lease_tag(lent.tag, tag_of(lent, key, instance))


def is_lease_tag(tag: bytes, made: bytes) -> bool:
    """Return whether a tag that was shown is the one that was made; compared in constant time."""
    return hmac.compare_digest(tag, made)
