"""`@moviola.filter`: a function of a program as a filter."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeVar, get_args, get_origin, overload

import numpy as np
from numpy.typing import NDArray

from moviola.api.errors import UsageError
from moviola.filters import registry
from moviola.filters.base import Filter, UnsuitableSize
from moviola.filters.chain import Step
from moviola.filters.schema import SchemaError

if TYPE_CHECKING:
    from moviola.filters.picture import Picture

F = TypeVar("F", bound=Callable[..., Any])
Size = tuple[int, int]

CODE: Final = "code"
"""The filter parameter that identifies the version of a decorated function, so that a result of another version is not
taken for one of this."""

CODE_DIGITS: Final = 12

PLACES: Final = ("boxes", "scores")
"""The fields of notes that describe places in a picture."""

_TYPES: Final = (int, float, str, bool)


@dataclass(frozen=True, slots=True)
class Between:
    """The bounds of a number, both included: `radius: Annotated[int, Between(1, 100, unit="px")] = 7`."""

    minimum: float
    maximum: float
    unit: str = ""
    help: str = ""


class FunctionFilter(Filter):
    """Base of the classes that stand for decorated functions."""

    function: ClassVar[Callable[..., Any]]
    sized: ClassVar[Callable[..., Size] | None] = None
    written: ClassVar[str] = ""

    def output_size(self, width: int, height: int) -> Size:
        """As the decorator was told, or the same."""
        sized = type(self).sized
        return (width, height) if sized is None else sized(width, height, **self._parameters())

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Call the function with the picture as BGR."""
        kind = type(self)
        if getattr(self, CODE) != kind.written:
            raise RuntimeError(f"this worker has another version of the function of {self.name}; restart the worker")
        before = ([each.bgr for each in earlier],) if self.context_frames else ()
        made = kind.function(picture.bgr, *before, **self._parameters())
        made, note = made if isinstance(made, tuple) else (made, None)
        output = picture if made is None or made is picture.bgr else self._output(picture, made)
        return output if note is None else output.with_notes({"filter": self.name, **note})

    def __reduce__(self) -> tuple[Any, ...]:
        return registry.make, (Step(self.name, dict(vars(self))),)

    def _parameters(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != CODE}

    def _output(self, picture: Picture, made: Any) -> Picture:
        if not isinstance(made, np.ndarray) or made.dtype != np.uint8 or made.shape[2:] not in ((), (3,)):
            shape = f"{made.dtype} of shape {made.shape}" if isinstance(made, np.ndarray) else type(made).__name__
            raise TypeError(
                f"{self.name} returns uint8, height × width × 3 (BGR) or height × width (gray), not {shape}"
            )
        size, wanted = (made.shape[1], made.shape[0]), self.output_size(picture.width, picture.height)
        if size != wanted:
            raise UnsuitableSize(
                f"{self.name} made {size[0]}x{size[1]} where {wanted[0]}x{wanted[1]} was announced; "
                "tell the size with @moviola.filter(output_size=…)"
            )
        output = picture.with_gray(made) if made.ndim == 2 else picture.with_bgr(made)
        if size != (picture.width, picture.height):  # and so nobody knows where in it the boxes of others are
            output.notes = tuple({key: note[key] for key in note if key not in PLACES} for note in output.notes)
        return output


@overload
def filter(function: F, /) -> F: ...


@overload
def filter(
    *,
    name: str | None = None,
    context: int = 0,
    output_size: Callable[..., Size] | None = None,
    moves_pixels: bool = False,
    hides: bool = False,
    interlaced: str = "",
    label: str = "",
) -> Callable[[F], F]: ...


