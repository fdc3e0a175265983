"""Looks through an ONNX file before the runtime sees it: a file comes from a stranger.

What is looked for are references to other files (weights that lie outside of the model), which the runtime would open,
or take for addresses in memory. An ONNX file is a protocol buffer; of its messages only those are entered here that may
hold a tensor. Field numbers are from onnx.proto (ONNX 1.20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

MAX_DEPTH: Final = 64
"""Messages within each other. A graph within a graph is three of them, and exporters write two or three graphs deep."""

MAX_FIELDS: Final = 2_000_000
"""Fields that are looked at, a second's work. A network of a thousand nodes and weights has some ten thousand."""

_WITHIN: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""By message, which of its fields hold which messages."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor
_GRAPH = 7  # of a model
_VARINT, _FIXED64, _TEXT, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
_VARINT_SIZE: Final = 10  # bytes at most


class _NoMessage(ValueError):
    """The bytes are no message."""


def fault_of(content: bytes) -> str:
    """Return what is wrong with a file that should be a network, as words that follow "it"; empty if nothing is."""
    try:
        seen = _looked_through(memoryview(content))
    except _NoMessage:
        return "is not an ONNX file: export the network with torch.onnx.export or the like, and give that file"
    if seen is not None:
        return seen
    return ""


def _looked_through(content: memoryview) -> str | None:
    """Return what is wrong with the tensors of a model; None if nothing is. Raise _NoMessage."""
    left, has_graph = MAX_FIELDS, False
    waiting = [("model", content, 0)]
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"has graphs within graphs, more than {MAX_DEPTH} messages deep; export it without"
        for number, wire_type, value in _fields(message):
            left -= 1
            if not left:
                return f"has more than {MAX_FIELDS} fields; no network of a filter needs so many"
            if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)):
                return (
                    "keeps weights in another file, which is never opened: save it in one piece (onnx.save with "
                    "save_as_external_data=False)"
                )
            within = _WITHIN[kind].get(number)
            if within is not None:
                if wire_type != _TEXT or not isinstance(value, memoryview):
                    raise _NoMessage
                has_graph = has_graph or (kind == "model" and number == _GRAPH)
                waiting.append((within, value, depth + 1))
    if not has_graph:
        raise _NoMessage
    return None


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type and value of each field of a message. Raises _NoMessage."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        value: int | memoryview
        if wire_type == _VARINT:
            value, at = _varint(message, at)
        elif wire_type in (_FIXED32, _FIXED64, _TEXT):
            size, at = _varint(message, at) if wire_type == _TEXT else ({_FIXED32: 4, _FIXED64: 8}[wire_type], at)
            value, at = message[at : at + size], at + size
        else:
            raise _NoMessage
        if at > end or not number:
            raise _NoMessage
        yield number, wire_type, value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[at : at + _VARINT_SIZE]):
        value |= (byte & 0x7F) << 7 * shift
        if not byte & 0x80:
            return value, at + shift + 1
    raise _NoMessage
