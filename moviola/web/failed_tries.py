"""How often somebody may give a wrong token before they must wait."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from typing import Final

TRIES: Final = 10
"""Wrong tokens in a row that one address may give without waiting: enough for a script that has an old token."""

TRY_EVERY_S: Final = 6.0
"""After TRIES wrong tokens an address may give one more in each period of so many seconds. A token has 256 random bits,
which nobody guesses; what is limited is the processor time that tries cost."""

MAX_ADDRESSES: Final = 4096
"""Addresses that are remembered, those that tried last: 1 MB."""

IPV6_NETWORK: Final = 64
"""Bits of an IPv6 address that name a network (RFC 4291, 2.5.1). A machine in it can take any of its addresses, so they
are counted together."""


class FailedTries:
    """Limits failed tries of each address by a token bucket: each try takes one of TRIES, and one comes back every
    TRY_EVERY_S seconds."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tries, and when there were so many

    def take(self, address: str, now: float) -> int:
        """Count a try. Return 0 if it may be made, or else in how many whole seconds the next one may."""
        key = _network(address)
        left = self._now(key, now)
        if left < 1.0:
            return max(1, math.ceil((1.0 - left) * TRY_EVERY_S))
        self._set(key, left - 1.0, now)
        return 0

    def give_back(self, address: str, now: float) -> None:
        """Take the count of a try back, because its token was right or was not verified."""
        key = _network(address)
        self._set(key, self._now(key, now) + 1.0, now)

    def _now(self, key: str, now: float) -> float:
        left, at = self._left.get(key, (float(TRIES), now))
        return min(float(TRIES), left + max(0.0, now - at) / TRY_EVERY_S)

    def _set(self, key: str, left: float, now: float) -> None:
        if left >= TRIES:
            self._left.pop(key, None)
            return
        self._left[key] = (left, now)
        self._left.move_to_end(key)
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)


def _network(address: str) -> str:
    """Return the key under which an address is counted: an IPv4 address itself, an IPv6 address's network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.ipv4_mapped is not None:
        return str(found.ipv4_mapped if found.version == 6 else found)
    return str(ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
