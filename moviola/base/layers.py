"""Which value holds for a setting, of all that flags, variables and files say.

The nearest layer wins (`moviola.base.config_files.Layer`): a flag, a preset that was asked for, a variable that is not
empty, the file of `--config`, `moviola.toml` in this folder, the user's own, the default.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from moviola.base.config_files import SHARED, ConfigError, ConfigFile, Layer, check_keys, config_files
from moviola.base.paths import expanded
from moviola.base.presets import BuiltIn, find_preset
from moviola.base.settings import CONFIG_DEST, Setting, add_config, add_flags, from_values, settings_in, settings_of

_SAID: Final = "said"

PRESET_DEST: Final = "use_preset"
"""The setting that asks for a preset."""

S = TypeVar("S")


def read(
    declared: type[S],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    whole: Sequence[type] = (),
) -> S:
    """Parse a command line that has settings alone. What is wrong ends the process, as `parser.error` does.

    Args:
        whole: as `settle` takes it.
    """
    add_flags(parser, declared, environ)
    add_config(parser, environ)
    given = parser.parse_args(arguments)
    settle(parser, given, [declared], environ, whole)
    return settings_in(declared, given)


def resolved(declared: type[S], values: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> S:
    """Return settings without a command line: what a program gives, by name, stands for the flags.

    Raises:
        ConfigError, ValueError: a value is not what its setting takes, or a file is wrong; a sentence.
    """
    environ = os.environ if environ is None else environ
    checked = from_values(declared, values)
    given = argparse.Namespace(**{name: getattr(checked, name) for name in values})
    known = list(settings_of(declared))
    files = config_files(None, environ)
    check_files(files, known)
    said = {one.name: found for one in known if (found := find(one, given, environ, files)) is not None}
    return declared(**{one.name: decide(one, known, said).value for one in known})


def settle(
    parser: argparse.ArgumentParser,
    given: argparse.Namespace,
    declared: Sequence[type],
    environ: Mapping[str, str] | None = None,
    whole: Sequence[type] = (),
    presets: BuiltIn | None = None,
) -> None:
    """Set every setting that the parsed arguments lack, by the environment, the configuration files, or its default.

    What is wrong with a variable or a file ends the process, as `parser.error` does.

    Args:
        declared: the dataclasses of the settings.
        whole: dataclasses of settings of other programs in the same tables; a file may have their keys as well.
        presets: the built-in presets, for programs with the flag that asks for one.
    """
    environ = os.environ if environ is None else environ
    known = [one for each in declared for one in settings_of(each)]
    others = [one for each in whole for one in settings_of(each)]
    try:
        files = config_files(getattr(given, CONFIG_DEST, None), environ)
        if name := getattr(given, PRESET_DEST, ""):
            files = [find_preset(name, presets or {}, files).layer, *files]
        check_files(files, [*known, *others])
        said = {one.name: found for one in known if (found := find(one, given, environ, files)) is not None}
    except ConfigError as error:
        parser.error(str(error))
    for one in known:
        setattr(given, one.name, decide(one, known, said).value)
    setattr(given, _SAID, said)


def said_in(given: argparse.Namespace) -> Mapping[str, Said]:
    """Return which settings were set by anything but their default, by name, after `settle`: each with its value and
    where that is from."""
    found: Mapping[str, Said] = getattr(given, _SAID)
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """A value that was given to a setting, the layer that gave it, and its source in words: a flag, a variable or a
    file."""

    value: Any
    layer: Layer
    where: str


def decide(one: Setting, known: Iterable[Setting], said: Mapping[str, Said]) -> Said:
    """Return the value that holds for a setting. That is its default if it was given none, or if a setting that
    excludes it was given in a nearer layer.

    Args:
        said: the values that were given, by the names of settings.
    """
    default = Said(one.default, Layer.DEFAULT, "default")
    rivals = [other for other in known if other.excludes and other.excludes == one.excludes]
    rivals = [other for other in rivals if other.name in said and said[other.name].value is not False]
    nearest = min(rivals, key=lambda other: said[other.name].layer, default=one)
    return said.get(one.name, default) if nearest is one else default


def check_files(files: Sequence[ConfigFile], known: Sequence[Setting]) -> None:
    """Raise ConfigError for what files may not say: keys that are none of the settings of a table, or protected ones.

    Args:
        known: all settings of the tables that are checked.
    """
    for table in dict.fromkeys(one.table for one in known if one.table):
        mine = [one for one in known if one.table == table]
        check_keys(files, table, [one.key for one in mine], [one.key for one in mine if one.protected])
    shared = [key for one in known if one.protected for table, key in one.places if not table]
    check_keys(files, "", SHARED, shared)


def find(
    one: Setting, given: argparse.Namespace, environ: Mapping[str, str], files: Sequence[ConfigFile]
) -> Said | None:
    """Return the value that the nearest layer gives a setting; None if none does. Raises ConfigError.

    Args:
        files: the nearest first.
    """
    if hasattr(given, one.name):
        value = getattr(given, one.name)
        return Said(tuple(value) if one.repeats else value, Layer.FLAG, one.flag)
    nearer = [file for file in files if file.layer < Layer.VARIABLE]
    if (found := _in_files(one, nearer)) is not None:
        return found
    for name in one.variables:
        if text := environ.get(name):
            return Said(_of_variable(one, text, name), Layer.VARIABLE, name)
    return _in_files(one, files)


def _in_files(one: Setting, files: Iterable[ConfigFile]) -> Said | None:
    """What the first file that has a setting says of it. Raises ConfigError."""
    for file in files:
        for table, key in one.places:
            if key in (settings := file.table(table)):
                value = _of_file(one, settings[key], f"{file.where(table)}: {key}", file.path.parent)
                return Said(value, file.layer, file.called or str(file.path))
    return None


def _of_variable(one: Setting, text: str, name: str) -> Any:
    """The value of a variable; several are written as on a command line. Raises ConfigError."""
    if not one.repeats:
        return _checked(one, text, name)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"{name} takes values as a command line does, and in {text!r} a quote is not closed"
        ) from error
    return tuple(_checked(one, word, name) for word in words)


def _of_file(one: Setting, value: Any, where: str, folder: Path) -> Any:
    """The value of a key of a file in a folder. Raises ConfigError."""
    if one.is_switch:
        if not isinstance(value, bool):
            raise ConfigError(f"{where} is true or false, and {value!r} is neither")
        return value
    if isinstance(value, list) != bool(one.repeats) or isinstance(value, dict | bool):
        raise ConfigError(f"{where} takes {'a list of values' if one.repeats else 'one value'}, not {value!r}")
    read = [_checked(one, str(each), where) for each in (value if one.repeats else [value])]
    if one.type.is_path:
        try:
            read = [folder / expanded(path) for path in read]
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from error
    return tuple(read) if one.repeats else read[0]


def _checked(one: Setting, text: str, where: str) -> Any:
    """A text's value. Raises ConfigError."""
    try:
        value = one.type.read(text)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"{where}: {error}") from error
    if one.type.choices and value not in one.type.choices:
        raise ConfigError(f"{where}: {text!r} is not one of {', '.join(one.type.choices)}")
    return value
