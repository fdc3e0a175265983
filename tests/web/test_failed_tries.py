"""The limit of wrong tokens: some at once, then one now and then, for each address by itself."""

from __future__ import annotations

import pytest

from moviola.web import failed_tries
from moviola.web.failed_tries import TRIES, TRY_EVERY_S, FailedTries


def test_after_some_tries_the_next_must_wait_and_then_may() -> None:
    tries = FailedTries()
    assert [tries.take("10.0.0.1", 5.0) for _ in range(TRIES)] == [0] * TRIES
    assert tries.take("10.0.0.1", 5.0) == TRY_EVERY_S
    assert tries.take("10.0.0.1", 5.0 + TRY_EVERY_S / 2) == TRY_EVERY_S / 2
    assert tries.take("10.0.0.1", 5.0 + TRY_EVERY_S) == 0
    assert tries.take("10.0.0.1", 5.0 + TRY_EVERY_S) > 0


def test_one_address_does_not_shut_another_out_but_a_network_of_ipv6_is_one() -> None:
    tries = FailedTries()
    for number in range(TRIES):
        tries.take("10.0.0.1", 0.0)
        tries.take(f"2001:db8::{number}", 0.0)
    assert tries.take("10.0.0.1", 0.0) > 0
    assert tries.take("::ffff:10.0.0.1", 0.0) > 0
    assert tries.take("10.0.0.2", 0.0) == 0
    assert tries.take("2001:db8::ffff", 0.0) > 0
    assert tries.take("2001:db8:0:1::1", 0.0) == 0
    assert tries.take("a-socket", 0.0) == 0


def test_a_right_token_costs_no_try() -> None:
    tries = FailedTries()
    for _ in range(10 * TRIES):
        assert tries.take("10.0.0.1", 0.0) == 0
        tries.give_back("10.0.0.1", 0.0)


def test_no_more_addresses_are_remembered_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_tries, "MAX_ADDRESSES", 3)
    tries = FailedTries()
    for number in range(10):
        tries.take(f"10.0.0.{number}", 0.0)
    assert len(tries._left) == 3
