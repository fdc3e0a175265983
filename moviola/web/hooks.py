"""Whom a gateway tells of events, as its settings say it; needs none of the gateway's libraries."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from moviola.base.settings import ValueType
from moviola.base.suggestions import did_you_mean
from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ENDS
from moviola.session.target import UsageError
from moviola.web.signing import HOW_TO_MAKE, key_of
from moviola.wire.secret import read_secret

HOOK_KINDS: Final = tuple(str(kind) for kind in EventKind if kind != EventKind.PROGRESS)
"""Kinds of events that a webhook can be told of: all that happen once."""


def hook_url(text: str) -> str:
    """Return the address of a webhook. Raises argparse.ArgumentTypeError."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not (is_one and text.isprintable() and text.isascii() and " " not in text):
        raise argparse.ArgumentTypeError(f"a webhook is an address such as https://example.org/hook, not {text!r:.100}")
    return text


def hook_kind(text: str) -> str:
    """Return a kind of event that a webhook can be told of. Raises argparse.ArgumentTypeError."""
    if text not in HOOK_KINDS:
        meant = did_you_mean(text, HOOK_KINDS) or f"; there are {', '.join(HOOK_KINDS)}"
        raise argparse.ArgumentTypeError(f"{text!r:.60} is not an event that webhooks are told of{meant}")
    return text


HOOK_URL: Final = ValueType(hook_url, "address", "http:// or https://", "URL")
HOOK_KIND: Final = ValueType(hook_kind, "name", "a kind in EVENTS.md but progress", "KIND")


@dataclass(frozen=True, slots=True)
class Hooks:
    """Where webhooks are, and what they are told.

    Attributes:
        urls: of the receivers.
        key: signs what they are sent.
        kinds: of events that they are told of.
    """

    urls: tuple[str, ...] = ()
    key: bytes = b""
    kinds: frozenset[str] = frozenset(ENDS)


def hooks_of(urls: Sequence[str], secret_file: Path | None, kinds: Sequence[str]) -> Hooks:
    """Return whom the gateway tells of events. Raises UsageError where what is sent to them could not be signed."""
    if not urls:
        return Hooks()
    if secret_file is None:
        about = "so that a receiver can check who sends"
        raise UsageError(f"--webhook needs --webhook-secret-file FILE, {about}; make one with: {HOW_TO_MAKE}")
    try:
        key = key_of(read_secret(secret_file))
    except OSError as error:
        raise UsageError(f"the key for webhooks cannot be read: {secret_file}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"the key for webhooks in {secret_file} cannot be used: {error}") from error
    return Hooks(tuple(urls), key, frozenset(kinds))
