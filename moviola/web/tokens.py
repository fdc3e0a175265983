"""Bearer tokens: how they are made, what is kept of them, and whether one is right.

A token is `mv_ID_SECRET`. The id finds the user without a look at the secret, so that a try costs one scrypt at the
most. Only a salted scrypt digest of the secret is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import Name

PREFIX: Final = "mv"
"""What every token begins with, so that tools that look for leaked secrets can find one."""

ID_SIZE: Final = 8
"""Random bytes of a token's id: two of ten thousand users share one once in 10^11 files, and that is looked for."""

SECRET_SIZE: Final = 32
"""Random bytes of a token's secret, as many as a SHA-256 digest has."""

SALT_SIZE: Final = 16
"""Random bytes of a salt: NIST SP 800-132, 5.1, asks for 128 bits."""

DIGEST_SIZE: Final = 32

SCRYPT_N: Final = 2**14
SCRYPT_R: Final = 8
SCRYPT_P: Final = 5
"""Cost of scrypt (RFC 7914): of the equivalent settings in OWASP's Password Storage Cheat Sheet the one that takes
16 MiB, so that tries do not show in the gateway's memory."""

MAX_SCRYPT_N: Final = 2**17
MAX_SCRYPT_R: Final = 8
MAX_SCRYPT_P: Final = 16
"""The dearest settings that are accepted from a users file: 128 MiB a try."""

MAX_TOKEN: Final = 256
"""Characters of an Authorization header's token that are looked at; ours have 63."""

_TOKEN: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * ID_SIZE}}})_([A-Za-z0-9_-]{{43}})")


@record
class TokenHash(Mapped):
    """What is kept of a token.

    Attributes:
        id: the part of the token that names it.
        salt: of the digest, in hex.
        digest: scrypt of the token's secret, in hex.
        n: scrypt's cost in processor time and memory.
        r: scrypt's block size.
        p: scrypt's parallelization.
    """

    id: Name
    salt: Name
    digest: Name
    n: int
    r: int
    p: int

    def contradiction(self) -> str:
        """Return what is wrong with the settings; empty where nothing is."""
        if not re.fullmatch(rf"[0-9a-f]{{{2 * ID_SIZE}}}", self.id):
            return f"id: {2 * ID_SIZE} hex digits, not {self.id!r}"
        for name, size in (("salt", SALT_SIZE), ("digest", DIGEST_SIZE)):
            if not re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", getattr(self, name)):
                return f"{name}: {2 * size} hex digits"
        if self.n < 2 or self.n > MAX_SCRYPT_N or self.n & (self.n - 1):
            return f"n: a power of 2 up to {MAX_SCRYPT_N}, not {self.n}"
        if not 1 <= self.r <= MAX_SCRYPT_R:
            return f"r: 1 to {MAX_SCRYPT_R}, not {self.r}"
        if not 1 <= self.p <= MAX_SCRYPT_P:
            return f"p: 1 to {MAX_SCRYPT_P}, not {self.p}"
        return ""

    def matches(self, secret: str) -> bool:
        """Return whether a token's secret is the one that this was made of. Takes some tenths of a second of one core,
        in which other threads run."""
        digest = _scrypt(secret, bytes.fromhex(self.salt), self.n, self.r, self.p)
        return hmac.compare_digest(digest, bytes.fromhex(self.digest))


def new_token() -> tuple[str, TokenHash]:
    """Return a new token, and what to keep of it."""
    token_id, secret = secrets.token_hex(ID_SIZE), secrets.token_urlsafe(SECRET_SIZE)
    salt = secrets.token_bytes(SALT_SIZE)
    digest = _scrypt(secret, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    return f"{PREFIX}_{token_id}_{secret}", TokenHash(token_id, salt.hex(), digest.hex(), SCRYPT_N, SCRYPT_R, SCRYPT_P)


def parts_of(token: str) -> tuple[str, str] | None:
    """Return a token's id and secret; None for a text that is no token."""
    found = _TOKEN.fullmatch(token) if len(token) <= MAX_TOKEN else None
    return None if found is None else (found[1], found[2])


def _scrypt(secret: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    memory = 128 * r * (n + p + 2)  # RFC 7914, 2: V and B, and two blocks to work in
    return hashlib.scrypt(secret.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * memory, dklen=DIGEST_SIZE)
