"""The access of a gateway with a users file: who asks is told by a bearer token (RFC 6750), or by the cookie of a
browser that logged in with one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.requests import HTTPConnection

from moviola.web.access import SAFE, User, is_of_own_page, other_site
from moviola.web.failed_tries import FailedTries
from moviola.web.problems import Problem
from moviola.web.sessions import Sessions
from moviola.web.tokens import parts_of
from moviola.web.users import Account, Role, Users, UsersFileError, read_users, state_of

log = logging.getLogger("web")

MAX_VERIFIED: Final = 1024
"""Tokens that are known to be right, those that were used last: each saves its requests a scrypt; 200 KB."""

MAX_VERIFYING: Final = 32
"""Tokens that are being verified or wait for it: the last one waits for some seconds. More are told to come again."""

VERIFIED_AT_ONCE: Final = 1
"""Each takes one core and 16 MiB; the gateway's other requests want the other cores."""

CHALLENGE: Final = 'Bearer realm="moviola"'


class TokenAccess:
    """Finds the user of a request by its token, or by its session cookie. The users file is read again when it has
    changed; while it cannot be read, every request is refused.

    Args:
        path: of the users file.
        clock: the time in seconds, for the limit of failed tries.
        sessions: makes cookies and reads them; by default some that hold at this gateway alone.

    Raises:
        UsersFileError: the file cannot be used.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.monotonic, sessions: Sessions | None = None
    ) -> None:
        self._path, self._clock = path, clock
        self._sessions = sessions or Sessions()
        self._users, self._state = _read(path)
        self._key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, str] = OrderedDict()  # token ids by the keyed digest of the whole token
        self._tries = FailedTries()
        self._reading, self._verifying = asyncio.Lock(), asyncio.Semaphore(VERIFIED_AT_ONCE)
        self._waiting = 0

    @property
    def cookie(self) -> str:
        """The name of the cookie of those who have logged in."""
        return self._sessions.cookie

    async def identify(self, connection: HTTPConnection) -> User:
        """Return who asks. Raises Problem: 401 for no token or a wrong one, and for a session that is over; 429 after
        too many wrong tokens; 503 where the users file cannot be read or too many tokens are being verified; 403 where
        a page of another site uses somebody's cookie."""
        given = connection.headers.get("authorization", "")
        if not given and (value := connection.cookies.get(self.cookie)):
            return await self._of_session(connection, value)
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            raise _unknown(
                "This gateway asks for a token, in the header 'Authorization: Bearer TOKEN'; an admin gives one"
            )
        return _user(await self._account_of(connection, token.strip()))

    async def log_in(self, connection: HTTPConnection, token: str) -> tuple[User, str]:
        """Return whose a token is, and the value of a cookie that stands for it. Raises Problem as `identify`."""
        account = await self._account_of(connection, token.strip())
        return _user(account), self._sessions.begin(account)

    async def _of_session(self, connection: HTTPConnection, value: str) -> User:
        account = self._sessions.account_of(value, await self._current())
        if account is None:
            raise _unknown("Your session is over; log in again", "session-over")
        if connection.scope["method"] not in SAFE and not is_of_own_page(connection):
            raise other_site()  # a browser adds the cookie, whoever's page it is that asks
        return _user(account)

    async def _account_of(self, connection: HTTPConnection, token: str) -> Account:
        """Return whose a token is. Raises Problem."""
        users = await self._current()
        parts = parts_of(token)
        if parts is None:
            raise _wrong()
        digest, (token_id, secret) = self._digest(token), parts
        account = users.by_token.get(token_id)
        if account is not None and self._verified.get(digest) == token_id:
            self._verified.move_to_end(digest)
            return account
        address = connection.client.host if connection.client else ""
        if wait_s := self._tries.take(address, self._clock()):
            raise Problem(
                429, f"Too many wrong tokens came from here; try again in {wait_s} s", "too-many-tries", _after(wait_s)
            )
        if account is None or not await self._matches(account, secret, address):
            raise _wrong()
        self._tries.give_back(address, self._clock())
        if users is self._users:  # the file has not changed meanwhile
            self._remember(digest, token_id)
        return account

    async def _matches(self, account: Account, secret: str, address: str) -> bool:
        if self._waiting >= MAX_VERIFYING:
            self._tries.give_back(address, self._clock())
            raise Problem(503, "Many tokens are being verified just now; try again in a moment", "busy", _after(1))
        self._waiting += 1
        try:
            async with self._verifying:
                return await asyncio.to_thread(account.token.matches, secret)
        finally:
            self._waiting -= 1

    async def _current(self) -> Users:
        """Return the users, read again if their file has changed. Raises Problem where it cannot be read."""
        try:
            if state_of(self._path) != self._state:
                await self._read_again()
        except (OSError, UsersFileError) as error:
            log.error("all requests are refused: %s", error)
            raise Problem(503, "The users of this gateway cannot be read now; its log says why", "no-users") from error
        return self._users

    async def _read_again(self) -> None:
        async with self._reading:
            if state_of(self._path) == self._state:
                return  # whoever had the lock before has read it
            users, self._state = await asyncio.to_thread(_read, self._path)
            if users != self._users:
                log.info("the users file has changed: %d users", len(users.by_name))
            self._users = users
            self._verified.clear()  # a token may have another hash now

    def _digest(self, token: str) -> bytes:
        return hashlib.blake2b(token.encode(), key=self._key, digest_size=32).digest()

    def _remember(self, digest: bytes, token_id: str) -> None:
        self._verified[digest] = token_id
        if len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)


def _read(path: Path) -> tuple[Users, tuple[int, int, int, int]]:
    """Return the users of a file and its state before it was read: what changes meanwhile is read the next time."""
    try:
        state = state_of(path)
    except OSError:
        return read_users(path), (0, 0, 0, 0)  # raises with a sentence
    return read_users(path), state


def _user(account: Account) -> User:
    return User(account.name, is_admin=account.role is Role.ADMIN)


def _unknown(detail: str, code: str = "no-token") -> Problem:
    return Problem(401, detail, code, {"WWW-Authenticate": CHALLENGE})


def _wrong() -> Problem:
    headers = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
    return Problem(
        401, "This token is not known here, or not any more; an admin gives a new one", "wrong-token", headers
    )


def _after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
