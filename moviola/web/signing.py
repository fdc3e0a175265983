"""The signature of a webhook, by which its receiver knows that this gateway sent it, and when.

It is that of the Standard Webhooks specification (https://www.standardwebhooks.com), which libraries of many languages
check: HMAC-SHA256 over `ID.TIMESTAMP.BODY`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

KEY_PREFIX: Final = "whsec_"
"""Before the base64 of a key, so that nobody takes it for another secret."""

MIN_KEY, MAX_KEY = 24, 64
"""Bytes of a key, by the specification."""

HOW_TO_MAKE: Final = f"""(umask 077; echo "{KEY_PREFIX}$(head -c 32 /dev/urandom | base64)" > FILE)"""
"""A line of shell that makes a key."""


def key_of(text: bytes) -> bytes:
    """Return the key that a secret's text stands for. Raises ValueError, with how to make one."""
    try:
        prefix, encoded = text[: len(KEY_PREFIX)].decode(), text[len(KEY_PREFIX) :]
        key = base64.b64decode(encoded, validate=True)
    except (UnicodeDecodeError, binascii.Error):
        prefix, key = "", b""
    if prefix != KEY_PREFIX or not MIN_KEY <= len(key) <= MAX_KEY:
        raise ValueError(
            f"it is {KEY_PREFIX} and the base64 of {MIN_KEY} to {MAX_KEY} random bytes; make one with: {HOW_TO_MAKE}"
        )
    return key


def headers_of(key: bytes, delivery_id: str, unix_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that name and sign a delivery.

    Args:
        unix_s: when it is sent, in seconds since 1970: a receiver refuses what is old, so that nobody sends it again.
    """
    signed = f"{delivery_id}.{unix_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(unix_s),
        "webhook-signature": f"v1,{signature}",
    }
