"""Bearer tokens: only the right one matches, and nothing that is kept gives it away."""

from __future__ import annotations

import hashlib
import re

import pytest

from moviola.base.mapped import Malformed
from moviola.web.tokens import SCRYPT_N, SCRYPT_P, SCRYPT_R, TokenHash, new_token, parts_of


def test_a_token_matches_what_is_kept_of_it_and_no_other_does() -> None:
    token, kept = new_token()
    token_id, secret = parts_of(token) or ("", "")
    assert token_id == kept.id
    assert kept.matches(secret)
    assert not kept.matches(secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert (kept.n, kept.r, kept.p) == (SCRYPT_N, SCRYPT_R, SCRYPT_P)
    assert secret not in str(kept.to_wire())


def test_the_digest_is_plain_scrypt(cheap_scrypt: None) -> None:
    token, kept = new_token()
    _, secret = parts_of(token) or ("", "")
    expected = hashlib.scrypt(secret.encode(), salt=bytes.fromhex(kept.salt), n=kept.n, r=kept.r, p=kept.p, dklen=32)
    assert bytes.fromhex(kept.digest) == expected


def test_no_two_tokens_share_anything(cheap_scrypt: None) -> None:
    made = [new_token() for _ in range(20)]
    for field in ("id", "salt", "digest"):
        assert len({getattr(kept, field) for _, kept in made}) == 20
    assert len({token for token, _ in made}) == 20


@pytest.mark.parametrize(
    "text", ["", "mv", "mv__", "mv_0123456789abcdef_", "mv_0123456789ABCDEF_" + "a" * 43,
             "mv_0123456789abcdef_" + "é" * 43,
             "mv_0123456789abcdef_" + "a" * 44, "mv_0123456789abcdef_" + "a" * 43 + "\n", "a" * 100_000]
)  # fmt: skip
def test_what_is_no_token_has_no_parts(text: str) -> None:
    assert parts_of(text) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "x"),
        ("salt", "00"),
        ("digest", "zz" * 32),
        ("n", 3),
        ("n", 1),
        ("n", 2**30),
        ("r", 0),
        ("r", 999),
        ("p", 17),
    ],
)
def test_settings_that_would_cost_too_much_or_nothing_are_refused(
    field: str, value: object, cheap_scrypt: None
) -> None:
    _, kept = new_token()
    with pytest.raises(Malformed, match=re.escape(f"TokenHash.{field}: ")):
        TokenHash.from_wire(kept.to_wire() | {field: value})
