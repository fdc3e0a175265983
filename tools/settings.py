"""Writes docs/SETTINGS.md from the settings in the code: `python -m tools.settings`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from moviola.base.config_files import CONFIG_NAME, CONFIG_VARIABLE, FOLDER_VARIABLE, SHARED, TABLES, USER_VARIABLE
from moviola.base.presets import HELP_KEY
from moviola.base.settings import CONFIG_FLAG, Setting, settings_of
from moviola.session.presets import PRESETS

PAGE: Final = Path(__file__).parents[1] / "docs" / "SETTINGS.md"


def presets() -> str:
    """The presets that are built in, as a table."""
    rows = ["| preset | what it does |", "| --- | --- |"]
    rows += [f"| `{name}` | {values[HELP_KEY]} |" for name, values in PRESETS.items()]
    return "".join(f"{row}\n" for row in rows)


HEAD: Final = f"""\
# Settings

Written from the settings in the code by `python -m tools.settings`; a test checks that this page is fresh.

A setting is said by a flag, by an environment variable, or in a configuration file. Of several that say something the
nearest wins:

1. a flag
2. a [preset](#presets) that was asked for
3. an environment variable that is not empty
4. the file that `{CONFIG_FLAG} FILE` or `{CONFIG_VARIABLE}` names
5. `{CONFIG_NAME}` in the folder where the command is typed
6. `{CONFIG_NAME}` in the user's configuration folder: `~/.config/moviola/` on Linux,
   `~/Library/Application Support/moviola/` on macOS
7. the default

`moviola config` shows what holds, and which variable or file says it, in the form of a configuration file;
`moviola config --paths` which files there may be.

## Files

Files are TOML, and have a table for each program, and one for what is sent. A key is a flag without its dashes. What
several programs share may stand before the tables as well, for all of them:
{", ".join(f"`{name}`" for name in SHARED)}.

```toml
log = "warning"

[middleware]
credit = 3
spool-limit = "20G"

[worker]
filters = "blur,edges"

[send]
codec = "h265"
```

A path is meant from the folder of its file; `~` is the user's home. A switch is `true` or `false`.

**The file in the current folder counts, and none in the folders above it**: what counts is then in one place, and a
file in a folder that others write to, such as `/tmp`, says nothing to those who work below it. Its folder may have been
downloaded. So it may not say which cluster to speak to, whom to trust, or which code to run: the settings marked with
*not in a folder's file* are refused there, in its presets too, with a sentence. They belong into the user's own file;
or name the folder's file with `{CONFIG_FLAG} {CONFIG_NAME}` once you have read it.

## Variables

The variable of the key `some-key` in the table `[worker]` is `MOVIOLA_WORKER_SOME_KEY`; that of a key before the tables
`MOVIOLA_SOME_KEY`. The one of a program wins over the shared one. A variable of a setting that takes several values is
read as a command line: `MOVIOLA_WORKER_PLUGINS="one.py 'the other.py'"`. That of a switch is `1` or `0`, `yes` or `no`,
`on` or `off`, `true` or `false`.

`{FOLDER_VARIABLE}` and `{USER_VARIABLE}` name other files in place of 5 and 6; `/dev/null` stands for none. A
variable that begins with `MOVIOLA_` and that nothing reads is named by `moviola config`.

## Presets

A preset is a set of settings of `[send]` under one name, and `-p` (`--use-preset`) asks for it: `moviola send
holiday.mp4 -p anonymise`. Flags win over what it sets. `--preset` is another matter: how fast the encoder goes about
it, in the words of x264 and x265. Built in are:

{presets()}
Your own stand in a configuration file, and `moviola config presets` shows all of them:

```toml
[presets.small]
help = "for the phone"
filters = ["resize:width=640"]
codec = "h265"
crf = 30
```

A preset's name means one thing: what is built in cannot be defined again, and no name may stand in two files.

`moviola up` tells its programs ports, folders, the number of processes, the address to listen at and the secret: what
its own flags, variables and `[up]` say, and what the tables of these programs say. Everything else they look up
themselves, in the files that counted when the cluster was started.

`--help` of each program lists the same, with the values of this machine.
"""

TITLES: Final = {
    "send": "What is sent: `moviola send` (`python -m client.file_sender`)",
    "client": "Where the cluster is: "
    "`moviola send`, `watch`, `compare`, `jobs`, `workers`, `report`, `events`, `status`, `filters`, `doctor`",
    "up": "A cluster on this machine: `moviola up` (`./run.sh`), `demo`, `down`",
    "middleware": "`moviola middleware` (`python -m middleware`)",
    "aggregator": "`moviola aggregator` (`python -m aggregator`)",
    "worker": "`moviola worker` (`python -m worker`)",
    "web": "`moviola web` (`python -m moviola.web`)",
    "client.watch": "`moviola watch` (`python -m client.watch`), beside what `[send]` says of jobs",
    "client.jobs": "`moviola jobs` (`python -m client.jobs`)",
    "client.workers": "`moviola workers` (`python -m client.workers`)",
    "client.events": "`moviola events` (`python -m client.events`)",
    "client.report": "`moviola report` (`python -m client.html_report`)",
    "client.status": "`moviola status` (`python -m client.status`)",
    "client.filters": "`moviola filters`",
    "client.compare": "`moviola compare` (`python -m client.compare`), beside what `[send]` says of outputs",
    "client.config": "`moviola config`",
    "client.doctor": "`moviola doctor`",
    "web.user": "`moviola web user`",
}
"""By program; the first have a table of that name in a configuration file."""

PARSERS: Final = {"`moviola verify`": "client.verify", "`moviola check`": "client.command.check"}
"""By title, the modules of programs that read no settings."""

BY_FLAGS: Final = "By flags alone: they are wishes for one command."

COLUMNS: Final = ("flag", "variable", "default", "unit", "may be", "meaning")


def declared() -> dict[str, type]:
    """The settings of each program, by its name."""
    from client import compare_settings, declared, events_settings, settings, watch  # noqa: PLC0415 - they are read, the programs are not run

    return {
        **{table: declared.declared(table) for table in declared.DECLARED},
        "client.watch": watch.WatchSettings,
        "client.jobs": settings.JobsSettings,
        "client.workers": settings.WorkersSettings,
        "client.events": events_settings.EventsSettings,
        "client.report": settings.ReportSettings,
        "client.status": settings.StatusSettings,
        "client.filters": settings.FiltersSettings,
        "client.compare": compare_settings.CompareSettings,
        "client.config": settings.ConfigSettings,
        "client.doctor": settings.DoctorSettings,
        "web.user": import_module("moviola.web.user_command").UserSettings,  # by name: nothing stands on the gateway
    }


def page() -> str:
    """The whole text of docs/SETTINGS.md."""
    parts = [HEAD]
    for program, title in TITLES.items():
        rows = [
            COLUMNS,
            tuple("---" for _ in COLUMNS),
            *(_row(program, one) for one in settings_of(declared()[program]) if program in TABLES or not one.table),
        ]
        where = f"Table `[{program}]`." if program in TABLES else BY_FLAGS
        parts.append(f"## {title}\n\n{where}\n\n{_table(rows)}")
    for title, module in PARSERS.items():
        rows = [("flag", "value", "meaning"), ("---",) * 3, *_flags(import_module(module)._parser())]
        parts.append(f"## {title}\n\n{BY_FLAGS}\n\n{_table(rows)}")
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(program: str, one: Setting) -> tuple[str, ...]:
    variables = ", ".join(f"`{name}`" for name in one.variables) or ("by the flag alone" if program in TABLES else "")
    flags = ", ".join(f"`{flag}`" for flag in (one.flag, *one.aliases))
    return tuple(cell.replace("|", "\\|") for cell in (flags, variables, _default(one), *_value(one)))


def _value(one: Setting) -> Iterator[str]:
    yield one.type.unit
    yield one.type.bounds
    yield f"{one.help}; *not in a folder's file*" if one.protected and one.table else one.help


def _default(one: Setting) -> str:
    """The default on any machine: without the value that it has on this one."""
    if one.default_text:
        return one.default_text.partition("{")[0].rstrip(" ,:")
    if one.is_switch:
        return one.type.show(one.default)
    return "none" if one.default in (None, (), "") else f"`{one.type.show(one.default)}`"


def _flags(parser: argparse.ArgumentParser) -> Iterator[tuple[str, ...]]:
    """Yield the rows of flags that are no settings: each with its value and its meaning."""
    for action in parser._actions:
        if action.option_strings and action.dest not in ("help", "version"):
            flags = ", ".join(f"`{flag}`" for flag in action.option_strings)
            yield flags, f"`{action.metavar}`" if action.metavar else "", str(action.help)


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
