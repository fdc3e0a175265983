"""Networks of a few nodes, made by the tests: no weights of anyone's. Their answers follow from the picture by rules
that a person can check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION, OPSET = 10, 17
FLOAT, FLOAT16, UINT8, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8, TensorProto.INT64
Nodes = Sequence[onnx.NodeProto]
Side = int | str | None


def network(
    nodes: Nodes,
    *,
    weights: Mapping[str, Any] | None = None,
    shape: Sequence[Side] = (1, 3, None, None),
    outputs: Sequence[str] = ("y",),
    kind: int = FLOAT,
    out_kind: int | None = None,
    metadata: Mapping[str, str] | None = None,
    opsets: Sequence[onnx.OperatorSetIdProto] = (),
    functions: Sequence[onnx.FunctionProto] = (),
    opset: int = OPSET,
) -> bytes:
    """The file of a network that takes `x` and gives `outputs`."""
    graph = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info("x", kind, list(shape))],
        [helper.make_tensor_value_info(name, out_kind or kind, None) for name in outputs],
        initializer=[numpy_helper.from_array(np.asarray(each), name) for name, each in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *opsets], functions=list(functions))
    model.ir_version = IR_VERSION
    helper.set_model_props(model, dict(metadata or {}))
    written: bytes = model.SerializeToString()
    return written


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by blanks."""
    return helper.make_node(operator, inputs.split(" "), outputs.split(" "), **attributes)


def same(**options: Any) -> bytes:
    """Gives the picture back."""
    return network([node("Identity", "x", "y")], **options)


def table(rows: Any, *, extra: Mapping[str, str] | None = None, side: Side = 64) -> bytes:
    """Gives the same table whatever it sees: outputs of detectors, as they are written down."""
    nodes = [
        node("ReduceMin", "x", "least", keepdims=0),
        node("Mul", "least nothing", "zero"),
        node("Add", "rows zero", "y"),
    ]
    weights = {"rows": np.asarray(rows, np.float32), "nothing": np.float32(0)}
    return network(nodes, weights=weights, shape=(1, 3, side, side), metadata=extra)


def maps(arrays: Mapping[str, Any], *, side: int = 64) -> bytes:
    """Gives the same maps whatever it sees."""
    nodes = [node("ReduceMin", "x", "least", keepdims=0), node("Mul", "least nothing", "zero")]
    nodes += [node("Add", f"of_{name} zero", name) for name in arrays]
    weights = {f"of_{name}": np.asarray(each, np.float32) for name, each in arrays.items()}
    weights["nothing"] = np.zeros((), np.float32)
    return network(nodes, weights=weights, shape=(1, 3, side, side), outputs=tuple(arrays))


def bright_cells(side: int = 64, *, step: int = 8, names: Sequence[str] = ("dark", "bright")) -> bytes:
    """A detector in YOLOv8's layout: each cell of `step` × `step` pixels has a box of its own size around it, whose
    class 1 is as sure as the cell is bright, and whose class 0 is never sure."""
    cells = side // step
    places = np.array([(step * (x + 0.5), step * (y + 0.5), step, step) for y in range(cells) for x in range(cells)])
    nodes = [
        node("ReduceMean", "x", "gray", axes=[1], keepdims=1),
        node("AveragePool", "gray", "means", kernel_shape=[step, step], strides=[step, step]),
        node("Reshape", "means line", "bright"),
        node("Mul", "bright none", "dark"),
        node("Concat", "places dark bright", "y", axis=1),
    ]
    weights = {
        "places": places.T[np.newaxis].astype(np.float32),
        "line": np.array([1, 1, cells * cells]),
        "none": np.float32(0),
    }
    told = {"names": repr(dict(enumerate(names)))} if names else {}
    return network(nodes, weights=weights, shape=(1, 3, side, side), metadata=told)


def larger(factor: int, **options: Any) -> bytes:
    """Repeats each pixel."""
    size = {"scales": np.array([1, 1, factor, factor], np.float32)}
    return network([node("Resize", "x  scales", "y", mode="nearest")], weights=size, **options)


def smoothing(channels: int = 3, factor: int = 1) -> bytes:
    """Two convolutions of random weights, which look two pixels far; then as many pixels of each as asked for."""
    random = np.random.default_rng(3)
    outs = channels * factor * factor
    nodes = [
        node("Conv", "x first", "a", pads=[1, 1, 1, 1]),
        node("Relu", "a", "b"),
        node("Conv", "b second", "c", pads=[1, 1, 1, 1]),
        node("Sigmoid", "c", "d"),
        node("DepthToSpace", "d", "y", blocksize=factor),
    ]
    weights = {
        "first": random.normal(size=(8, channels, 3, 3)).astype(np.float32),
        "second": random.normal(size=(outs, 8, 3, 3)).astype(np.float32),
    }
    return network(nodes, weights=weights, shape=(1, channels, None, None))
