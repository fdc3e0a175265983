"""Networks give the same bits everywhere, and what is wrong with one is a sentence."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from moviola.base import extras
from moviola.filters.assets import Asset, AssetError
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.networks import runtime
from moviola.filters.toolbox.networks.runtime import NetworkError, Shape, load, remembered
from tests.filters.networks import made
from tests.filters.networks.conftest import Given

ROOT = Path(__file__).parents[3]
GIVEN = "the network given as model"


def convolution(channels: int = 24) -> bytes:
    """Two layers of random weights, as networks have them."""
    random = np.random.default_rng(1)
    nodes = [
        made.node("Conv", "x first", "a", pads=[1, 1, 1, 1]),
        made.node("Relu", "a", "b"),
        made.node("Conv", "b second", "y", pads=[1, 1, 1, 1]),
    ]
    weights = {
        "first": random.normal(size=(channels, 3, 3, 3)).astype(np.float32),
        "second": random.normal(size=(3, channels, 3, 3)).astype(np.float32),
    }
    return made.network(nodes, weights=weights, shape=("batch", 3, "height", "width"))


def noise(count: int = 1, side: int = 96) -> NDArray[np.float32]:
    return np.random.default_rng(2).random((count, 3, side, side), np.float32)


def digest(given: NDArray[np.float32]) -> str:
    return hashlib.sha256(given.tobytes()).hexdigest()


def test_bits_are_equal_in_another_process_in_threads_and_in_batches(given: Given, tmp_path: Path) -> None:
    network = load("test", given(convolution()))
    batch = noise(3)
    (together,) = network.run(batch)
    alone = [network.run(batch[number : number + 1])[0] for number in range(3)]
    assert [digest(each) for each in together] == [digest(each[0]) for each in alone]
    with ThreadPoolExecutor(4) as threads:
        several = list(threads.map(lambda _: digest(network.run(batch[:1])[0]), range(16)))
    assert set(several) == {digest(alone[0])}
    (tmp_path / "net.onnx").write_bytes(convolution())
    program = (
        "import sys; from pathlib import Path\n"
        "from moviola.filters.assets import Asset, travelled, value_of\n"
        "from moviola.filters.toolbox.networks.runtime import load\n"
        "from tests.filters.networks.test_runtime import digest, noise\n"
        "content = Path(sys.argv[1]).read_bytes(); value = value_of(content)\n"
        "with travelled({value: content}):\n"
        "    print(digest(load('test', Asset(value)).run(noise(3)[:1])[0]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "net.onnx")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest(alone[0])


def test_a_network_runs_in_the_thread_that_asks(given: Given) -> None:
    """Threads of the runtime's own would make sums that depend on how many cores there are."""
    load("test", given(made.same()))
    before = len(list(Path("/proc/self/task").iterdir()))
    network = load("test", given(convolution(16)))
    network.run(noise(1, 256))
    assert len(list(Path("/proc/self/task").iterdir())) <= before + 1, "more than the watch"


