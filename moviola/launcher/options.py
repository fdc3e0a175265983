"""The options of `moviola up`, which `./run.sh` and `moviola demo` take as well."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.config_files import CONFIG_NAME, CONFIG_VARIABLE, FOLDER_VARIABLE, USER_VARIABLE
from moviola.base.installation import ROOT
from moviola.base.invocation import typed
from moviola.base.layers import said_in, settle
from moviola.base.settings import CONFIG_DEST, add_config, add_flags, settings_in
from moviola.launcher.cluster import UNSUPPORTED_IN_PATHS
from moviola.launcher.places import absolute
from moviola.launcher.problem import Problem
from moviola.launcher.settings import UpSettings


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for; None where nothing was said."""

    state: Path
    results: Path | None
    port: int | None
    aggregator_port: int | None
    workers: int | None
    demo: bool
    secret_file: Path | None = None
    no_secret: bool = False
    bind: str | None = None
    plugins: tuple[Path, ...] | None = None
    web: bool | None = None
    web_port: int | None = None
    web_bind: str | None = None


ABOUT: Final = """\
Starts a Moviola cluster on this machine: a middleware, an aggregator and workers, supervised in the background. Waits
until all are registered, and says what to type next. Harmless when the cluster is running already: what is not said
stays as it runs, another --workers changes their number, other --plugins start them anew, and --web adds the gateway.
"""

ABOUT_DEMO: Final = """\
Starts a cluster as 'up' does, fetches a short film with sound, sends it through 'edges', and shows the result.
"""

MORE: Final = "A second cluster beside the first needs its own ports, state and results."


def read(arguments: Sequence[str] | None = None, *, subcommand: str = "up") -> Options:
    """Return what flags, variables and configuration files say. The cluster's programs find the files by the
    environment, where they are set. Raises Problem."""
    parser = Parser(prog=typed(subcommand), description=ABOUT_DEMO if subcommand == "demo" else ABOUT, epilog=MORE)
    if subcommand == "up":
        parser.add_argument("what", nargs="?", choices=["demo"], metavar="demo", help="also do what 'demo' does")
    add_flags(parser, UpSettings)
    add_config(parser)
    given = parser.parse_args(arguments)
    settle(parser, given, [UpSettings])
    folder("The folder of this repository", ROOT)
    settings, said = settings_in(UpSettings, given), said_in(given)
    _hand_on(getattr(given, CONFIG_DEST))
    return Options(
        state=folder("--state", settings.state),
        results=folder("--results", settings.results) if "results" in said else None,
        port=settings.port if "port" in said else None,
        aggregator_port=settings.aggregator_port if "aggregator_port" in said else None,
        workers=settings.workers if "workers" in said else None,
        demo=subcommand == "demo" or given.what == "demo",
        secret_file=None if settings.secret_file is None else folder("--secret-file", settings.secret_file),
        no_secret=settings.no_secret,
        bind=settings.bind if "bind" in said else None,
        plugins=_plugins(settings) if "plugins" in said else None,
        web=settings.web if "web" in said else None,
        web_port=settings.web_port if "web_port" in said else None,
        web_bind=settings.web_bind if "web_bind" in said else None,
    )


def _hand_on(config: Path | None) -> None:
    """Set the environment variables by which the cluster's programs find the configuration files. Paths are absolute,
    so that they hold in any folder."""
    paths: dict[str, str | Path | None] = {
        CONFIG_VARIABLE: config,
        USER_VARIABLE: os.environ.get(USER_VARIABLE),
        FOLDER_VARIABLE: os.environ.get(FOLDER_VARIABLE) or CONFIG_NAME,
    }
    os.environ.update({name: str(Path(path).absolute()) if path else "" for name, path in paths.items()})


def _plugins(settings: UpSettings) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folder("--plugins", path) for path in settings.plugins))


def folder(flag: str, text: str | Path) -> Path:
    """Return the absolute path of a file or folder. Raises Problem for one that supervisord's configuration cannot
    have."""
    path = absolute(flag, text)
    try:
        str(path).encode(sys.getfilesystemencoding())
    except UnicodeEncodeError as error:
        raise Problem(f"{flag} cannot be {str(path)!r}: supervisord knows no names that are not text.") from error
    for unsupported in UNSUPPORTED_IN_PATHS:
        if unsupported in str(path):
            raise Problem(f"{flag} cannot be {str(path)!r}: supervisord knows no paths with {unsupported!r}.")
    return path
