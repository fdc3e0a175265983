"""JSON Schemas of records: what their fields' types and docstrings say, for the API's document.

The dialect is that of OpenAPI 3.1: JSON Schema 2020-12.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from moviola.base.mapped import MAX_INT, Length
from moviola.base.sentences import capitalised

Schema = dict[str, Any]

_ATTRIBUTE: Final = re.compile(r"    (\w+)(?: \(([^)]+)\))?: (.+)")

_SIMPLE: Final[Mapping[Any, Schema]] = {
    int: {"type": "integer", "minimum": 0, "maximum": MAX_INT},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    Any: {},
    object: {},
}


class Schemas:
    """Schemas by the names of their records: the `components/schemas` of a document, filled as they are asked for."""

    def __init__(self) -> None:
        self.by_name: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """Return the schema of a type that `moviola.base.mapped` knows. Raises TypeError for any other."""
        if hint in _SIMPLE:
            return dict(_SIMPLE[hint])
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            bound = arguments[1]
            more = {"maxLength": bound.characters} if isinstance(bound, Length) else {}
            return self.of(arguments[0]) | more
        if origin is list or (origin is tuple and arguments[-1] is Ellipsis):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin in (typing.Union, types.UnionType):
            return _or_null(self.of(next(one for one in arguments if one is not type(None))))
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return {"type": "string", "enum": [word.value for word in hint]}
        if is_dataclass(hint):
            return self._record(hint)
        raise TypeError(f"no schema for {hint!r}")

    def _record(self, cls: Any) -> Schema:
        """Return a reference to a record's schema, which is made with the first."""
        name = cls.__name__.removesuffix("Told")
        if name not in self.by_name:
            self.by_name[name] = {}  # a record may have some of its own kind inside
            hints = typing.get_type_hints(cls, include_extras=True)
            told = {field: one for base in reversed(cls.__mro__) for field, one in meanings(base).items()}
            properties = {each.name: self.of(hints[each.name]) for each in fields(cls)}
            for field, (unit, meaning) in told.items():
                if field in properties:
                    properties[field] = {**properties[field], "description": _sentence(unit, meaning)}
            self.by_name[name] = {
                "type": "object",
                "description": summary_of(cls),
                "properties": properties,
                "required": [each.name for each in fields(cls)],
            }
        return {"$ref": f"#/components/schemas/{name}"}


def summary_of(documented: Any) -> str:
    """Return the first paragraph of a docstring, in one line."""
    return " ".join(inspect.cleandoc(documented.__doc__ or "").partition("\n\n")[0].split())


def meanings(cls: type[Any]) -> dict[str, tuple[str, str]]:
    """Return the (unit, meaning) of each field that the docstring's section `Attributes` names, in its order."""
    _, _, section = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:\n")
    lines = section.replace("\n        ", " ").splitlines()
    matches = [match for line in lines if (match := _ATTRIBUTE.match(line))]
    return {match[1]: (match[2] or "", match[3]) for match in matches}


def _or_null(schema: Schema) -> Schema:
    if "type" in schema and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _sentence(unit: str, meaning: str) -> str:
    text = capitalised(meaning).rstrip(".")
    return f"{text} ({unit})" if unit else text
