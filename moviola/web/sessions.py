"""Sessions of browsers: the value of the cookie that stands for somebody who has logged in.

A value names the account's token and an end, and has a MAC over both, so that nothing is kept of a session. The key
is made of the cluster's secret: a session holds at every gateway of the cluster that has the account in its users file,
also after a restart. It ends with its time, or with the account's token.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from moviola.web.tokens import ID_SIZE
from moviola.web.users import Account, Users

SESSION_S: Final = 7 * 86_400
"""How long a session lasts, in seconds: a week of work without another login."""

LABEL: Final = b"moviola web sessions 1"
"""Makes the key differ from all other keys that are derived from the cluster's secret."""

MAC_SIZE: Final = 32
"""Bytes of HMAC-SHA256."""

_VALUE: Final = re.compile(rf"([0-9a-f]{{{2 * ID_SIZE}}})\.([0-9]{{1,12}})\.([0-9a-f]{{{2 * MAC_SIZE}}})")


class Sessions:
    """Makes the values of session cookies, and finds the account that one stands for.

    Args:
        secret: the cluster's. Without one, sessions end with this process and hold at no other gateway.
        clock: the time in seconds since 1970.

    Attributes:
        cookie: the cookie's name. Gateways of several clusters at one host have different ones, for a browser sends a
            host's cookies to all of its ports.
    """

    def __init__(self, secret: bytes = b"", clock: Callable[[], float] = time.time) -> None:  # noqa: TID251 - a cookie's end is told by the time of day
        self._key = hmac.digest(secret or secrets.token_bytes(MAC_SIZE), LABEL, "sha256")
        self._clock = clock
        self.cookie = f"moviola-{hmac.digest(self._key, b'name', 'sha256').hex()[:8]}"

    def begin(self, account: Account) -> str:
        """Return the value of a session that begins now."""
        end = str(int(self._clock()) + SESSION_S)
        return f"{account.token.id}.{end}.{self._mac(account, end)}"

    def account_of(self, value: str, users: Users) -> Account | None:
        """Return the account of a session; None if the value is not valid, the session is over, or the account has
        another token now."""
        found = _VALUE.fullmatch(value)
        account = None if found is None else users.by_token.get(found[1])
        if found is None or account is None or not hmac.compare_digest(self._mac(account, found[2]), found[3]):
            return None
        return account if int(found[2]) > self._clock() else None

    def _mac(self, account: Account, end: str) -> str:
        token = account.token
        said = f"{token.id}.{token.salt}.{token.digest}.{end}"
        return hmac.digest(self._key, said.encode(), "sha256").hex()
