"""Messages as bytes: their headers packed and unpacked, and which of them may have payloads."""

from __future__ import annotations

from typing import Any, Final

import msgpack

from moviola.base.texts import MAX_NAME
from moviola.base.vocabulary import ErrorCode
from moviola.wire.errors import ProtocolError, Unsendable
from moviola.wire.limits import MAX_ASSET_SIZE, MAX_FAILED_CHUNK, MAX_HANDED_ON, MAX_HEADER, MAX_PART, MAX_PAYLOAD
from moviola.wire.messages import events, files, handshake, jobs, results, tasks
from moviola.wire.messages.files import FetchedResult, File
from moviola.wire.messages.jobs import Chunk
from moviola.wire.messages.message import CHECKS_WHAT_IS_SENT, Message
from moviola.wire.messages.results import FailedChunk, Pass, Result
from moviola.wire.messages.tasks import Asset, HandOn, Task

MESSAGES: Final[dict[str, type[Message]]] = {
    name: cls
    for module in (handshake, jobs, events, tasks, results, files)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and issubclass(cls, Message) and cls.__module__ == module.__name__
}

MAX_PAYLOADS: Final[dict[tuple[str, str], dict[type[Message], int]]] = {
    ("middleware", "client"): {Chunk: MAX_PAYLOAD},
    ("middleware", "worker"): {HandOn: MAX_HANDED_ON},
    ("middleware", "aggregator"): {},
    ("aggregator", "middleware"): {Pass: MAX_PAYLOAD, FailedChunk: MAX_FAILED_CHUNK},
    ("aggregator", "worker"): {Result: MAX_PAYLOAD},
    ("aggregator", "client"): {},
    ("worker", "middleware"): {Task: MAX_PAYLOAD, Asset: MAX_ASSET_SIZE},
    ("worker", "aggregator"): {},
    ("client", "middleware"): {},
    ("client", "aggregator"): {File: MAX_PART, FetchedResult: MAX_PAYLOAD},
}
"""Which messages have payloads, and of how many bytes at most: by the roles of who receives and who sends."""

_pack = msgpack.Packer(use_bin_type=True).pack


def encode(message: Message) -> bytes:
    """Return the header of a message, packed.

    Raises:
        Unsendable: the header cannot be packed or is too large; with CHECKS_WHAT_IS_SENT also if it breaks its schema.
    """
    try:
        header: bytes = _pack({"type": type(message).__name__, **message.to_wire()})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unsendable(f"{type(message).__name__}: {error}") from None
    if len(header) > MAX_HEADER:
        raise Unsendable(f"{type(message).__name__} would have {len(header)} bytes, and {MAX_HEADER} are the most")
    if CHECKS_WHAT_IS_SENT:
        _check_schema(header)
    return header


def check_sendable(message: Message) -> None:
    """Raise Unsendable if a message breaks its schema or a limit."""
    _check_schema(encode(message))


def _check_schema(header: bytes) -> None:
    try:
        decode(header)
    except ProtocolError as error:
        raise Unsendable(error.text) from None


def packed_size(data: Any) -> int:
    """Return how many bytes plain data takes in a header. Raises Unsendable if it cannot be packed."""
    try:
        return len(_pack(data))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unsendable(str(error)) from None


def decode(header: bytes) -> Message:
    """Return the message that a header describes.

    Raises:
        ProtocolError: `bad-message`; the header is not a msgpack map, its type is unknown, or a field is wrong.
    """
    try:
        data = msgpack.unpackb(header, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the header is not msgpack: {error}") from None
    kind = data.get("type") if isinstance(data, dict) else None
    cls = MESSAGES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no message is called {kind!r:.80}")
    try:
        return cls.from_wire(data)
    except ProtocolError as error:
        job = data.get("job")
        raise ProtocolError(
            error.code, error.text, job if isinstance(job, str) and len(job) <= MAX_NAME else ""
        ) from None
