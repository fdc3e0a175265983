"""Configuration files: which of them count, and what may stand in them.

Up to three count, the nearest first: the one that is named (`--config FILE` or MOVIOLA_CONFIG), `moviola.toml` in the
folder where a command is typed, and `moviola.toml` in the user's configuration folder. Folders above the current one
are not searched: what counts is then in one place, and not in a folder such as /tmp that others write to.

Whoever makes a folder decides what is in its file, and the folder may have been downloaded. So that file may not say
what the person who types must decide: with which cluster to speak, whom to trust, which code to run. Settings of that
sort are *protected*, and refused there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from moviola.base.paths import expanded
from moviola.base.suggestions import did_you_mean

CONFIG_NAME: Final = "moviola.toml"

CONFIG_VARIABLE: Final = "MOVIOLA_CONFIG"
"""Names the file that `--config` names."""

FOLDER_VARIABLE: Final = "MOVIOLA_FOLDER_CONFIG"
"""Names a file instead of the current folder's one: for programs that are started in another folder."""

USER_VARIABLE: Final = "MOVIOLA_USER_CONFIG"
"""Names a file instead of the one in the user's configuration folder; /dev/null stands for none."""

PROGRAMS: Final = ("middleware", "aggregator", "worker", "client", "web")
TABLES: Final = (*PROGRAMS, "send", "up")
"""The tables with settings: of each program, of what is sent, and of a cluster on this machine."""

PRESETS: Final = "presets"
"""The table with a table for each preset."""

SHARED: Final = (
    "bind", "host", "log", "no-secret", "port", "results", "secret-file", "state", "user-name",
)  # fmt: skip
"""The settings that may stand before all tables, for every program that has them."""

MAX_CONFIG: Final = 1 << 20
"""Bytes of a configuration file. One with every setting and a hundred presets has a hundredth of this."""


class ConfigError(Exception):
    """Something is wrong with a configuration file or a variable; the text is for the person who wrote it."""


class Layer(IntEnum):
    """Where a setting is said. The lower number is nearer, and wins."""

    FLAG = 0
    PRESET = 1
    VARIABLE = 2
    NAMED_FILE = 3
    FOLDER_FILE = 4
    USER_FILE = 5
    DEFAULT = 6


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file that was read, or a part of one that stands alone, as a preset does.

    Attributes:
        path: where it is.
        layer: which layer of settings it makes.
        content: its tables, and the settings before them.
        called: what sentences call it, if not after its path.
        part_of: the file that it stands in, if it is a part.
    """

    path: Path
    layer: Layer
    content: Mapping[str, Any]
    called: str = ""
    part_of: ConfigFile | None = None

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table; that of the name "" holds the settings before all tables."""
        if not name:
            return {key: value for key, value in self.content.items() if not isinstance(value, dict)}
        table: Mapping[str, Any] = self.content.get(name, {})
        return table

    def where(self, table: str) -> str:
        """Return words for a table of this file, for sentences."""
        if self.called:
            return self.called
        return f"the configuration {self.path}, [{table}]" if table else f"the configuration {self.path}"


def config_paths(named: Path | None, environ: Mapping[str, str]) -> Iterator[tuple[Layer, Path]]:
    """Yield the files that count if they exist, the nearest first, each with its layer. Raises ConfigError."""
    if named is not None:
        yield Layer.NAMED_FILE, _absolute(named)
    yield Layer.FOLDER_FILE, _absolute(Path(environ.get(FOLDER_VARIABLE) or CONFIG_NAME))
    told = environ.get(USER_VARIABLE)
    yield Layer.USER_FILE, _absolute(Path(told)) if told else user_config()


def user_config() -> Path:
    """Return the path of the configuration file in the user's configuration folder."""
    from platformdirs import user_config_path  # noqa: PLC0415 - it takes some milliseconds of every start

    return user_config_path("moviola", appauthor=False) / CONFIG_NAME


def config_files(named: Path | None, environ: Mapping[str, str]) -> list[ConfigFile]:
    """Return the configuration files that count, the nearest first.

    Args:
        named: the file that `--config` names; it must exist.

    Raises:
        ConfigError: one of them cannot be read, is no TOML, or has tables that nobody reads.
    """
    files: list[ConfigFile] = []
    for layer, path in config_paths(named, environ):
        if any(_is_same(path, file.path) for file in files):
            continue  # it counts once, in the nearest layer; whoever named it with --config has read it, so trust it
        content = _read(path, must_exist=layer is Layer.NAMED_FILE)
        if content is not None:
            _check_tables(path, content)
            files.append(ConfigFile(path, layer, content))
    return files


def check_keys(files: Iterable[ConfigFile], table: str, known: Sequence[str], protected: Sequence[str]) -> None:
    """Raise ConfigError for a key of a table that is none of `known`, or that a folder's file may not have."""
    for file in files:
        for key in file.table(table):
            if key not in known:
                meant = did_you_mean(key, known, "'") or f"; there are {', '.join(known)}"
                raise ConfigError(f"{file.where(table)}, has no setting {key!r}{meant}")
            if key in protected and (file.part_of or file).layer is Layer.FOLDER_FILE:
                raise ConfigError(
                    f"{file.where(table)}, sets {key!r}, which a folder's file may not: whoever made the folder would "
                    f"decide with whom you speak, or which code runs; put it into {user_config()}, or name this file "
                    f"with --config"
                )


def _absolute(path: Path) -> Path:
    """Return a path that holds in any folder. Raises ConfigError."""
    try:
        return Path(os.path.abspath(expanded(path)))
    except ValueError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from error
    except OSError as error:
        raise ConfigError("the current folder is gone, or may not be entered: change into another") from error


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    """Return whether there is a file. One in a folder that this user may not look into counts as missing."""
    try:
        return path.is_file()
    except OSError:
        return False


def _read(path: Path, *, must_exist: bool) -> Mapping[str, Any] | None:
    """Return the content of a file; None where there is none and it need not exist. Raises ConfigError."""
    if not must_exist and not _is_file(path):
        return None
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG + 1)
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror}") from error
    if len(text) > MAX_CONFIG:
        raise ConfigError(f"the configuration {path} has more than {MAX_CONFIG} bytes, the most that is read")
    import tomllib  # noqa: PLC0415 - most starts find no file

    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or brackets in brackets without end
        raise ConfigError(f"the configuration {path} is not TOML: {error}") from error


def _check_tables(path: Path, content: Mapping[str, Any]) -> None:
    tables = (*TABLES, PRESETS)
    for name, value in content.items():
        is_table = isinstance(value, dict)
        if name in (tables if is_table else SHARED):
            continue
        known = sorted((*tables, *SHARED))
        if name in known:
            what = "a table, with settings in it" if name in tables else "a setting, with a value"
            raise ConfigError(f"the configuration {path} has {name!r}, which is {what}")
        meant = did_you_mean(name, tables if is_table else known, "'")
        there_are = f"; there are the tables {', '.join(tables)}, and before them {', '.join(SHARED)}"
        raise ConfigError(f"the configuration {path} has {name!r}{meant or there_are}")
