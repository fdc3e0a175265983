"""What tests of the gateway share."""

from __future__ import annotations

import pytest

from moviola.web import tokens


@pytest.fixture
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """New tokens cost no time."""
    monkeypatch.setattr(tokens, "SCRYPT_N", 2)
    monkeypatch.setattr(tokens, "SCRYPT_P", 1)