def filter(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    context: int = 0,
    output_size: Callable[..., Size] | None = None,
    moves_pixels: bool = False,
    hides: bool = False,
    interlaced: str = "",
    label: str = "",
) -> F | Callable[[F], F]:
    """Make a function a filter, which chains name as it is called.

    The function gets a picture, height × width × 3, uint8, BGR, full range, read-only, and returns one like it, of
    height × width for a gray one, or None for the picture as it is; or one of these and a map, which is noted of the
    frame. It must give the same for the same picture, in any process and any order of frames. Its further parameters
    are those of the filter: int, float, str or bool, by annotation or default, each with a default. Bounds are told by
    `Annotated[int, moviola.Between(1, 100)]`, what a text may be by `Literal`. The first line of its docstring is what
    lists say of it.

    `moviola.process` and `Cluster.local` have it at once; other workers load its file: `--plugins FILE`.

    Args:
        name: instead of the function's.
        context: how many earlier pictures it needs; it then gets a list of them, oldest first, behind the picture.
        output_size: returns (width, height) of what comes of a picture, from its width and height, and the parameters
            by name; without it the size stays. Boxes that filters before it noted are left out where it changes.
        moves_pixels: it only moves, cuts or scales; the transparency of images is then filtered as well.
        hides: what it covers must not be seen; frames on which it fails are black unless another `on_error` is given.
        interlaced: what it does with the lines of interlaced videos: "keeps", "each field" or "mixes".
        label: what a worker must be labelled with to be given it, such as "gpu"; `moviola.process` asks for none.

    Raises:
        UsageError: a parameter has no default or another type, or another filter has the name.
    """

    def decorate(function: F) -> F:
        namespace = {
            "name": name or function.__name__.replace("__", "_"),
            "summary": (inspect.getdoc(function) or "a function of one's own").splitlines()[0],
            "context": context,
            "moves_pixels": moves_pixels,
            "hides": hides,
            "interlaced": interlaced,
            "label": label,
            "function": staticmethod(function),
            "sized": None if output_size is None else staticmethod(output_size),
            "written": code_of(function),
            "__module__": function.__module__,
        }
        fields = [*_parameters(function, has_earlier=context > 0), _field(CODE, str, namespace["written"], "", {})]
        try:
            kind = make_dataclass(function.__name__, fields, bases=(FunctionFilter,), frozen=True, namespace=namespace)
            registry.add(kind)
        except (TypeError, SchemaError, registry.PluginError) as error:
            raise UsageError(f"@moviola.filter of {function.__name__}: {error}") from error
        function.filter_class = kind  # type: ignore[attr-defined]
        return function

    return decorate if function is None else decorate(function)


def decorated() -> Mapping[str, type[FunctionFilter]]:
    """Return the filters that this program has defined, by name."""
    known = {name: registry.filter_class(name) for name in registry.names() if name not in registry.BUILT_IN}
    return {name: kind for name, kind in known.items() if issubclass(kind, FunctionFilter)}


def code_of(function: Callable[..., Any]) -> str:
    """Return CODE_DIGITS hex digits of a hash of a function's source, or of its bytecode where it has no source."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt
        code = function.__code__
        text = repr((code.co_code, code.co_names, [each for each in code.co_consts if not inspect.iscode(each)]))
    return hashlib.sha256(text.encode()).hexdigest()[:CODE_DIGITS]


def _parameters(function: Callable[..., Any], *, has_earlier: bool) -> list[tuple[str, Any, Any]]:
    """The fields of the filter's parameters. Raises UsageError."""
    found = list(inspect.signature(function).parameters.values())[2 if has_earlier else 1 :]
    return [_parameter(function, each) for each in found]


def _parameter(function: Callable[..., Any], each: inspect.Parameter) -> tuple[str, Any, Any]:
    where = f"@moviola.filter of {function.__name__}: the parameter {each.name}"
    if each.default is each.empty or each.name == CODE or each.kind is each.VAR_KEYWORD:
        reason = f'cannot be called "{CODE}"' if each.name == CODE else "needs a default"
        raise UsageError(f"{where} {reason}")
    annotation: Any = type(each.default) if each.annotation is each.empty else each.annotation
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, function.__globals__)
        except Exception as error:
            raise UsageError(f"{where} has an annotation that cannot be read: {error}") from error
    facts: dict[str, Any] = {}
    about = ""
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for one in more:
            if isinstance(one, Between):
                facts |= {"minimum": one.minimum, "maximum": one.maximum, "unit": one.unit}
                about = one.help or about
            elif isinstance(one, str):
                about = one
    if get_origin(annotation) is Literal:
        facts["choices"] = get_args(annotation)
        annotation = str
    if annotation not in _TYPES:
        raise UsageError(f"{where} is an int, a float, a str or a bool, not {annotation!r}")
    default = float(each.default) if annotation is float else each.default
    return _field(each.name, annotation, default, about, facts)


def _field(name: str, type: type, default: Any, about: str, facts: Mapping[str, Any]) -> tuple[str, Any, Any]:
    none = {"minimum": None, "maximum": None, "unit": "", "choices": (), "charset": ""}
    about = about or ("which version of the function is meant" if name == CODE else name)
    return name, type, field(default=default, metadata={**none, **facts, "help": about})


Pixels = NDArray[np.uint8]
"""What a decorated function gets and returns."""
