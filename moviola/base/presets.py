"""Presets: named sets of settings of what is sent, built in or in `[presets.NAME]` of a configuration file.

A preset's name means one thing: what is built in cannot be defined again, and no name may stand in two files. Otherwise
a folder that was downloaded could make of `anonymise` something that shows every face.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moviola.base.config_files import PRESETS, ConfigError, ConfigFile, Layer
from moviola.base.suggestions import did_you_mean

TABLE: Final = "send"
"""The table whose keys a preset may have."""

HELP_KEY: Final = "help"
"""A preset's further key: a few words for people."""

BuiltIn = Mapping[str, Mapping[str, Any]]
"""Presets by name, as they would stand in a configuration file."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset.

    Attributes:
        name: how it is asked for.
        values: what it sets, by the keys of the table `[send]`.
        help: a few words for people; may be empty.
        file: the configuration file that defines it; None if it is built in.
    """

    name: str
    values: Mapping[str, Any]
    help: str
    file: ConfigFile | None

    @property
    def path(self) -> Path | None:
        """Return where the file is that defines it; None if it is built in."""
        return None if self.file is None else self.file.path

    @property
    def layer(self) -> ConfigFile:
        """Return it as a layer of settings. What its file may not say, it may not say either."""
        called = f"the preset {self.name!r}{self.origin}"
        return ConfigFile(self.path or Path(), Layer.PRESET, {TABLE: self.values}, called, part_of=self.file)

    @property
    def origin(self) -> str:
        """Return the end of a phrase that says where it is defined; empty if it is built in."""
        return "" if self.path is None else f" of {self.path}"


def all_presets(built_in: BuiltIn, files: Sequence[ConfigFile]) -> dict[str, Preset]:
    """Return all presets by name.

    Raises:
        ConfigError: one is no table, or its name is taken.
    """
    found = {name: _preset(name, values, None) for name, values in built_in.items()}
    for file in files:
        for name, values in _tables(file):
            if name in found:
                other = found[name].origin or ", which is built in"
                raise ConfigError(
                    f"{file.where(PRESETS)}, defines {name!r} again{other}; a preset's name means one thing: give "
                    "this one another"
                )
            found[name] = _preset(name, values, file)
    return found


def find_preset(name: str, built_in: BuiltIn, files: Sequence[ConfigFile]) -> Preset:
    """Return the preset of a name. Raises ConfigError if there is none, or if some are not as they must be."""
    known = all_presets(built_in, files)
    if name not in known:
        meant = did_you_mean(name, known, "'") or f"; there are {', '.join(known)}"
        raise ConfigError(f"there is no preset {name!r}{meant}")
    return known[name]


def _tables(file: ConfigFile) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, values in file.table(PRESETS).items():
        if not isinstance(values, dict):
            raise ConfigError(f"{file.where(PRESETS)}, has {name!r}, which is not a table such as [presets.soft]")
        yield name, values


def _preset(name: str, values: Mapping[str, Any], file: ConfigFile | None) -> Preset:
    settings = {key: value for key, value in values.items() if key != HELP_KEY}
    return Preset(name, settings, str(values.get(HELP_KEY, "")), file)
