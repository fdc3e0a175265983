"""Runs networks with ONNX Runtime, an extra of the installation, so that equal inputs give equal bits.

One thread, on the processor: each core has a worker of its own, and sums of several threads would depend on how many
there are. What the runtime chooses by the processor's instructions is in a build's fingerprint
(moviola/media/fingerprint.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

from moviola.base.arrays import np
from moviola.base.extras import NETWORKS
from moviola.base.lazy import LazyModule
from moviola.filters.assets import Asset
from moviola.filters.schema import ParameterError
from moviola.filters.toolbox.networks import onnx_file

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray
else:
    onnxruntime = LazyModule("onnxruntime", lambda module: module.set_default_logger_severity(_SILENT))

A = TypeVar("A")
R = TypeVar("R")

PROVIDER: Final = "CPUExecutionProvider"

MAX_SESSIONS: Final = 4
"""Networks that a process keeps loaded, those that were asked last: each takes as much memory as its file has bytes, at
least. A chain of more loads them anew for each picture."""

RUN_LIMIT_S: Final = 50.0
"""A network that has not answered for one picture, or one tile of it, after so long is stopped: less than the minute
after which the middleware takes a task from a worker that does not get on. Some networks never end."""

MAX_REASON: Final = 300
"""Characters of what the runtime says."""

_SILENT: Final = 4  # only what ends the process: all else comes as an exception
_NO_MEMORY: Final = ("bad allocation", "bad_alloc", "failed to allocate", "out of memory")
_MORE: Final = " (give it smaller pictures or tiles, or start workers with a larger --memory-limit)"
_TYPES: Final = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_CHANNELS: Final = (1, 3)


class NetworkError(ValueError):
    """Raised if a network cannot be used for a picture; the text is one sentence with a way out."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network takes: one picture at a time.

    Attributes:
        channels: 1 or 3.
        height: pixels; 0 for any.
        width: pixels; 0 for any.
        channels_first: True for 1 × channels × height × width; False for 1 × height × width × channels.
        dtype: of numpy: float32, float16 or uint8.
    """

    channels: int
    height: int
    width: int
    channels_first: bool
    dtype: str


class Network:
    """A network that takes one picture.

    Attributes:
        told: begins the sentences about it.
        shape: what it takes.
        outputs: the names of what it gives, in order.
        metadata: what its maker wrote into the file.
    """

    def __init__(self, told: str, session: onnxruntime.InferenceSession) -> None:
        self.told = told
        self._session = session
        self._input, self.shape = _input_of(told, session)
        self.outputs = tuple(each.name for each in session.get_outputs())
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)

    def run(self, samples: NDArray[Any]) -> list[NDArray[Any]]:
        """Return what the network gives, in the order of `outputs`; half floats as float32.

        Args:
            samples: as `shape` says, of its dtype.

        Raises:
            NetworkError: it fails, takes too long, or gives something else than arrays of numbers.
            MemoryError: there is not enough memory for it.
        """
        options = onnxruntime.RunOptions()
        options.log_severity_level = _SILENT
        watch = threading.Timer(RUN_LIMIT_S, setattr, (options, "terminate", True))
        watch.daemon = True
        watch.start()
        try:
            given = self._session.run(None, {self._input: samples}, options)
        except Exception as error:
            raise self._failure(error, samples, late=options.terminate) from error
        finally:
            watch.cancel()
        return [self._numbers(name, each) for name, each in zip(self.outputs, given, strict=True)]

    def _numbers(self, name: str, given: object) -> NDArray[Any]:
        if not isinstance(given, np.ndarray) or given.dtype.kind not in "fiub":
            raise NetworkError(
                f"{self.told} gives an output {name:.80}, which is not an array of numbers; take another network"
            )
        return given.astype(np.float32) if given.dtype == np.float16 else given

    def _failure(self, error: Exception, samples: NDArray[Any], *, late: bool) -> Exception:
        shape = "x".join(map(str, samples.shape))
        if late:
            return NetworkError(
                f"{self.told} was stopped after {RUN_LIMIT_S:g} s over one picture of shape {shape}: give it smaller "
                "ones, or take another network"
            )
        if _is_out_of_memory(error):
            return MemoryError(
                f"{self.told} does not have enough memory for a picture of shape {shape}{_MORE}: {_reason(error)}"
            )
        return NetworkError(f"{self.told} fails on a picture of shape {shape}: {_reason(error)}")


def remembered(examine: Callable[[A], R]) -> Callable[[A], R]:
    """Return a function that keeps what `examine` returned for the networks asked last, or why it refused one. So a
    network that takes its time before it is refused does so once in a process, and not for each chunk of a video."""

    @lru_cache(maxsize=MAX_SESSIONS)
    def outcome(asked: A) -> R | ParameterError:
        try:
            return examine(asked)
        except ParameterError as error:
            return error

    @wraps(examine)
    def examined(asked: A) -> R:
        found = outcome(asked)
        if isinstance(found, ParameterError):
            raise ParameterError(str(found))
        return found

    return examined


def load(filter_name: str, model: Asset) -> Network:
    """Return the network in a file; it is loaded once per process.

    Args:
        filter_name: for sentences.
        model: an ONNX file.

    Raises:
        ParameterError: the runtime is not installed, or the file holds no network that takes one picture.
        AssetError: the file is not available here.
        MemoryError: there is not enough memory for it.
    """
    return _load(f"{filter_name}: the network given as model", model)


@lru_cache(maxsize=MAX_SESSIONS)
def _load(told: str, model: Asset) -> Network:
    content = model.read()
    if missing := NETWORKS.missing():
        raise ParameterError(f"{told} cannot run here: {missing}")
    if fault := onnx_file.fault_of(content):
        raise ParameterError(f"{told} {fault}")
    try:
        # what it would fall back to is the same again, and it would print that
        session = onnxruntime.InferenceSession(content, _options(), providers=[PROVIDER], enable_fallback=0)
    except Exception as error:
        if _is_out_of_memory(error):
            raise MemoryError(f"{told} does not fit into this process's memory{_MORE}: {_reason(error)}") from error
        raise ParameterError(f"{told} cannot be loaded: {_reason(error)}") from error
    return Network(told, session)


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = False  # pictures of several sizes would each leave theirs behind
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.load_model_format", "ONNX")  # what was looked through, and no other
    return options


def _input_of(told: str, session: onnxruntime.InferenceSession) -> tuple[str, Shape]:
    """The name and the shape of what a network takes. Raises ParameterError where that is no picture."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise ParameterError(f"{told} has {len(inputs)} inputs ({names:.200}); it must take one picture and no more")
    (taken,) = inputs
    dtype = _TYPES.get(taken.type)
    if dtype is None:
        raise ParameterError(
            f"{told} takes {taken.type:.80}; it must take float, float16 or uint8: export it again with such an input"
        )
    sides = [side if isinstance(side, int) and side > 0 else 0 for side in taken.shape]  # a text: any
    if len(sides) == 4 and sides[0] in (0, 1):
        if sides[1] in _CHANNELS:
            return taken.name, Shape(sides[1], sides[2], sides[3], True, dtype)
        if sides[3] in _CHANNELS:
            return taken.name, Shape(sides[3], sides[1], sides[2], False, dtype)
    raise ParameterError(
        f"{told} takes arrays of shape {_shown(taken.shape)}; it must take one picture, as 1 x channels x height x "
        "width or 1 x height x width x channels, with 1 or 3 channels"
    )


def _shown(shape: Sequence[object]) -> str:
    return " x ".join("?" if side is None else f"{side!s:.40}" for side in shape) or "nothing"


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY)


def _reason(error: Exception) -> str:
    """What the runtime says, in one line."""
    text = " ".join(str(error).split())
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"
