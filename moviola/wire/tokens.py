"""Tokens: secrets that tell a peer from any other that uses the same name.

A worker's parent process makes one when it starts, and its children show it: the token itself to the middleware, and
what `for_store` makes of it to each store, so that no store can pretend to be the worker. An aggregator makes one when
its store is made. A token is never published or written into a log.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(16)


def for_store(token: str, store: str) -> str:
    """Return what a worker shows to a store instead of its token, which cannot be computed from it.

    Args:
        token: the worker's token.
        store: the store's id.
    """
    return hmac.new(token.encode(), store.encode(), hashlib.sha256).hexdigest()


def digest_of(token: str) -> bytes:
    """Return the SHA-256 digest of a token, by which a program can recognize the token without keeping it."""
    return hashlib.sha256(token.encode()).digest()


def is_same(token: str, other: str) -> bool:
    """Return True if two peers with these tokens are the same. Peers without a token are all different."""
    return bool(token) and hmac.compare_digest(token.encode(), other.encode())
