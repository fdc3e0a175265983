"""The settings of a program: a frozen dataclass whose fields say all that there is to know of each of them.

A field is made by `setting`: default, unit, bounds, help, flag and environment variables stand there, and nowhere else.
The parser, `--help`, what is read from the environment and from configuration files, `moviola config`, and
docs/SETTINGS.md come of it.

Which of several sources wins is in `moviola.base.layers`.

A class of settings names its table of those files (`TABLE`). The setting `some_key` of the table `worker` stands in
`[worker]` as `some-key`, and its variable is MOVIOLA_WORKER_SOME_KEY. Every other variable that begins with MOVIOLA_
has a place in a file too, by the same rule read backwards: MOVIOLA_HOST is `host` before all tables. Settings without a
table are what is wished of one command: they are flags, and nothing else.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from moviola.base.command_line import set_completer
from moviola.base.config_files import CONFIG_VARIABLE, TABLES

CONFIG_FLAG: Final = "--config"
CONFIG_HELP: Final = "TOML file with settings, in a table for each program; see docs/SETTINGS.md"

PREFIX: Final = "MOVIOLA_"
"""Of every variable that has a place in a configuration file."""

_FACTS: Final = "setting"
CONFIG_DEST: Final = "config_file"

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class ValueType:
    """How a value is written, and what it may be.

    `read` makes a value of a text, or raises argparse.ArgumentTypeError with what is wrong; `unit` and `bounds` are
    words for people; `placeholder` stands for the value in `--help`; `show` makes a text of a default. A flag takes
    nothing but `choices`, where there are some. `completes` names what the Tab key offers (see
    `moviola.base.command_line.set_completer`). A value that `is_path` is meant from where it is said: from the current
    folder, or from the folder of the configuration file.
    """

    read: Callable[[str], Any]
    unit: str
    bounds: str
    placeholder: str | None = None
    show: Callable[[Any], str] = str
    choices: tuple[str, ...] = ()
    is_path: bool = False
    completes: str = ""


def switch(text: str) -> bool:
    """Return what a text says of a switch. Raises argparse.ArgumentTypeError."""
    if text.lower() not in _SWITCHED:
        raise argparse.ArgumentTypeError(f"it is on or off (1 or 0, yes or no, true or false), and '{text}' is neither")
    return _SWITCHED[text.lower()]


def is_on(text: str) -> bool:
    """Return whether a variable turns a switch on; one that is empty, or that says neither, does not."""
    return _SWITCHED.get(text.lower(), False)


_SWITCHED: Final = {
    **dict.fromkeys(("1", "on", "yes", "true"), True),
    **dict.fromkeys(("0", "off", "no", "false"), False),
}

SWITCH: Final = ValueType(switch, "switch", "on or off", show=lambda value: "on" if value else "off")


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
    table: str
    told_by: tuple[str, ...]
    default: Any
    default_text: str
    excludes: str
    repeats: str
    protected: bool

    @property
    def key(self) -> str:
        """Its name in a configuration file."""
        return self.flag.removeprefix("--")

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Where in a configuration file it may stand, as tables and keys; the first one found counts."""
        if not self.table:
            return ()
        elsewhere = (place_of(variable) for variable in self.told_by if variable.startswith(PREFIX))
        return tuple(dict.fromkeys([(self.table, self.key), *elsewhere]))

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that say it; the first one that is set counts."""
        own = [variable_of(self.table, self.key)] if self.table else []
        return tuple(dict.fromkeys([*own, *self.told_by]))

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
    protected: bool = False,
    once: bool = False,
) -> Any:
    """Return a dataclass field that is a setting.

    Args:
        default: the value where nothing is said; or `factory`, which finds it on the machine.
        flag: by default the field's name with dashes.
        aliases: further flags that mean the same.
        variables: of the environment, beside the one that its table and key make; the first that is set counts.
        default_text: what stands for the default in `--help` and in the reference, where the value says too little;
            or what returns it.
        excludes: settings with the same word exclude each other, and the nearest source decides for all of them.
        repeats: "append" if the flag may be given several times, "+" if it takes several values; then the value is a
            tuple, and a list in a configuration file.
        protected: not for the configuration file that lies in a folder by chance (see `moviola.base.config_files`).
        once: a wish for one command alone: a flag, without a variable and a place in files.
    """
    facts = {
        "type": type,
        "help": help,
        "flag": flag,
        "aliases": tuple(aliases),
        "told_by": tuple(variables),
        "default_text": default_text,
        "excludes": excludes,
        "repeats": repeats,
        "protected": protected,
        "once": once,
    }
    if factory is not None:
        return field(default_factory=factory, metadata={_FACTS: facts})
    return field(default=default, metadata={_FACTS: facts})


def variable_of(table: str, key: str) -> str:
    """Return the variable of a place in a configuration file."""
    return PREFIX + "_".join(filter(None, (table, key))).replace("-", "_").upper()


def place_of(variable: str) -> tuple[str, str]:
    """Return the place in a configuration file that has a variable: its table, or "", and its key."""
    words = variable.removeprefix(PREFIX).lower()
    table, _, key = words.partition("_")
    return (table, key.replace("_", "-")) if table in TABLES and key else ("", words.replace("_", "-"))


def settings_of(declared: type) -> Iterator[Setting]:
    """The settings that a dataclass declares, in their order."""
    table = getattr(declared, "TABLE", "")
    for each in fields(declared):
        facts = dict(each.metadata[_FACTS])
        place = "" if facts.pop("once") else table
        facts["flag"] = facts["flag"] or "--" + each.name.replace("_", "-")
        facts["default_text"] = text() if callable(text := facts["default_text"]) else text
        default = each.default if each.default_factory is MISSING else each.default_factory()
        yield Setting(name=each.name, table=place, default=default, **facts)


def add_flags(parser: argparse.ArgumentParser, declared: type, environ: Mapping[str, str] | None = None) -> None:
    """Give a parser the flags of a dataclass of settings. What it parses has all values after `settle`."""
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
        flags = sorted([one.flag, *one.aliases], key=lambda flag: flag.startswith("--"))  # the short ones first
        action = target.add_argument(*flags, **more)
        if not (one.is_switch or one.type.choices or one.type.is_path):
            set_completer(action, one.type.completes)


def add_config(parser: argparse.ArgumentParser, environ: Mapping[str, str] | None = None) -> None:
    """Give a parser the flag `--config` (MOVIOLA_CONFIG): a configuration file."""
    environ = os.environ if environ is None else environ
    parser.add_argument(
        CONFIG_FLAG,
        dest=CONFIG_DEST,
        type=Path,
        default=environ.get(CONFIG_VARIABLE) or None,
        metavar="FILE",
        help=f"{CONFIG_HELP} ({CONFIG_VARIABLE}; none)",
    )


def help_of(one: Setting, environ: Mapping[str, str]) -> str:
    """What `--help` says of a setting: its meaning, its variables, and its present default. Where several programs
    share a variable, the one of this program alone is left out."""
    variables = ", ".join(one.told_by or one.variables)
    if one.is_switch:
        return f"{one.help} ({variables})" if variables else one.help
    told = next((environ[name] for name in one.variables if environ.get(name)), None)
    notes = [note for note in (variables, default_of(one, told)) if note]
    return f"{one.help} ({'; '.join(notes)})" if notes else one.help


def default_of(one: Setting, told: str | None = None) -> str:
    """What a setting is where no flag is given: what a variable has `told`, or the default; empty without any."""
    if told is not None:
        return one.type.show(told)
    if one.default_text:
        return one.default_text.format(one.default)
    return "" if one.default in (None, ()) else one.type.show(one.default)


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