def test_what_a_network_takes_is_read_from_it(given: Given) -> None:
    read = [
        load("test", given(made.same(shape=shape, kind=kind))).shape
        for shape, kind in [
            ((1, 3, 320, 480), made.FLOAT),
            (("n", 1, None, None), made.FLOAT16),
            ((None, "h", "w", 3), made.UINT8),
        ]
    ]
    assert read == [
        Shape(3, 320, 480, True, "float32"),
        Shape(1, 0, 0, True, "float16"),
        Shape(3, 0, 0, False, "uint8"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no network", "is not an ONNX file"),
        (made.same(shape=(1, 4, 8, 8)), "takes arrays of shape 1 x 4 x 8 x 8; it must take one picture"),
        (made.same(shape=(2, 3, 8, 8)), "takes arrays of shape 2 x 3 x 8 x 8"),
        (made.same(shape=(3, 8, 8)), "takes arrays of shape 3 x 8 x 8"),
        (made.same(kind=made.INT64), "takes tensor\\(int64\\); it must take float, float16 or uint8"),
        (
            made.network([made.node("Foo", "x", "y", domain="own.ops")], opsets=[helper.make_opsetid("own.ops", 1)]),
            "cannot be loaded: .*own.ops:Foo",
        ),
        (made.network([made.node("Relu", "z", "y")]), "cannot be loaded"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    content: bytes, words: str, given: Given, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ParameterError, match=f"^test: {GIVEN} {words}") as error:
        load("test", given(content))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
    assert capfd.readouterr() == ("", ""), "the runtime keeps quiet"


def test_two_inputs_are_too_many(given: Given) -> None:
    model = onnx.load_from_string(made.network([made.node("Add", "x z", "y")]))
    model.graph.input.append(helper.make_tensor_value_info("z", made.FLOAT, [1]))
    with pytest.raises(ParameterError, match=r"has 2 inputs \(x, z\); it must take one picture"):
        load("test", given(model.SerializeToString()))


def test_a_file_that_is_not_here_is_no_networks_fault() -> None:
    with pytest.raises(AssetError):
        load("test", Asset("sha256:" + "0" * 64))


def test_what_fails_on_a_picture_says_on_which(given: Given) -> None:
    network = load("test", given(made.network([made.node("Reshape", "x of", "y")], weights={"of": np.array([7, 7])})))
    with pytest.raises(NetworkError, match=r"fails on a picture of shape 1x3x8x8: .*Reshape"):
        network.run(noise(1, 8))


def test_a_network_that_never_ends_is_stopped(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    body = helper.make_graph(
        [made.node("Identity", "go", "on"), made.node("Identity", "v", "w")],
        "body",
        [
            helper.make_tensor_value_info("i", made.INT64, []),
            helper.make_tensor_value_info("go", 9, []),
            helper.make_tensor_value_info("v", made.FLOAT, None),
        ],
        [helper.make_tensor_value_info("on", 9, []), helper.make_tensor_value_info("w", made.FLOAT, None)],
    )
    weights = {"often": np.array(2**62), "yes": np.array(True)}
    network = load("test", given(made.network([made.node("Loop", "often yes x", "y", body=body)], weights=weights)))
    monkeypatch.setattr(runtime, "RUN_LIMIT_S", 0.2)
    with pytest.raises(NetworkError, match=r"was stopped after 0.2 s over one picture of shape 1x3x8x8"):
        network.run(noise(1, 8))


def test_why_a_network_was_refused_is_remembered() -> None:
    """One that never ends would be waited for again with each chunk."""
    asked: list[int] = []

    @remembered
    def examine(number: int) -> int:
        asked.append(number)
        if number:
            raise ParameterError(f"{number} will not do")
        return 7

    for _ in range(2):
        assert examine(0) == 7
        with pytest.raises(ParameterError, match=r"^1 will not do$"):
            examine(1)
    assert asked == [0, 1]


def test_a_network_that_wants_all_memory_is_no_crash(given: Given) -> None:
    nodes = [
        made.node("ConstantOfShape", "huge", "zeros"),
        made.node("ReduceSum", "zeros", "sum", keepdims=0),
        made.node("Add", "x sum", "y"),
    ]
    network = load("test", given(made.network(nodes, weights={"huge": np.array([1 << 20, 1 << 20, 1 << 4])})))
    with pytest.raises(
        MemoryError,
        match=r"does not have enough memory for a picture of shape 1x3x8x8 \(give it smaller .* --memory-limit\)",
    ):
        network.run(noise(1, 8))


def test_without_the_runtime_it_is_said_what_to_install(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    model = given(made.same(metadata={"no": "other"}))
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ParameterError, match=r"cannot run here: onnxruntime is not installed; install what .* with: "):
        load("test", model)


def test_what_is_not_asked_for_is_not_loaded() -> None:
    """Filters are listed, and their parameters checked, without the runtime."""
    program = (
        "import sys; from moviola.filters import registry\n"
        "schemas = registry.schemas(); registry.filter_class('detect')(score=0.5)\n"
        "print('onnxruntime' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
