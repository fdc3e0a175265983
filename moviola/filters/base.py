"""The contract of a filter.

A filter is a frozen dataclass in a file of its own. Its fields are its parameters, declared with `parameter()`; they
are checked when it is made. `apply` is pure: the same pictures give the same result, and no input is written into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from moviola.filters.chain import Value
from moviola.filters.schema import TYPES, FilterSchema, Parameter

if TYPE_CHECKING:
    from moviola.filters.picture import Picture


class UnsuitableSize(ValueError):
    """A filter cannot work on pictures of some size; the text is one sentence that says why and what to do."""


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
    """A dataclass field that is a filter's parameter; numbers need both bounds (they are included). `charset` is one
    of moviola.filters.schema.CHARSETS."""
    if not isinstance(default, (bool, str)) and (minimum is None or maximum is None):
        raise TypeError("a parameter that is a number has a minimum and a maximum")
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
    """A dataclass field of the type `moviola.filters.assets.Asset`: a file that the user names, empty by default. Its
    `read()` gives the content, in the filter's process, from where on the file's path is of no meaning."""
    return parameter("", help=help)


@dataclass(frozen=True)
class Filter:
    """Base of all filters. Making one with a bad parameter raises `moviola.filters.schema.ParameterError`.

    `context` is how many earlier frames `apply` needs: a number, the name of the int parameter that says it, or
    `PARAMETER if SWITCH` with a bool parameter. `context_needed` is false where a picture alone will do as well.
    `material` is what it works on, one of `moviola.filters.schema.MATERIALS`. `moves_pixels` says that it does nothing
    but move, cut or scale: an image's transparency is then led through it as well.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    context: ClassVar[int | str] = 0
    context_needed: ClassVar[bool] = True
    material: ClassVar[str] = "picture"
    moves_pixels: ClassVar[bool] = False

    def __post_init__(self) -> None:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in schema_of(type(self)).check(given).items():
            object.__setattr__(self, name, value)

    @property
    def context_frames(self) -> int:
        """How many earlier input pictures `apply` needs."""
        return schema_of(type(self)).context_frames(vars(self))

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) in pixels of what `apply` makes of pictures of this size.

        Raises UnsuitableSize where it can make nothing of them; `apply` then does so as well.
        """
        return width, height

    def output_pixel_aspect(self, aspect: Fraction) -> Fraction:
        """Width by height of an output's pixels, as a player shows them; not the same where the picture is turned."""
        return aspect

    def apply(self, picture: Picture, earlier: Sequence[Picture]) -> Picture:
        """The filtered picture.

        `earlier`: the up to `context_frames` input pictures before this one, oldest first; fewer only at the start
        of the video. Returns `picture` itself, or a picture made by its `blank`, `copy`, `with_bgr`, `with_gray` or
        `with_notes`. Anything raised is attributed to this filter and this frame.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to a picture")


_schemas: dict[type[Filter], FilterSchema] = {}


def schema_of(kind: type[Filter]) -> FilterSchema:
    """A filter's schema as plain data. Raises TypeError or SchemaError when the class does not keep the contract."""
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
                f"{kind.__name__}.{each.name} is no parameter: declare an int, float, str, bool or Rate "
                "with parameter(default, help=…), or an Asset with asset(help=…)"
            )
        parameters.append(Parameter(name=each.name, type=type_name, default=each.default, **each.metadata))
    schema = FilterSchema(kind.name, kind.summary, tuple(parameters), kind.context, kind.material, kind.context_needed)
    return FilterSchema.from_wire(schema.to_wire())
