"""What parameters a filter takes, as plain data, and the check of given parameters against it.

Workers announce these schemas and clients check against them, also for filters that only the workers have. So this
module imports neither a codec nor numpy nor OpenCV.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

from moviola.base.labels import SPELLING, is_label
from moviola.base.suggestions import did_you_mean
from moviola.filters import fonts
from moviola.filters.assets import Asset, is_asset
from moviola.filters.chain import Step, Value
from moviola.filters.requirements import Requirement


class Rate(str):
    """The type of parameters that are frames a second: the value is a text, a fraction such as "30000/1001"."""

    __slots__ = ()


TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool, "rate": Rate, "asset": Asset}
MATERIALS = {"picture": "pictures", "frames": "the frames of videos", "record": "the records of tables"}
"""What a filter works on, and what people call it: pictures, of videos as of images; frames as they follow in time;
records of a table."""
CHARSETS = {"": "text", "ascii": "ASCII text", "drawn": "text that fonts know"}
"""Which characters a text parameter takes: any; the 95 printable ones of ASCII; or those that `moviola.filters.fonts`
can draw, with fonts that are installed wherever parameters are checked."""
MAX_RATE_DENOMINATOR = 1001  # 29.97 stays 2997/100, and no time base grows out of 32 bits
MAX_PARAMETERS = 64  # of one filter: a schema is data from a peer
MAX_STR = 1_024  # characters of one text value
_IF = " if "  # in `context`

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "rate": "frames a second (25, 12.5 or 30000/1001)",
    "asset": "a file (its path, or @NAME for one that the workers serve)",
}
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}|/[0-9]{1,9})?")
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class ParameterError(ValueError):
    """An unknown filter or parameter, or a bad value; the text is one sentence for the person who gave it."""


class SchemaError(ValueError):
    """A peer announced something that is no schema."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its type (one of TYPES), default, bounds (both included) and meaning; of a text what it may be
    (`choices`) or of which characters (`charset`, one of CHARSETS)."""

    name: str
    type: str
    default: Value
    help: str
    minimum: int | float | None = None
    maximum: int | float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    charset: str = ""

    def check(self, value: Value, filter_name: str) -> Value:
        """Return the value with its proper type, from a text or a typed value. Raise ParameterError."""
        where = f"{filter_name}: {self.name}"
        typed = self._from_text(value) if isinstance(value, str) else self._from_typed(value)
        if typed is None:
            shown = f'"{value}"' if isinstance(value, str) else repr(value)
            raise ParameterError(f"{where} takes {_WORDS[self.type]}, not {shown}")
        unit = f" {self.unit}" if self.unit else ""
        number = float(Fraction(typed)) if self.type == "rate" else typed
        if isinstance(number, str):
            self._check_text(number, where)
        elif self.minimum is not None and number < self.minimum:
            raise ParameterError(f"{where} is {typed}; it must be at least {self.minimum}{unit}")
        elif self.maximum is not None and number > self.maximum:
            raise ParameterError(f"{where} is {typed}; it must be at most {self.maximum}{unit}")
        return typed

    def _check_text(self, text: str, where: str) -> None:
        if self.choices and text not in self.choices:
            raise ParameterError(f'{where} cannot be "{text}"{_meant(text, self.choices)}')
        if len(text) > MAX_STR:
            raise ParameterError(f"{where} has {len(text)} characters; the limit is {MAX_STR}")
        for character in text:
            if not self._is_known(character):
                known = CHARSETS[self.charset]
                way = fonts.way_out(character) if self.charset == "drawn" else ""
                raise ParameterError(f"{where} takes {known}; {_named(character)} is not allowed: {self.help}{way}")

    def _is_known(self, character: str) -> bool:
        if self.charset == "ascii":
            return character.isascii() and character.isprintable()
        if self.charset == "drawn":
            return fonts.can_draw(character)
        return not "\ud800" <= character <= "\udfff"  # what stands for bytes that are no text: no message carries it

    def _from_text(self, text: str) -> Value | None:
        if self.type == "str":
            return text
        if self.type == "bool":
            return _BOOLS.get(text.lower())
        if self.type == "rate":
            return _rate(text)
        if self.type == "asset":
            return Asset(text) if is_asset(text) else None
        try:
            return int(text) if self.type == "int" else _finite(float(text))
        except ValueError:
            return None

    def _from_typed(self, value: object) -> Value | None:
        if isinstance(value, bool):
            return value if self.type == "bool" else None
        if self.type == "rate" and isinstance(value, (int, float)):
            return _rate(repr(value))
        if self.type == "float" and isinstance(value, (int, float)):
            return _finite(value)
        return value if self.type == "int" and isinstance(value, int) else None

    def describe(self) -> str:
        """One line for a list of filters: `radius (int, 1..100 px, default 7): …`."""
        span = f", {self.minimum}..{self.maximum}" if self.minimum is not None else ""
        choices = f", one of {' '.join(self.choices)}" if self.choices else ""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} ({self.type}{span}{unit}{choices}, default {self.default}): {self.help}"


@dataclass(frozen=True, slots=True)
class FilterSchema:
    """A filter as others see it.

    `context` is how many earlier frames it needs: a number, or the name of the whole-number parameter that says it,
    or `PARAMETER if SWITCH`, which is none where the other parameter is false. `context_needed` is false for a filter
    that does well on a picture alone, such as an image. `material` is one of MATERIALS. `requires` says
    what the parameters must satisfy together (moviola.filters.requirements). `hides` is true where what it covers must
    not be seen. `label` is what a worker must be labelled with to be given it; empty for any worker.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    context: int | str = 0
    material: str = "picture"
    context_needed: bool = True
    requires: tuple[str, ...] = ()
    hides: bool = False
    label: str = ""

    def check(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """Return all parameters, typed, in the schema's order, with defaults filled in. Raise ParameterError, also
        where they do not go together."""
        typed = self.typed(given)
        defaults = {each.name: each.default for each in self.parameters}
        for requirement in self.requirements():
            if complaint := requirement.complaint(self.name, typed, defaults):
                raise ParameterError(complaint)
        return typed

    def requirements(self) -> Iterator[Requirement]:
        """Yield what the parameters must satisfy together."""
        types = {each.name: each.type for each in self.parameters}
        yield from (Requirement.read(text, types) for text in self.requires)

    def typed(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """Return all parameters as `check` does, but check each alone. Raise ParameterError."""
        known = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in known:
                takes = _meant(name, known) if known else "; it takes none"
                raise ParameterError(f'{self.name} has no parameter "{name}"{takes}')
        return {
            parameter.name: parameter.check(given.get(parameter.name, parameter.default), self.name)
            for parameter in self.parameters
        }

    def context_frames(self, parameters: Mapping[str, Value]) -> int:
        """How many earlier frames the filter needs with these checked parameters."""
        if isinstance(self.context, int):
            return self.context
        holder, _, switch = self.context.partition(_IF)
        return int(parameters[holder]) if not switch or parameters[switch] else 0

    def to_wire(self) -> dict[str, Any]:
        """Maps, lists, numbers and texts only."""
        parameters = [{**asdict(each), "choices": list(each.choices)} for each in self.parameters]
        return {
            "name": self.name,
            "summary": self.summary,
            "parameters": parameters,
            "context": self.context,
            "material": self.material,
            "context_needed": self.context_needed,
            "requires": list(self.requires),
            "hides": self.hides,
            "label": self.label,
        }

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> FilterSchema:
        """Return the schema that `to_wire` wrote; without a material it is for pictures, as older peers announce them.

        Fields that newer peers give a parameter are left out, and requirements that only they can read. Raise
        SchemaError where the map describes none.
        """
        try:
            listed = data["parameters"]
            if len(listed) > MAX_PARAMETERS:
                raise SchemaError(f"a filter's schema lists {len(listed)} parameters; the limit is {MAX_PARAMETERS}")
            parameters = tuple(_parameter(each) for each in listed)
            material, needed = data.get("material", "picture"), data.get("context_needed", True)
            hidden = data.get("hides", False)
            requires = tuple(_readable(data.get("requires", ()), parameters))
            about = (data["context"], material, needed, requires, hidden, data.get("label", ""))
            schema = cls(data["name"], data["summary"], parameters, *about)
            schema._validate()
        except (KeyError, TypeError, AttributeError, ParameterError) as error:
            raise SchemaError(f"a filter's schema cannot be read: {error!r}") from error
        return schema

    def _validate(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.summary, str):
            raise TypeError("name and summary are texts")
        for each in self.parameters:
            if not isinstance(each.name, str) or not isinstance(each.help, str) or not isinstance(each.unit, str):
                raise TypeError("a parameter's name, help and unit are texts")
            if each.type not in TYPES:
                raise TypeError(f"a parameter has an unknown type: {each.type!r}")
            if not all(isinstance(choice, str) for choice in each.choices):
                raise TypeError("choices are texts")
            if each.charset not in CHARSETS:
                raise TypeError(f"a parameter has an unknown charset: {each.charset!r}")
            each.check(each.default, self.name)
            if each.type == "asset" and each.default:
                raise TypeError("a file has no default: a client would read what it was never asked for")
        if isinstance(self.context, str):
            holder, condition, switch = self.context.partition(_IF)
            types = {each.name: each.type for each in self.parameters}
            if types.get(holder) != "int" or (condition and types.get(switch) != "bool"):
                raise TypeError(f"context must name a whole-number parameter, not {self.context!r}")
        elif isinstance(self.context, bool) or not isinstance(self.context, int) or self.context < 0:
            raise TypeError(f"context must be a number of frames, not {self.context!r}")
        if not isinstance(self.context_needed, bool):
            raise TypeError(f"context_needed must be true or false, not {self.context_needed!r}")
        if not isinstance(self.hides, bool):
            raise TypeError(f"hides must be true or false, not {self.hides!r}")
        if not isinstance(self.label, str) or (self.label and not is_label(self.label)):
            raise TypeError(f"label must have {SPELLING}, or be empty; it is {self.label!r:.80}")
        if self.material not in MATERIALS:
            raise TypeError(f"material must be one of {', '.join(MATERIALS)}, not {self.material!r}")


def check_chain(steps: Iterable[Step], schemas: Mapping[str, FilterSchema]) -> tuple[Step, ...]:
    """Return the steps with all parameters typed and defaults filled in, so that equal chains become equal. Raise
    ParameterError, also where a filter that decides which frames there are (of the material "frames") is not the
    first."""
    checked: list[Step] = []
    for step in steps:
        schema = schemas.get(step.name)
        if schema is None:
            raise ParameterError(unknown_filter(step.name, schemas) + _torn(step, checked, schemas))
        if checked and schema.material == "frames":
            raise ParameterError(f"{step.name} decides which frames there are: put it first in the chain, and once")
        checked.append(Step(step.name, schema.check(step.parameters)))
    return tuple(checked)


def unknown_filter(name: str, known: Iterable[str]) -> str:
    """Return the words that say that there is no filter of this name, and which one may have been meant."""
    return f'there is no filter "{name}"{_meant(name, known)}'


def _torn(step: Step, before: Sequence[Step], schemas: Mapping[str, FilterSchema]) -> str:
    """Return a hint for an unknown filter that may be the rest of a text with a comma, around which a shell took the
    double quotes away; empty where the filter before it takes no such text."""
    if not before or step.parameters:
        return ""
    given = schemas[before[-1].name].parameters
    text = next((each.name for each in given if each.type == "str" and not each.choices), "")
    if not text:
        return ""
    example = f'{before[-1].name}:{text}="a, b"'
    return f"; a text with commas stands in double quotes, and the chain in single ones: '{example}'"


def context_frames(steps: Iterable[Step], schemas: Mapping[str, FilterSchema]) -> int:
    """How many earlier source frames a checked chain needs: the sum over its filters."""
    return sum(schemas[step.name].context_frames(step.parameters) for step in steps)


def hides(steps: Iterable[Step], schemas: Mapping[str, FilterSchema]) -> bool:
    """Return whether a chain has a filter that covers what must not be seen."""
    return any(schemas[step.name].hides for step in steps)


def _parameter(data: Mapping[str, Any]) -> Parameter:
    known = {each.name for each in fields(Parameter)}
    given = {name: value for name, value in data.items() if name in known}
    return Parameter(**{**given, "choices": tuple(data["choices"])})


def _readable(texts: Sequence[str], parameters: Sequence[Parameter]) -> Iterator[str]:
    """Yield those of the requirements that this version can read."""
    types = {each.name: each.type for each in parameters}
    for text in texts[:MAX_PARAMETERS]:
        with suppress(ValueError):
            Requirement.read(text[:MAX_STR], types)
            yield text


def _named(character: str) -> str:
    """For example `'©' (U+00A9, COPYRIGHT SIGN)`."""
    name = unicodedata.name(character, "")
    return f"{character!r} (U+{ord(character):04X}{', ' if name else ''}{name})"


def _finite(number: int | float) -> float | None:
    """Return the number as float; None for infinities, NaN and integers that no float holds."""
    try:
        return float(number) if math.isfinite(number) else None
    except OverflowError:
        return None


def _rate(text: str) -> str | None:
    """Return the nearest fraction whose denominator is at most MAX_RATE_DENOMINATOR, as text; None for a text that is
    no rate."""
    if not _RATE.fullmatch(text.strip()):
        return None
    try:
        return str(Fraction(text.strip()).limit_denominator(MAX_RATE_DENOMINATOR))
    except ZeroDivisionError:
        return None


def _meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for a close match, otherwise the list of what is known."""
    names = sorted(known)
    return did_you_mean(word, names, '"') or f"; known: {', '.join(names) or 'none'}"
