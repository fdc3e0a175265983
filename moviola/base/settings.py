"""The settings of a program: a frozen dataclass whose fields say all that there is to know of each of them.

A field is made by `setting`: default, unit, bounds, help, flag and environment variables stand there, and nowhere else.
The parser, `--help`, what is read from the environment and from a configuration file, and docs/SETTINGS.md come of it.
The nearest source wins: a flag, then a variable that is not empty, then the file, then the default.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

PROGRAMS: Final = ("middleware", "aggregator", "worker", "client")
"""Whose tables a configuration file may have."""

CONFIG_FLAG: Final = "--config"
CONFIG_VARIABLE: Final = "MOVIOLA_CONFIG"
CONFIG_HELP: Final = "TOML file with settings, in a table for each program; see docs/SETTINGS.md"

_FACTS: Final = "setting"
_CONFIG: Final = "config_file"

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class ValueType:
    """How a value is written, and what it may be.

    `read` makes a value of a text, or raises argparse.ArgumentTypeError with what is wrong; `unit` and `bounds` are
    words for people; `placeholder` stands for the value in `--help`; `show` makes a text of a default. A flag takes
    nothing but `choices`, where there are some.
    """

    read: Callable[[str], Any]
    unit: str
    bounds: str
    placeholder: str | None = None
    show: Callable[[Any], str] = str
    choices: tuple[str, ...] = ()


SWITCH: Final = ValueType(bool, "switch", "on or off")


def choice(names: Iterable[str]) -> ValueType:
    """Return the type of values that are one of some names."""
    names = tuple(names)
    return ValueType(str, "name", ", ".join(names), choices=names)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one field."""

    name: str
    type: ValueType
    help: str
    flag: str
    aliases: tuple[str, ...]
    variables: tuple[str, ...]
    default: Any
    default_text: str
    excludes: str
    repeats: str

    @property
    def key(self) -> str:
        """Its name in a configuration file."""
        return self.flag.removeprefix("--")

    @property
    def is_switch(self) -> bool:
        return self.type is SWITCH


def setting(
    default: Any = MISSING,
    *,
    type: ValueType,
    help: str,
    flag: str = "",
    aliases: Sequence[str] = (),
    variables: Sequence[str] = (),
    factory: Callable[[], Any] | None = None,
    default_text: str | Callable[[], str] = "",
    excludes: str = "",
    repeats: str = "",
) -> Any:
    """Return a dataclass field that is a setting.

    Args:
        default: the value where nothing is said; or `factory`, which finds it on the machine.
        flag: by default the field's name with dashes.
        aliases: further flags that mean the same.
        variables: of the environment, the first that is set counts.
        default_text: what stands for the default in `--help` and in the reference, where the value says too little;
            or what returns it.
        excludes: settings with the same word exclude each other, and the nearest source decides for all of them.
        repeats: "append" if the flag may be given several times, "+" if it takes several values; then the value is a
            tuple, and a list in a configuration file.
    """
    facts = {
        "type": type,
        "help": help,
        "flag": flag,
        "aliases": tuple(aliases),
        "variables": tuple(variables),
        "default_text": default_text,
        "excludes": excludes,
        "repeats": repeats,
    }
    if factory is not None:
        return field(default_factory=factory, metadata={_FACTS: facts})
    return field(default=default, metadata={_FACTS: facts})


def settings_of(declared: type) -> Iterator[Setting]:
    """The settings that a dataclass declares, in their order."""
    for each in fields(declared):
        facts = dict(each.metadata[_FACTS])
        facts["flag"] = facts["flag"] or "--" + each.name.replace("_", "-")
        facts["default_text"] = text() if callable(text := facts["default_text"]) else text
        default = each.default if each.default_factory is MISSING else each.default_factory()
        yield Setting(name=each.name, default=default, **facts)


def add_flags(parser: argparse.ArgumentParser, declared: type, environ: Mapping[str, str] | None = None) -> None:
    """Give a parser the flags of a dataclass of settings. What it parses has all values after `read_into`."""
    environ = os.environ if environ is None else environ
    groups: dict[str, argparse._MutuallyExclusiveGroup] = {}
    for one in settings_of(declared):
        target: Any = parser
        if one.excludes:
            if one.excludes not in groups:
                groups[one.excludes] = parser.add_mutually_exclusive_group()
            target = groups[one.excludes]
        about = help_of(one, environ).replace("%", "%%")
        more: dict[str, Any] = {"dest": one.name, "default": argparse.SUPPRESS, "help": about}
        if one.is_switch:
            more["action"] = "store_true"
        else:
            more |= {"type": one.type.read, "metavar": one.type.placeholder, "choices": one.type.choices or None}
        if one.repeats:
            more |= {"action": "append"} if one.repeats == "append" else {"nargs": one.repeats}
        target.add_argument(one.flag, *one.aliases, **more)


def add_config(parser: argparse.ArgumentParser, environ: Mapping[str, str] | None = None) -> None:
    """Give a parser the flag `--config` (MOVIOLA_CONFIG): a configuration file."""
    environ = os.environ if environ is None else environ
    parser.add_argument(
        CONFIG_FLAG,
        dest=_CONFIG,
        type=Path,
        default=environ.get(CONFIG_VARIABLE) or None,
        metavar="FILE",
        help=f"{CONFIG_HELP} ({CONFIG_VARIABLE}; none)",
    )


