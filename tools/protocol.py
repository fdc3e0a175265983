"""Writes the tables of docs/PROTOCOL.md from the messages in the code: `python -m tools.protocol`.

The page is written by hand, but for its blocks, which end with `<!-- end -->`: `<!-- fields: NAME -->` is the table of
that message's or record's fields, `<!-- payloads -->` what may have a payload, `<!-- records -->` the tables of all
records inside messages that have no block of their own. Types, bounds and defaults are those of the class; meanings and
units stand in the section `Attributes` of its docstring, as `name (unit): meaning`.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from array import array
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from moviola.base.mapped import Length
from moviola.wire.addresses import Address
from moviola.wire.limits import GIB, KIB, MIB
from moviola.wire.messages import MAX_PAYLOADS, MESSAGES
from moviola.wire.schema import Lease

PAGE: Final = Path(__file__).parents[1] / "docs" / "PROTOCOL.md"

_BLOCK: Final = re.compile(r"(<!-- (fields: (\w+)|payloads|records) -->\n)(?:.*?\n)??<!-- end -->", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"    (\w+)(?: \(([^)]+)\))?: (.+)")
_TYPES: Final[dict[Any, tuple[str, str]]] = {
    int: ("integer", "0 … 2^63-1"),
    float: ("number", "finite"),
    bool: ("true or false", ""),
    bytes: ("bytes", ""),
    Lease: ("lease", "`[epoch, sequence]`"),
    Address: ("address", "`{host, port}`"),
    array: ("bytes", "float32, little-endian"),
}
"""The name and the bound of each plain type. A type without a bound is bounded by the size of the header."""


def described() -> dict[str, type[Any]]:
    """Return every message, and every record that travels inside one, by name."""
    found: dict[str, type[Any]] = dict(MESSAGES)
    for module in dict.fromkeys(cls.__module__ for cls in MESSAGES.values()):
        found |= {name: one for name, one in vars(sys.modules[module]).items() if _is_record(one)}
    waiting = list(found.values())
    while waiting:
        hints = typing.get_type_hints(waiting.pop(), include_extras=True)
        inner = {one.__name__: one for hint in hints.values() for one in _records_in(hint)}
        waiting += [one for name, one in inner.items() if name not in found]
        found |= inner
    return found


def _is_record(value: Any) -> bool:
    return isinstance(value, type) and is_dataclass(value)


def _records_in(hint: Any) -> Iterator[type[Any]]:
    if _is_record(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from _records_in(inner)


def meanings(cls: type[Any]) -> dict[str, tuple[str, str]]:
    """Return the (unit, meaning) of each field that the docstring's section `Attributes` names, in its order."""
    _, _, section = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:\n")
    lines = section.replace("\n        ", " ").splitlines()
    matches = [match for line in lines if (match := _ATTRIBUTE.match(line))]
    return {match[1]: (match[2] or "", match[3]) for match in matches}


def table(cls: type[Any]) -> str:
    """Return the Markdown table of a class's fields.

    Raises ValueError when its docstring and its fields do not name the same.
    """
    told, named = meanings(cls), [field.name for field in fields(cls)]
    if list(told) != named:
        raise ValueError(f"{cls.__name__} has the fields {named}, and its docstring tells of {list(told)}")
    hints = typing.get_type_hints(cls, include_extras=True)
    rows = ["| name | type | unit | bound | meaning | default |", "|---|---|---|---|---|---|"]
    for field in fields(cls):
        kind, bound = _described(hints[field.name])
        unit, meaning = told[field.name]
        cells = (f"`{field.name}`", kind, unit, bound, meaning, _default(field))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _described(hint: Any) -> tuple[str, str]:
    """Return what a type is called, and its bound."""
    if hint in _TYPES:
        return _TYPES[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated and isinstance(length := arguments[1], Length):
        most = f"{length.characters:,} characters".replace(",", " ")
        return "text", f"{most}, cut" if length.for_people else most
    if origin is list:
        kind, bound = _described(arguments[0])
        return f"list: {kind}", f"{bound} each" if bound else ""
    if origin is dict:
        return "map", ""
    if origin in (typing.Union, types.UnionType):
        kind, bound = _described(next(one for one in arguments if one is not type(None)))
        return f"{kind}, or nil", bound
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "text", "a word"
    if _is_record(hint):
        return f"[`{hint.__name__}`](#{hint.__name__.lower()})", ""
    raise TypeError(f"no words for fields of type {hint!r}")


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return "empty"
    if field.default is MISSING:
        return "must be there"
    if field.default is None:
        return "nil"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"`{field.default}`" if field.default not in ("", b"") else "empty"


def payloads() -> str:
    """Return the Markdown table of the messages that have payloads."""
    rows = ["| message | from → to | at most |", "|---|---|---|"]
    for (receiver, sender), allowed in MAX_PAYLOADS.items():
        rows += [f"| [`{cls.__name__}`](#{cls.__name__.lower()}) | {sender} → {receiver} | {_size(most)} |"
                 for cls, most in allowed.items()]  # fmt: skip
    return "\n".join(rows)


def _size(count: int) -> str:
    for unit, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if count >= size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} bytes"


def page(text: str) -> str:
    """Return the page with each block as the code has it. Raises KeyError for a block of no message or record."""
    known, own = described(), blocks(text)
    others = [name for name in known if name not in own and name not in MESSAGES]

    def written(block: re.Match[str]) -> str:
        if block[3]:
            made = table(known[block[3]])
        elif block[2] == "payloads":
            made = payloads()
        else:
            made = "\n\n".join(f"### {name}\n\n{summary(known[name])}\n\n{table(known[name])}" for name in others)
        return f"{block[1]}{made}\n<!-- end -->"

    return _BLOCK.sub(written, text)


def summary(cls: type[Any]) -> str:
    """Return the first paragraph of a class's docstring."""
    return " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())


def section(text: str, name: str) -> str:
    """Return what the page says of a message or a record."""
    (found,) = re.findall(rf"^### {name}\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    return str(found)


def blocks(text: str) -> list[str]:
    """Return the names of the messages and records that have a block of their own, in the page's order."""
    return [block[3] for block in _BLOCK.finditer(text) if block[3]]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"wrote {PAGE}", file=sys.stderr)
