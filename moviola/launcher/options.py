"""The options of `moviola up`, which `./run.sh` and `moviola demo` take as well."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.config_files import CONFIG_NAME, CONFIG_VARIABLE, FOLDER_VARIABLE, USER_VARIABLE
from moviola.base.installation import ROOT, results_folder, state_folder
from moviola.base.invocation import typed
from moviola.base.processes import MAX_WORKERS, core_count
from moviola.launcher.cluster import UNSUPPORTED_IN_PATHS
from moviola.launcher.problem import Problem
from moviola.wire.options import AGGREGATOR_PORT, MAX_PORT, MIDDLEWARE_PORT


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for; None where nothing was said."""

    state: Path
    results: Path | None
    port: int | None
    aggregator_port: int | None
    workers: int | None
    demo: bool


ABOUT: Final = """\
Starts a Moviola cluster on this machine: a middleware, an aggregator and workers, supervised in the background. Waits
until all are registered, and says what to type next. Harmless when the cluster is running already; another --workers
then changes their number.
"""

ABOUT_DEMO: Final = """\
Starts a cluster as 'up' does, fetches a short film with sound, sends it through 'edges', and shows the result.
"""

MORE: Final = "A second cluster beside the first needs its own ports, state and results."


def read(arguments: Sequence[str] | None = None, *, subcommand: str = "up") -> Options:
    """Return what the flags say, then MOVIOLA_PORT, MOVIOLA_AGGREGATOR_PORT, MOVIOLA_STATE, MOVIOLA_RESULTS.

    Raises Problem.
    """
    parser = Parser(prog=typed(subcommand), description=ABOUT_DEMO if subcommand == "demo" else ABOUT, epilog=MORE)
    if subcommand == "up":
        parser.add_argument("what", nargs="?", choices=["demo"], metavar="demo", help="also do what 'demo' does")
    parser.add_argument("-n", "--workers", metavar="N", help=f"worker processes (one per core: {core_count()})")
    parser.add_argument(
        "--port",
        default=os.environ.get("MOVIOLA_PORT"),
        help=f"the middleware's port (MOVIOLA_PORT; {MIDDLEWARE_PORT})",
    )
    parser.add_argument(
        "--aggregator-port",
        metavar="PORT",
        default=os.environ.get("MOVIOLA_AGGREGATOR_PORT"),
        help=f"the aggregator's port (MOVIOLA_AGGREGATOR_PORT; {AGGREGATOR_PORT})",
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        default=os.environ.get("MOVIOLA_STATE"),
        help=f"spools, ledgers and logs; one cluster per folder (MOVIOLA_STATE; {state_folder()})",
    )
    parser.add_argument(
        "--results",
        metavar="FOLDER",
        default=os.environ.get("MOVIOLA_RESULTS"),
        help=f"finished files (MOVIOLA_RESULTS; {results_folder()})",
    )
    given = parser.parse_args(arguments)
    folder("The folder of this repository", ROOT)
    return Options(
        state=folder("--state", given.state or state_folder()),
        results=folder("--results", given.results) if given.results else None,
        port=number("--port", given.port, MAX_PORT),
        aggregator_port=number("--aggregator-port", given.aggregator_port, MAX_PORT),
        workers=number("--workers", given.workers, MAX_WORKERS),
        demo=subcommand == "demo" or given.what == "demo",
    )


def settle_configuration() -> None:
    """Make the paths of configuration files absolute, and name the one of this folder: the programs that read them
    run in another folder."""
    for variable, otherwise in ((CONFIG_VARIABLE, ""), (USER_VARIABLE, ""), (FOLDER_VARIABLE, CONFIG_NAME)):
        if told := os.environ.get(variable) or otherwise:
            os.environ[variable] = str(Path(told).absolute())


def number(flag: str, text: str | None, maximum: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= maximum:
        raise Problem(f"{flag} is a number from 1 to {maximum}, and '{text}' is not.")
    return int(text)


def folder(flag: str, text: str | Path) -> Path:
    path = Path(text).expanduser().resolve()
    for unsupported in UNSUPPORTED_IN_PATHS:
        if unsupported in str(path):
            raise Problem(f"{flag} cannot be {str(path)!r}: supervisord knows no folders with {unsupported!r}.")
    return path