def help_of(one: Setting, environ: Mapping[str, str]) -> str:
    """What `--help` says of a setting: its meaning, its variables, and its present default."""
    if one.is_switch:
        return " ".join([one.help, *([f"({', '.join(one.variables)})"] if one.variables else [])])
    told = next((environ[name] for name in one.variables if environ.get(name)), None)
    notes = [note for note in (", ".join(one.variables), default_of(one, told)) if note]
    return f"{one.help} ({'; '.join(notes)})" if notes else one.help


def default_of(one: Setting, told: str | None = None) -> str:
    """What a setting is where no flag is given: what a variable has `told`, or the default; empty without any."""
    if told is not None:
        return one.type.show(told)
    if one.default_text:
        return one.default_text.format(one.default)
    return "" if one.default in (None, ()) else one.type.show(one.default)


def read(
    declared: type[S],
    program: str,
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> S:
    """Parse a command line that has settings alone. What is wrong ends the process, as `parser.error` does."""
    add_flags(parser, declared, environ)
    add_config(parser, environ)
    return read_into(declared, program, parser, parser.parse_args(arguments), environ)


def read_into(
    declared: type[S],
    program: str,
    parser: argparse.ArgumentParser,
    given: argparse.Namespace,
    environ: Mapping[str, str] | None = None,
    table: type | None = None,
) -> S:
    """Return the settings of parsed arguments, the environment and the configuration file, and set them in `given`.

    What is wrong with a variable or with the file ends the process, as `parser.error` does.

    Args:
        table: the dataclass of all that the program's table of a file may have, where these settings are a part of it.
    """
    environ = os.environ if environ is None else environ
    known = list(settings_of(declared))
    try:
        keys = [one.key for one in settings_of(table or declared)]
        file = _table(getattr(given, _CONFIG, None), program, keys)
        told = {one.name: said for one in known if (said := _said(one, given, environ, file)) is not None}
    except _Wrong as error:
        parser.error(str(error))
    for one in known:
        rivals = [other for other in known if other.excludes and other.excludes == one.excludes and other.name in told]
        nearest = min(rivals, key=lambda other: told[other.name][0], default=one)
        value = told[one.name][1] if one is nearest and one.name in told else one.default
        setattr(given, one.name, tuple(value) if one.repeats else value)
    return declared(**{one.name: getattr(given, one.name) for one in known})


def settings_in(declared: type[S], given: argparse.Namespace) -> S:
    """Return the settings of a dataclass out of those that were read into `given`."""
    return declared(**{one.name: getattr(given, one.name) for one in settings_of(declared)})


def from_values(declared: type[S], values: Mapping[str, Any]) -> S:
    """Return settings of values that a program gives by the names of fields; the others are defaults.

    Raises:
        ValueError: a value is not what its setting takes; one sentence that names it.
    """
    known = {one.name: one for one in settings_of(declared)}
    return declared(**{name: _value(known[name], value) for name, value in values.items()})


def _value(one: Setting, value: Any) -> Any:
    """A value that is none of a text, as the setting's type has it. Raises ValueError."""
    if type(value) is type(one.default) and value == one.default:
        return value
    if one.is_switch:
        if not isinstance(value, bool):
            raise ValueError(f"{one.name} is True or False, and {value!r} is neither")
        return value
    if one.repeats:
        return tuple(_read(one, each) for each in value)
    return _read(one, value)


def _read(one: Setting, value: Any) -> Any:
    if one.type.choices and value not in one.type.choices:
        raise ValueError(f"{one.name} is one of {', '.join(one.type.choices)}, not {value!r}")
    try:
        return one.type.read(str(value))
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"{one.name}: {error}") from error


class _Wrong(Exception):
    """A sentence about the environment or the configuration file."""


def _said(
    one: Setting, given: argparse.Namespace, environ: Mapping[str, str], table: Mapping[str, Any]
) -> tuple[int, Any] | None:
    """How far away a setting is said (0: by a flag), and what; None where nothing is said."""
    if hasattr(given, one.name):
        return 0, getattr(given, one.name)
    for name in one.variables:
        if text := environ.get(name):
            return 1, _checked(one, text, f"argument {one.flag}")
    if one.key not in table or table[one.key] is False:
        return None
    value, where = table[one.key], f"{table['']}: {one.key}"
    if one.is_switch:
        if value is not True:
            raise _Wrong(f"{where} is true or false, and {value!r} is neither")
        return 2, True
    if isinstance(value, list) != bool(one.repeats) or isinstance(value, dict | bool):
        raise _Wrong(f"{where} takes {'a list of values' if one.repeats else 'one value'}, and {value!r} is none")
    read = [_checked(one, str(each), where) for each in (value if one.repeats else [value])]
    return 2, read if one.repeats else read[0]


def _checked(one: Setting, text: str, where: str) -> Any:
    """A text's value. Raises _Wrong."""
    try:
        return one.type.read(text)
    except argparse.ArgumentTypeError as error:
        raise _Wrong(f"{where}: {error}") from error


def _table(path: Path | None, program: str, keys: Sequence[str]) -> Mapping[str, Any]:
    """The program's table of a configuration file, checked for its names; under "" how to speak of it."""
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise _Wrong(f"the configuration {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise _Wrong(f"the configuration {path} is not TOML: {error}") from error
    for name, table in tables.items():
        if name not in PROGRAMS or not isinstance(table, dict):
            raise _Wrong(f"the configuration {path} has {name!r}; there are the tables {', '.join(PROGRAMS)}")
    table = tables.get(program, {})
    for key in table:
        if key not in keys:
            near = get_close_matches(key, keys, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(keys)}"
            raise _Wrong(f"the configuration {path}, [{program}], has no setting {key!r}; {meant}")
    return {**table, "": f"the configuration {path}, [{program}]"}
