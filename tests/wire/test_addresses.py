"""Addresses: what is whose loopback, and what is none."""

from __future__ import annotations

import pytest

from moviola.wire.addresses import Address, reachable

TOLD = [Address("127.0.0.1", 5001), Address("::1", 5001), Address("10.0.0.7", 5001), Address("host.example", 5001)]


def test_what_is_on_the_middlewares_loopback_is_on_its_machine() -> None:
    there = Address("cluster.example", 5001)
    assert reachable(TOLD, "cluster.example") == [there, there, *TOLD[2:]]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.1.1", "::1"])
def test_on_the_middlewares_machine_its_loopback_is_ours(host: str) -> None:
    assert reachable(TOLD, host) == TOLD
