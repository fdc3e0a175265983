"""The address, secret and user for a cluster, and the error for arguments that cannot be used."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field

from moviola.base.invocation import typed
from moviola.base.texts import MAX_NAME, encodable
from moviola.wire import options as shared
from moviola.wire.addresses import Address
from moviola.wire.messages import VERSIONS, Hello


@dataclass(frozen=True, slots=True)
class Target:
    """The middleware to speak to, with which family of addresses, the cluster's secret, and for which user."""

    address: Address
    family: socket.AddressFamily = socket.AF_UNSPEC
    secret: bytes = b""
    user: str = field(default_factory=shared.system_user)


class UsageError(Exception):
    """Something on the command line cannot be; the text is one sentence for the person who wrote it."""


def nobody_answers(where: object, reason: str) -> str:
    """Return a sentence about a middleware that no connection could be made to, with what to do.

    Args:
        where: the address.
        reason: why, in words.
    """
    way_out = f"start one with {typed('up')}, or name another with --host and --port"
    return f"No middleware answers at {where} ({reason}); {way_out}"


def as_sentence(text: str) -> str:
    """With a full stop where there is no end yet."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def hello(user: str, session: str = "") -> Hello:
    """Return who we are: `user@host`, and a session, by default one that nobody had before."""
    name = encodable(f"{user}@{socket.gethostname()}")[:MAX_NAME]
    return Hello(role="client", name=name, session=session or secrets.token_hex(16), versions=list(VERSIONS), user=user)
