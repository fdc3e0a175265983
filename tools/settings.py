"""Writes docs/SETTINGS.md from the settings in the code: `python -m tools.settings`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from moviola.base.settings import CONFIG_FLAG, CONFIG_VARIABLE, PROGRAMS, Setting, settings_of

PAGE: Final = Path(__file__).parents[1] / "docs" / "SETTINGS.md"

HEAD: Final = f"""\
# Settings

Written from the settings in the code by `python -m tools.settings`; a test checks that this page is fresh.

A setting is told by its flag, by an environment variable, or in a configuration file. A flag wins over a variable,
a variable over the file, the file over the default; a variable that is empty counts as not set. The flag of a switch
has no value; its variable turns it on, whatever it says; in the file it is `true` or `false`.

The file is TOML, given with `{CONFIG_FLAG} FILE` or `{CONFIG_VARIABLE}`, and has a table for each program. A key is a
flag without its dashes:

```toml
[middleware]
credit = 3
spool-limit = "20G"
admin = ["ana", "bo"]

[worker]
filters = "blur,edges"
```

`./run.sh` tells its programs ports, folders, the number of processes and the secret by flags: those it takes from its
own flags and variables, and the address to listen at from `MOVIOLA_BIND`.

`--help` of each program lists the same, with the values of this machine; and what `client.file_sender` can be told of a
job, which depends on its kind.
"""

TITLES: Final = {
    "middleware": "`python -m middleware`",
    "aggregator": "`python -m aggregator`",
    "worker": "`python -m worker`",
    "client": "`python -m client.file_sender`, `client.jobs`, `client.status`",
    "client.jobs": "`python -m client.jobs`",
    "client.status": "`python -m client.status`",
}
"""By program; the first have a table of that name in a configuration file. The options of a job are not among them:
they come of the records of kinds and codecs, and a new one should not touch this page."""

COLUMNS: Final = ("flag", "variable", "default", "unit", "may be", "meaning")


def declared() -> dict[str, type]:
    """The settings of each program, by its name."""
    from aggregator.settings import Settings as Aggregator  # noqa: PLC0415 - they are read, the programs are not run
    from client.sender_settings import SenderSettings  # noqa: PLC0415
    from client.settings import JobsSettings, StatusSettings  # noqa: PLC0415
    from client.settings import Settings as Client  # noqa: PLC0415
    from middleware.settings import Settings as Middleware  # noqa: PLC0415
    from worker.settings import Settings as Worker  # noqa: PLC0415

    return {
        "middleware": Middleware,
        "aggregator": Aggregator,
        "worker": Worker,
        "client": Client,
        "client.file_sender": SenderSettings,
        "client.jobs": JobsSettings,
        "client.status": StatusSettings,
    }


def page() -> str:
    """The whole text of docs/SETTINGS.md."""
    parts = [HEAD]
    for program, title in TITLES.items():
        rows = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_row, settings_of(declared()[program]))]
        table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
        where = f"Table `[{program}]`." if program in PROGRAMS else "By flags alone."
        parts.append(f"## {title}\n\n{where}\n\n{table}")
    return "\n".join(parts)


def _row(one: Setting) -> tuple[str, ...]:
    variables = ", ".join(f"`{name}`" for name in one.variables)
    flags = ", ".join(f"`{flag}`" for flag in (one.flag, *one.aliases))
    return tuple(cell.replace("|", "\\|") for cell in (flags, variables, _default(one), *_value(one)))


def _value(one: Setting) -> Iterator[str]:
    yield one.type.unit
    yield one.type.bounds
    yield one.help


def _default(one: Setting) -> str:
    """The default on any machine: without the value that it has on this one."""
    if one.is_switch:
        return "off"
    if one.default_text:
        return one.default_text.partition("{")[0].rstrip(" ,:")
    return "none" if one.default in (None, ()) else f"`{one.type.show(one.default)}`"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
