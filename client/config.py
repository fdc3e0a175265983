"""Shows which settings hold, and which variable or file says so, as it would stand in a configuration file.

Exit status: 0 shown; 2 wrong usage, or something is wrong with a variable or a file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from moviola.base.config_files import (
    CONFIG_VARIABLE,
    FOLDER_VARIABLE,
    PRESETS,
    TABLES,
    USER_VARIABLE,
    ConfigError,
    ConfigFile,
    Layer,
    config_files,
    config_paths,
)
from moviola.base.invocation import typed
from moviola.base.layers import Said, check_files, decide, find
from moviola.base.paths import near
from moviola.base.presets import HELP_KEY, Preset, all_presets
from moviola.base.process_entry import run_as_process
from moviola.base.sentences import capitalised
from moviola.base.settings import CONFIG_DEST, Setting, add_config, add_flags, default_of, settings_of
from moviola.base.suggestions import did_you_mean
from moviola.display.terminal import Terminal
from moviola.session import presets
from moviola.session.outcome import Status

from .declared import kept_settings
from .options import Parser
from .settings import ConfigSettings

WIDTH: Final = 80
"""The most columns of a line, unless a value is longer: values stay whole, so that they can be copied."""

VALUE_COLUMN: Final = 44
"""Where the remarks begin."""

OTHER_VARIABLES: Final = frozenset((
    CONFIG_VARIABLE, FOLDER_VARIABLE, USER_VARIABLE,
    "MOVIOLA_CHECK_SENT", "MOVIOLA_CLUSTER",  # tests; moviola.launcher
    "MOVIOLA_PUBLISH", "MOVIOLA_USER", "MOVIOLA_WORKERS",  # docker-compose.yml
))  # fmt: skip
"""Variables of this project that are no settings."""

LAYERS: Final = {
    Layer.NAMED_FILE: "--config FILE",
    Layer.FOLDER_FILE: "this folder's",
    Layer.USER_FILE: "the user's",
}

Held = Mapping[str, Sequence[tuple[Setting, Said]]]
"""By table, each of its settings, and what holds for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for, and return the exit status."""
    options = _read_options(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    named = getattr(options, CONFIG_DEST)
    try:
        if options.paths:
            _print_paths(stdout, named, as_json=options.json)
            return Status.DONE
        files = config_files(named, os.environ)
        known = all_presets(presets.PRESETS, files)
        held = what_holds(files, os.environ)
    except ConfigError as error:
        return stderr.fail(Status.WRONG, capitalised(str(error)))
    for sentence in unread_variables(os.environ):
        stderr.say(sentence)
    if options.json:
        stdout.json(as_json(held, files, known))
        return Status.DONE
    if options.table == PRESETS:
        _print_presets(stdout, known.values())
        return Status.DONE
    for table in held if options.table is None else [options.table]:
        _print_table(stdout, table, held[table], said_only=options.said)
    if options.table is None:
        stdout.say((f"# '{typed('config')} {PRESETS}' shows {len(known)} presets", "dim"))
    return Status.DONE


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("config"), description=summary, epilog=statuses)
    tables = (*TABLES, PRESETS)
    parser.add_argument(
        "table", nargs="?", choices=tables, metavar="TABLE", help=f"this one alone: {', '.join(tables)}"
    )
    add_flags(parser, ConfigSettings)
    add_config(parser)
    options = parser.parse_args(arguments)
    for one in settings_of(ConfigSettings):  # without the files, of which one may be wrong
        setattr(options, one.name, getattr(options, one.name, one.default))
    return options


def what_holds(files: Sequence[ConfigFile], environ: Mapping[str, str]) -> Held:
    """Return the value that holds for each setting, by variables, files and defaults.

    Raises:
        ConfigError: one of them has a value that is not allowed.
    """
    tables = kept_settings()
    nothing = argparse.Namespace()
    held: dict[str, list[tuple[Setting, Said]]] = {}
    check_files(files, [one for known in tables.values() for one in known])
    for table, known in tables.items():
        said = {one.name: found for one in known if (found := find(one, nothing, environ, files)) is not None}
        held[table] = [(one, decide(one, known, said)) for one in known]
    return held


def unread_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that begins as ours do, and that nothing reads."""
    known = {variable for settings in kept_settings().values() for one in settings for variable in one.variables}
    for name in sorted(environ):
        if name.startswith("MOVIOLA_") and name not in known | OTHER_VARIABLES:
            yield f"The variable {name} is set, and nothing reads it{did_you_mean(name, known)}"


