"""Tokens: secrets that tell a peer from any other that uses its name.

A worker's parent makes one for its life, and its children show it: to the middleware the token itself, to each store
what `for_store` makes of it, so that no store can pass for the worker anywhere else. An aggregator makes one for the
life of its store. Nobody publishes a token or writes one into a log.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_hex(16)


def for_store(token: str, store: str) -> str:
    """Return what a worker with this token shows to a store; the token cannot be found from it."""
    return hmac.new(token.encode(), store.encode(), hashlib.sha256).hexdigest()


def digest_of(token: str) -> bytes:
    """Return the digest of a token, for those who must recognize it later and need not know it."""
    return hashlib.sha256(token.encode()).digest()


def is_same(token: str, other: str) -> bool:
    """Return True if two peers with these tokens are one. Peers without a token are all different."""
    return bool(token) and hmac.compare_digest(token.encode(), other.encode())
