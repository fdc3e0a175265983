"""The users file of a gateway: who may use it, as what, and the hash of each one's token.

It is one JSON document that only its owner can read. Each change writes a new file beside it and renames that into
place, so that a reader always finds a whole one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final, Self

from moviola.base.files import followed, lies_at, written_aside
from moviola.base.invocation import typed
from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.suggestions import did_you_mean
from moviola.base.texts import MAX_NAME, Name
from moviola.web.tokens import TokenHash, new_token

FORMAT: Final = 1
"""Rises when a field of the file changes its meaning."""

MAX_USERS: Final = 10_000
"""Users of one gateway: a file of 3 MB, which is read in some tenths of a second."""

MAX_SIZE: Final = 16 << 20
"""Bytes of a users file: one with MAX_USERS of the longest names has half of it."""

OTHERS: Final = 0o077
"""The mode bits of everybody but a file's owner."""


class Role(StrEnum):
    """What a user may see and control."""

    USER = "user"  # their own jobs
    ADMIN = "admin"  # everybody's


@record
class Account(Mapped):
    """Somebody who may use the gateway.

    Attributes:
        name: whose jobs theirs are in the cluster.
        role: what they may see.
        token: the hash of their token.
        added_unix_s (s): when they were added, since 1970.
    """

    name: Name
    role: Role
    token: TokenHash
    added_unix_s: int = 0

    def contradiction(self) -> str:
        """Return what is wrong with the name; empty where nothing is."""
        return "" if is_name(self.name) else f"name: 1 to {MAX_NAME} characters that can be printed, not {self.name!r}"


@record
class UsersDocument(Mapped):
    """What a users file holds.

    Attributes:
        format: FORMAT.
        users: in the order in which they were added.
    """

    format: int
    users: list[Account]


class UsersFileError(Exception):
    """A users file cannot be used; the text is one sentence that names the file, the reason and the way out."""


class UserRefused(Exception):
    """A user cannot be added or removed; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Users:
    """The users of a file, by name, and which of them has a token.

    Attributes:
        by_name: in the order in which they were added.
        by_token: by the ids of their tokens.
    """

    by_name: Mapping[str, Account] = field(default_factory=lambda: MappingProxyType({}))
    by_token: Mapping[str, Account] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, users: list[Account]) -> Self:
        """Return users by name and by token. Raises ValueError where two share one."""
        by_name = {user.name: user for user in users}
        by_token = {user.token.id: user for user in users}
        if len(by_name) < len(users):
            raise ValueError("two users have the same name")
        if len(by_token) < len(users):
            raise ValueError("two users have the same token id")
        return cls(MappingProxyType(by_name), MappingProxyType(by_token))


def is_name(text: str) -> bool:
    """Return whether a text can be a user's name in the cluster."""
    return 0 < len(text) <= MAX_NAME and text.isprintable()


def read_users(path: Path) -> Users:
    """Return the users of a file. Raises UsersFileError."""
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise _unreadable(path, error) from error


def add_user(path: Path, name: str, role: Role, now_unix_s: float) -> str:
    """Add a user to a file, which is made where there is none, and return their new token: nothing keeps it.

    Raises:
        UsersFileError: the file cannot be used.
        UserRefused: there is a user of that name already, or the name cannot be one.
    """
    if not is_name(name):
        raise UserRefused(f"a user's name has 1 to {MAX_NAME} characters that can be printed, and {name!r} does not")
    with _changed(path) as users:
        if name in users:
            raise UserRefused(f"there is a user {name!r} in {path} already; remove them first to give a new token")
        if len(users) >= MAX_USERS:
            raise UserRefused(f"{path} has {len(users)} users, and that is the limit; remove some first")
        token, kept = new_token()
        while any(user.token.id == kept.id for user in users.values()):
            token, kept = new_token()
        users[name] = Account(name, role, kept, int(now_unix_s))
    return token


def remove_user(path: Path, name: str) -> Account:
    """Remove a user from a file; their token opens nothing any more. Return who that was.

    Raises:
        UsersFileError: the file cannot be used, or there is none.
        UserRefused: there is no user of that name.
    """
    if not os.path.exists(path):
        raise UsersFileError(f"there is no users file {path}; name the right one with --users")
    with _changed(path) as users:
        if name not in users:
            known = did_you_mean(name, users) or "; 'list' shows who there is"
            raise UserRefused(f"there is no user {name!r} in {path}{known}")
        return users.pop(name)


def state_of(path: Path) -> tuple[int, int, int, int]:
    """Return values of which one changes whenever the file does: its inode, its size in bytes, and when its content and
    its inode were changed (ns). Raises OSError."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@contextmanager
def _changed(path: Path) -> Iterator[dict[str, Account]]:
    """Yield the users of a file by name, to be changed by the block, and write them back after it. Only one process at
    a time is in such a block. If the block raises, the file stays as it was; one that was made here is removed. Raises
    UsersFileError."""
    path = followed(path)
    is_new = not os.path.exists(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as file:
            users = dict(_read(path, file).by_name) if os.fstat(file.fileno()).st_size else {}
            is_empty = not users
            try:
                yield users
                _write(path, users)
            except BaseException:
                if is_new and is_empty:
                    path.unlink(missing_ok=True)  # the empty one that was made to be locked
                raise
    except OSError as error:
        raise _unreadable(path, error, "written") from error


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Yield the file at a path, locked against other processes that call this; make an empty one if there is none."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if lies_at(file, path):  # nobody has put another in its place while this one was waited for
                yield file
                return


def _read(path: Path, file: IO[bytes]) -> Users:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise UsersFileError(f"the users file {path} is not a regular file; name another with --users")
    if found.st_mode & OTHERS:
        raise UsersFileError(f"the users file {path} can be read by others; make it yours alone: chmod 600 {path}")
    if found.st_size > MAX_SIZE:
        raise UsersFileError(f"the users file {path} has {found.st_size} bytes, and {MAX_SIZE} is the limit")
    try:
        document = UsersDocument.from_wire(json.loads(file.read(MAX_SIZE)))
        if document.format != FORMAT:
            raise ValueError(f"its format is {document.format}, and this version reads {FORMAT}")
        return Users.of(document.users)
    except (ValueError, RecursionError) as error:
        is_json = not isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, RecursionError))
        reason = str(error) if is_json else "it is not JSON"
        hint = "mend it, or move it away and add the users anew"
        raise UsersFileError(f"the users file {path} cannot be read: {reason}; {hint}") from error


def _write(path: Path, users: Mapping[str, Account]) -> None:
    document = UsersDocument(FORMAT, list(users.values())).to_wire()
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    with written_aside(path) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def _unreadable(path: Path, error: OSError, verb: str = "read") -> UsersFileError:
    if isinstance(error, FileNotFoundError) and verb == "read":
        add = f"{typed('web')} user add NAME --users {shlex.quote(str(path))}"
        return UsersFileError(f"there is no users file {path}; make one with: {add}")
    return UsersFileError(f"the users file {path} cannot be {verb}: {error.strerror}")
