"""A tag is of one lease, for one worker, and for just what it was lent for."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.mapped import MAX_INT
from moviola.wire.lease_tags import KEY_SIZE, is_lent, tag_of
from moviola.wire.messages import HeldLease
from moviola.wire.schema import Lease

INTEGERS = st.integers(0, MAX_INT)
TEXTS = st.text(max_size=20)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "lease": st.builds(Lease, INTEGERS, INTEGERS),
    "job": TEXTS,
    "track": INTEGERS,
    "index": INTEGERS,
    "owner_epoch": INTEGERS,
    "mode": TEXTS,
    "stage": st.lists(INTEGERS, max_size=2),
    "build": TEXTS,
}
LENT = st.builds(HeldLease, phase=st.just("computing"), tag=st.just(b""), **FIELDS)
KEYS = st.binary(min_size=KEY_SIZE, max_size=KEY_SIZE)


@given(LENT, LENT, KEYS, KEYS, TEXTS, TEXTS)
def test_a_tag_fits_what_it_was_made_for_and_nothing_else(
    lent: HeldLease, other: HeldLease, key: bytes, other_key: bytes, worker: str, other_worker: str
) -> None:
    shown = replace(lent, tag=tag_of(lent, key, worker))
    assert is_lent(shown, key, worker)
    assert is_lent(shown, other_key, worker) == (key == other_key)
    assert is_lent(shown, key, other_worker) == (worker == other_worker)
    for name in FIELDS:  # each by itself, so that none is left out and none runs into its neighbour
        changed = replace(shown, **{name: getattr(other, name)})
        assert is_lent(changed, key, worker) == (getattr(lent, name) == getattr(other, name)), name


@given(LENT, KEYS, TEXTS, st.binary(max_size=64))
def test_no_other_bytes_are_a_tag(lent: HeldLease, key: bytes, worker: str, made_up: bytes) -> None:
    assert is_lent(replace(lent, tag=made_up), key, worker) == (made_up == tag_of(lent, key, worker))


@given(LENT, KEYS, TEXTS)
def test_a_tag_is_an_hmac(lent: HeldLease, key: bytes, worker: str) -> None:
    told = [lent.job, lent.owner_epoch, lent.track, lent.index, *lent.lease, worker, lent.mode, lent.stage, lent.build]
    assert tag_of(lent, key, worker) == hmac.digest(key, msgpack.packb(told), "sha256")


def test_a_tag_is_what_the_protocol_says() -> None:
    """For those who write a middleware or an aggregator in another language."""
    lent = HeldLease(Lease(1, 2), "clip-1", 0, 3, 1, "computing", "filter", [0, 2], "av18")
    assert (
        tag_of(lent, b"k" * KEY_SIZE, "token").hex()
        == "523016a8364ecee7d2efbb8729047fd37449aab4fe05ea67306a51f0f759923d"
    )