def as_json(held: Held, files: Sequence[ConfigFile], known: Mapping[str, Preset]) -> dict[str, Any]:
    """Return all that is shown, as JSON types."""
    return {
        "files": [str(file.path) for file in files],
        "settings": {
            table: {one.key: {"value": _plain(one, said.value), "from": said.where} for one, said in settings}
            for table, settings in held.items()
        },
        "presets": {
            name: {"help": one.help, "sets": _dates_as_texts(one.values), "from": str(one.path or "built in")}
            for name, one in known.items()
        },
    }


def _print_paths(stdout: Terminal, named: Path | None, *, as_json: bool) -> None:
    """Print the configuration files that count if they exist, the nearest first."""
    paths = list(config_paths(named, os.environ))
    if as_json:
        stdout.json(
            [{"file": LAYERS[layer], "path": str(path), "exists": os.path.isfile(path)} for layer, path in paths]
        )
        return
    for layer, path in paths:
        state = ("there", "green") if os.path.isfile(path) else ("not there", "dim")
        stdout.say(f"{LAYERS[layer]:<15}", (f"{state[0]:<11}", state[1]), str(path))


def _print_table(stdout: Terminal, table: str, settings: Sequence[tuple[Setting, Said]], *, said_only: bool) -> None:
    shown = [(one, said) for one, said in settings if not said_only or said.layer is not Layer.DEFAULT]
    if not shown:
        return
    stdout.say((f"[{table}]", "bold"))
    for one, said in shown:
        value = _toml(_plain(one, said.value))
        if value is None:
            _print_line(stdout, f"# {one.key}", default_of(one) or "none", is_default=True)
        else:
            remark = "default" if said.layer is Layer.DEFAULT else _near(said.where)
            _print_line(stdout, f"{one.key} = {value}", remark, is_default=said.layer is Layer.DEFAULT)
    stdout.say()


def _print_presets(stdout: Terminal, known: Iterable[Preset]) -> None:
    for preset in known:
        origin = "built in" if preset.path is None else _near(str(preset.path))
        _print_line(stdout, f"[{PRESETS}.{preset.name}]", origin, is_default=preset.path is None)
        if preset.help:
            stdout.say(f"{HELP_KEY} = {_toml(preset.help)}")
        for key, value in preset.values.items():
            stdout.say(f"{key} = {_toml(_dates_as_texts(value))}")
        stdout.say()


def _print_line(stdout: Terminal, text: str, remark: str, *, is_default: bool) -> None:
    """Print a line with a remark behind it, or above it if both do not fit into one line."""
    style = "dim" if is_default else "cyan"
    if len(text) < VALUE_COLUMN and VALUE_COLUMN + len(remark) + 2 <= WIDTH:
        stdout.say(f"{text:<{VALUE_COLUMN}}", (f"# {remark}", style))
    else:
        stdout.say((f"# {remark}", style))
        stdout.say(text)


def _plain(one: Setting, value: Any) -> Any:
    """Return a setting's value as TOML and JSON can have it; one that is written in a form of its own, such as a size,
    as a text."""
    if value is None or value == "" or isinstance(value, bool):
        return None if value == "" else value
    if one.repeats:
        return [str(each) for each in value] or None
    return value if isinstance(value, int | float) and one.type.show is str else _shown(one, value)


def _shown(one: Setting, value: Any) -> Any:
    """A value as it is written; seconds that are written as a number stay one."""
    text = str(value) if isinstance(value, Path) else one.type.show(value)
    return value if isinstance(value, float) and text == str(value) else text


def _dates_as_texts(value: Any) -> Any:
    """Return what stands in a TOML file with texts for dates and times, of which no setting takes one."""
    match value:
        case str() | int() | float():
            return value
        case list():
            return [_dates_as_texts(each) for each in value]
        case Mapping():
            return {key: _dates_as_texts(each) for key, each in value.items()}
    return str(value)


def _toml(value: Any) -> str | None:
    """Return a value of plain types as TOML; None for no value."""
    if value is None:
        return None
    if isinstance(value, list):
        return f"[{', '.join(filter(None, map(_toml, value)))}]"
    return json.dumps(value, ensure_ascii=False)


def _near(where: str) -> str:
    """Return a path as a person would type it in this folder."""
    here = near(where)
    if here != where:
        return f"./{here}"
    home = Path(os.path.expanduser("~"))
    return str(Path("~") / Path(where).relative_to(home)) if Path(where).is_relative_to(home) else where


if __name__ == "__main__":
    sys.exit(run_as_process(main))
