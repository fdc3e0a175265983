"""What may not be in a file is found before the runtime sees it, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from moviola.filters.toolbox.networks import onnx_file
from moviola.filters.toolbox.networks.onnx_file import fault_of
from tests.filters.networks import made


def elsewhere(name: str = "w") -> onnx.TensorProto:
    """A tensor whose values lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/hostname")
    return tensor


def in_a_weight(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(elsewhere())


def in_an_address(model: onnx.ModelProto) -> None:
    """The runtime takes this name of a file for a place in its memory."""
    tensor = elsewhere()
    tensor.external_data[0].value = "*/_ORT_MEM_ADDR_/*"
    model.graph.initializer.append(tensor)


def in_a_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=elsewhere()))


def in_a_list_of_tensors(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Whatever", [], ["c"], values=[elsewhere()]))


def in_a_sparse_weight(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.append(onnx.SparseTensorProto(values=elsewhere(), dims=[1]))


def in_a_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], initializer=[elsewhere()])
    model.graph.node.append(helper.make_node("If", ["x"], ["c"], then_branch=branch, else_branch=branch))


def in_a_function(model: onnx.ModelProto) -> None:
    constant = helper.make_node("Constant", [], ["b"], value=elsewhere())
    model.functions.append(helper.make_function("own", "f", [], ["b"], [constant], [helper.make_opsetid("", 17)]))


def in_its_training(model: onnx.ModelProto) -> None:
    model.training_info.add().initialization.CopyFrom(helper.make_graph([], "begin", [], [], initializer=[elsewhere()]))


@pytest.mark.parametrize(
    "hide",
    [
        in_a_weight,
        in_an_address,
        in_a_constant,
        in_a_list_of_tensors,
        in_a_sparse_weight,
        in_a_branch,
        in_a_function,
        in_its_training,
    ],
)
def test_weights_in_another_file_are_refused(hide: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load_from_string(made.same())
    assert fault_of(model.SerializeToString()) == ""
    hide(model)
    assert "keeps weights in another file, which is never opened" in fault_of(model.SerializeToString())


def test_a_place_alone_or_a_file_alone_is_enough() -> None:
    for field in ("external_data", "data_location"):
        tensor = elsewhere()
        tensor.ClearField(field)
        model = onnx.load_from_string(made.same())
        model.graph.initializer.append(tensor)
        assert "in another file" in fault_of(model.SerializeToString()), field


def test_a_second_graph_is_looked_through_as_well() -> None:
    """Parsers join the two."""
    second = onnx.ModelProto(graph=helper.make_graph([], "second", [], [], initializer=[elsewhere()]))
    assert "in another file" in fault_of(made.same() + second.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"no network", bytes(64), b"\x08\x08", made.same()[:-3], b"ORTM" * 9])
def test_what_is_no_network_is_said(content: bytes) -> None:
    assert "is not an ONNX file" in fault_of(content)


def test_networks_that_are_used_are_taken() -> None:
    assert fault_of(made.bright_cells()) == ""
    assert fault_of(made.network([made.node("Add", "x w", "y")], weights={"w": np.ones(1000, np.float32)})) == ""


def test_what_takes_for_ever_to_look_through_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", 10)
    assert "has more than 10 fields" in fault_of(made.bright_cells())


def test_graphs_within_graphs_have_an_end() -> None:
    graph = helper.make_graph([], "innermost", [], [])
    for _ in range(onnx_file.MAX_DEPTH // 3 + 1):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["c"], then_branch=graph)], "outer", [], [])
    assert "has graphs within graphs" in fault_of(onnx.ModelProto(graph=graph).SerializeToString())
