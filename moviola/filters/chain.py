"""A filter chain as text and as steps: `blur:radius=5,edges:low=50:high=150`.

    chain = step ("," step)*
    step  = name (":" key "=" value)*
    value = bare text without , : " or surrounding blanks, or "text in double quotes" with \\" and \\\\ inside

Plain data: no numpy, no codec, no OpenCV. What the values mean is `moviola.filters.schema`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = int | float | str | bool

MAX_STEPS = 32  # a chain is written by a person; each step costs every frame
MAX_TEXT = 16_384  # characters; a chain travels in every task's header

_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_BARE = re.compile(r'[^,:"]*')
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPED = re.compile(r'\\(["\\])')
_ESCAPE = re.compile(r'(["\\])')


class ChainError(ValueError):
    """Raised for a chain that cannot be read; the text is one sentence for the person who wrote it."""


class NamelessValue(ChainError):
    """Raised for a value without the name of its parameter, as in `blur:5`.

    Attributes:
        filter: the name of the filter before it.
        value: the value.
    """

    def __init__(self, text: str, filter: str, value: str) -> None:
        super().__init__(text)
        self.filter, self.value = filter, value


@dataclass(frozen=True, slots=True)
class Step:
    """One filter of a chain.

    Attributes:
        name: of the filter.
        parameters: by name; texts until a schema has given them their types.
    """

    name: str
    parameters: dict[str, Value] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """Return the step as a map of plain data, which `from_wire` reads."""
        return {"name": self.name, "parameters": dict(self.parameters)}

    @classmethod
    def from_wire(cls, data: object) -> Step:
        """Return the step that `to_wire` wrote.

        Raises:
            ChainError: the map holds no step.
        """
        if not isinstance(data, Mapping):
            raise ChainError(f"a step of the chain must be a map, not {data!r:.80}")
        name, parameters = data.get("name"), data.get("parameters", {})
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ChainError(f"a step of the chain has an invalid filter name: {name!r}")
        if not isinstance(parameters, Mapping):
            raise ChainError(f"the parameters of filter {name} must be a map")
        for key, value in parameters.items():
            if not isinstance(key, str) or not _NAME.fullmatch(key):
                raise ChainError(f"filter {name} has a parameter with an invalid name: {key!r:.80}")
            if not isinstance(value, (bool, int, float, str)):
                raise ChainError(f"filter {name}: {key} is neither a number, a text nor true/false")
        return cls(name, dict(parameters))


def parse_chain(text: str) -> tuple[Step, ...]:
    """Return the steps of a chain; all values are texts.

    Raises:
        ChainError: the text is no chain, or is too long.
    """
    if len(text) > MAX_TEXT:
        raise ChainError(f"the filter chain has {len(text)} characters; the limit is {MAX_TEXT}")
    return _Reader(text).chain()


def format_chain(steps: Iterable[Step]) -> str:
    """Return the canonical text of a chain. `parse_chain` gives back the same steps, with values as text."""
    return ",".join(
        ":".join([step.name, *(f"{key}={format_value(value)}" for key, value in step.parameters.items())])
        for step in steps
    )


def format_value(value: Value) -> str:
    """Return a value as chain text: `true`, `false`, the shortest number that reads back equal; quoted if needed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else repr(value)
    if text and text == text.strip() and _BARE.fullmatch(text):
        return text
    return '"' + _ESCAPE.sub(r"\\\1", text) + '"'


class _Reader:
    """Reads a chain from left to right; `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def chain(self) -> tuple[Step, ...]:
        steps = [self.step()]
        while self.take(","):
            steps.append(self.step())
            if len(steps) > MAX_STEPS:
                raise ChainError(f"the filter chain has more than {MAX_STEPS} filters")
        if self.at < len(self.text):
            raise self.error('expected "," or ":"')
        return tuple(steps)

    def step(self) -> Step:
        name = self.name("a filter name")
        parameters: dict[str, Value] = {}
        while self.take(":"):
            key = self.key(name)
            if key in parameters:
                raise ChainError(f'filter {name} is given "{key}" twice')
            parameters[key] = self.value(key)
        return Step(name, parameters)

    def key(self, filter_name: str) -> str:
        """Read the name of a parameter and the = after it."""
        start = self.at
        try:
            key = self.name("a parameter name")
            if not self.take("="):
                raise self.error(f'expected "=" after "{key}"')
        except ChainError as error:
            bare = _BARE.match(self.text, start)
            value = bare.group().strip() if bare else ""
            if value and "=" not in value:
                raise NamelessValue(str(error), filter_name, value) from error
            raise
        return key

    def name(self, what: str) -> str:
        self.skip_blanks()
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise self.error(f"expected {what}")
        self.at = match.end()
        return match.group()

    def value(self, key: str) -> str:
        self.skip_blanks()
        if self.text.startswith('"', self.at):
            quoted = _QUOTED.match(self.text, self.at)
            if quoted is None:
                raise self.error(f'the quoted value of "{key}" does not end, or has a stray backslash')
            self.at = quoted.end()
            return _ESCAPED.sub(r"\1", quoted.group(1))
        bare = _BARE.match(self.text, self.at)
        value = bare.group().strip() if bare else ""
        if not value:
            raise self.error(f'expected a value for "{key}"')
        self.at += len(bare.group()) if bare else 0
        return value

    def take(self, character: str) -> bool:
        self.skip_blanks()
        found = self.text.startswith(character, self.at)
        self.at += found
        return found

    def skip_blanks(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def error(self, what: str) -> ChainError:
        rest = self.text[self.at :]
        found = f'"{rest[:20]}{"…" if len(rest) > 20 else ""}"' if rest else "the end"
        return ChainError(f"filter chain, at character {self.at}: {what}, found {found}")
