"""A network with YuNet's inputs and outputs that takes white cells of 8 × 8 pixels for the middles of faces.

No weights of anyone's: what is tried with it is how a model is loaded, asked and understood, by OpenCV's own code.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from pathlib import Path

FACE = 32  # pixels: the side of a face found around a white cell
_STRIDES = (8, 16, 32)
_FLOAT, _INT64 = 1, 7  # onnx.TensorProto.DataType
_INTS = 7  # onnx.AttributeProto.AttributeType


def write(path: Path, *, outputs: Iterable[str] = ("cls", "obj", "bbox", "kps")) -> Path:
    """An ONNX file; with fewer outputs it is a network, but no YuNet."""
    nodes, weights, results = [], [], []
    for stride in _STRIDES:
        for name in outputs:
            channels = {"bbox": 4, "kps": 10}.get(name, 1)
            result = f"{name}_{stride}"
            value, bias = 0.0, [0.0] * channels
            if name == "bbox":
                bias = [0.5, 0.5, math.log(FACE / stride), math.log(FACE / stride)]
            elif stride == 8 and name in ("cls", "obj"):
                value, bias = 1 / (255 * 3 * 64), [-0.1]  # 0.9 where all is white
            size = channels * 3 * stride * stride
            weights.append(_tensor(f"w_{result}", (channels, 3, stride, stride), [value] * size))
            weights.append(_tensor(f"b_{result}", (channels,), bias))
            weights.append(_tensor(f"s_{result}", (3,), [1, -1, channels]))
            attributes = _ints("kernel_shape", (stride, stride)) + _ints("strides", (stride, stride))
            nodes.append(_node("Conv", ("input", f"w_{result}", f"b_{result}"), f"c_{result}", attributes))
            nodes.append(_node("Transpose", (f"c_{result}",), f"t_{result}", _ints("perm", (0, 2, 3, 1))))
            nodes.append(_node("Reshape", (f"t_{result}", f"s_{result}"), result))
            results.append(_value(result, (1, (FACE // stride) ** 2, channels)))
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"white")
    graph += b"".join(_field(5, weight) for weight in weights) + _field(11, _value("input", (1, 3, FACE, FACE)))
    graph += b"".join(_field(12, result) for result in results)
    path.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, _number(2, 13)))  # IR version 8, opset 13
    return path


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    text = bytearray()
    while value > 0x7F:
        text.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*text, value])


def _number(key: int, value: int) -> bytes:
    return _varint(key << 3) + _varint(value)


def _field(key: int, content: bytes) -> bytes:
    return _varint(key << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, shape: tuple[int, ...], values: list[float] | list[int]) -> bytes:
    whole = isinstance(values[0], int)
    raw = struct.pack(f"<{len(values)}{'q' if whole else 'f'}", *values)
    dims = b"".join(_number(1, side) for side in shape)
    return dims + _number(2, _INT64 if whole else _FLOAT) + _field(8, name.encode()) + _field(9, raw)


def _ints(name: str, values: tuple[int, ...]) -> bytes:
    listed = b"".join(_number(8, value) for value in values)
    return _field(5, _field(1, name.encode()) + listed + _number(20, _INTS))


def _node(operator: str, inputs: Iterable[str], output: str, attributes: bytes = b"") -> bytes:
    taken = b"".join(_field(1, name.encode()) for name in inputs)
    return taken + _field(2, output.encode()) + _field(3, output.encode()) + _field(4, operator.encode()) + attributes


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _number(1, side)) for side in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, _FLOAT) + _field(2, dims)))
