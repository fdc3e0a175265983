"""The contract of a filter.

A filter is a frozen dataclass in a file of its own. Its fields are its parameters, declared with `parameter()`; they
are checked when it is made. `apply` is pure: the same pictures give the same result, and no input is written into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, get_type_hints

from moviola.base.interlacing import Interlacing
from moviola.filters.chain import Value
from moviola.filters.schema import TYPES, FilterSchema, Parameter

if TYPE_CHECKING:
    from moviola.filters.picture import Picture

FAILURES: Final = (Exception, SystemExit)
"""The exceptions by which a filter fails. A call of `sys.exit` is one: it ends the filter's work on one picture or
record, and not the program that runs the filter."""


class UnsuitableSize(ValueError):
    """Raised if a filter cannot work on pictures of some size; the text says why and what to do, in one sentence."""


def parameter(
    default: Value,
    *,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
    choices: Sequence[str] = (),
    charset: str = "",
) -> Any:
    """Return a dataclass field that is a parameter of a filter.

    Args:
        default: also decides the type, together with the annotation.
        help: a few words for people.
        minimum: smallest value allowed; needed for numbers.
        maximum: largest value allowed; needed for numbers.
        unit: for people, such as "px".
        choices: the values that a text may have; empty for any.
        charset: of a text, a key of `moviola.filters.schema.CHARSETS`.

    Raises:
        TypeError: a number has no bounds.
    """
    if not isinstance(default, (bool, str)) and (minimum is None or maximum is None):
        raise TypeError("a parameter that is a number needs a minimum and a maximum")
    facts = {
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "unit": unit,
        "choices": tuple(choices),
        "charset": charset,
    }
    return field(default=default, metadata=facts)


def asset(*, help: str) -> Any:
    """Return a dataclass field for a file that the user names; its type is `moviola.filters.assets.Asset`.

    It is empty by default. Its `read()` returns the content in the process that runs the filter; the path of the file
    means nothing there.

    Args:
        help: a few words for people.
    """
    return parameter("", help=help)


@dataclass(frozen=True)
class Filter:
    """Base of all filters.

    Attributes:
        name: how chains name it.
        summary: a few words for people.
        context: how many earlier frames `apply` needs: a number, the name of an int parameter, or `PARAMETER if SWITCH`
            with the name of a bool parameter.
        context_needed: False if a picture without earlier ones is enough, so that images can be filtered too.
        material: what the filter works on, a key of `moviola.filters.schema.MATERIALS`.
        requires: what the parameters of a chain must satisfy together, such as "width or height" (one of them must be
            given) or "low <= high"; see `moviola.filters.requirements`.
        hides: True if what it covers must not be seen. A frame on which it fails is then black unless the user says
            otherwise, and a record is left out.
        interlaced: what it does with the lines of interlaced pictures, a value of
            `moviola.base.interlacing.Interlacing`; empty where it does not say so.
        moves_pixels: True if it only moves, cuts or scales; the transparency of images is then filtered as well.
        label: what a worker must be labelled with to be given it (see `moviola.base.labels`), such as "gpu"; empty for
            any worker. `--local` asks for none.

    Raises:
        ParameterError: when a filter is made with an unknown parameter or a bad value.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    context: ClassVar[int | str] = 0
    context_needed: ClassVar[bool] = True
    material: ClassVar[str] = "picture"
    requires: ClassVar[tuple[str, ...]] = ()
    hides: ClassVar[bool] = False
    interlaced: ClassVar[str] = Interlacing.UNTOLD
    moves_pixels: ClassVar[bool] = False
    label: ClassVar[str] = ""

    def __post_init__(self) -> None:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in schema_of(type(self)).typed(given).items():
            object.__setattr__(self, name, value)

    @classmethod
    def interlacing(cls, parameters: Mapping[str, Value]) -> str:
        """Return what it does with the lines of interlaced pictures with these parameters: `interlaced`, as a rule."""
        return cls.interlaced

    @property
    def context_frames(self) -> int:
        """Return how many earlier pictures `apply` needs with these parameters."""
        return schema_of(type(self)).context_frames(vars(self))

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) in pixels of what `apply` makes of pictures of this size.

        Raises:
            UnsuitableSize: it cannot work on pictures of this size; `apply` then raises the same.
        """
        return width, height

    def output_pixel_aspect(self, aspect: Fraction) -> Fraction:
        """Return width by height of an output's pixels. It differs from the input's if the picture is turned.

        Args:
            aspect: width by height of an input's pixels.
        """
        return aspect

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """Return the filtered picture.

        The result is `picture` itself, or a picture made by its methods `blank`, `copy`, `with_bgr`, `with_gray` or
        `with_notes`. Whatever this raises is attributed to this filter and this frame.

        Args:
            picture: must not be written into.
            earlier: up to `context_frames` pictures before it, oldest first; fewer only at the start of a video.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to a picture")


_schemas: dict[type[Filter], FilterSchema] = {}


def schema_of(kind: type[Filter]) -> FilterSchema:
    """Return the schema of a filter's class, as plain data.

    Raises:
        TypeError: a field or a class variable breaks the contract.
        SchemaError: a default, bound or name is not allowed.
    """
    if kind not in _schemas:
        _schemas[kind] = _read_schema(kind)
    return _schemas[kind]


def _read_schema(kind: type[Filter]) -> FilterSchema:
    for wanted in ("name", "summary"):
        if not isinstance(getattr(kind, wanted, None), str):
            raise TypeError(f"{kind.__name__} has no {wanted}")
    hints = get_type_hints(kind)
    parameters = []
    for each in fields(kind):
        type_name = next((name for name, known in TYPES.items() if known is hints[each.name]), None)
        if type_name is None or each.default is MISSING or "help" not in each.metadata:
            raise TypeError(
                f"{kind.__name__}.{each.name} is not a parameter: declare an int, float, str, bool or Rate "
                "with parameter(default, help=…), or an Asset with asset(help=…)"
            )
        parameters.append(Parameter(name=each.name, type=type_name, default=each.default, **each.metadata))
    if kind.interlaced not in list(Interlacing):
        known = ", ".join(repr(str(each)) for each in Interlacing)
        raise TypeError(f"{kind.__name__}: interlaced must be one of {known}, not {kind.interlaced!r}")
    about = (kind.context, kind.material, kind.context_needed, tuple(kind.requires), kind.hides, kind.label)
    schema = FilterSchema(kind.name, kind.summary, tuple(parameters), *about)
    try:
        list(schema.requirements())
    except ValueError as error:
        raise TypeError(f"{kind.__name__}: {error}") from error
    return FilterSchema.from_wire(schema.to_wire())
