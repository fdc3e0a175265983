"""The options of `./run.sh`."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from moviola.base.config_files import CONFIG_NAME, CONFIG_VARIABLE, FOLDER_VARIABLE, USER_VARIABLE
from moviola.base.processes import MAX_WORKERS, ROOT
from moviola.launcher.cluster import UNSUPPORTED_IN_PATHS
from moviola.launcher.problem import Problem
from moviola.wire.options import MAX_PORT


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for; None where nothing was said."""

    state: Path
    results: Path | None
    port: int | None
    aggregator_port: int | None
    workers: int | None
    demo: bool


def read() -> Options:
    """Flags first, then MOVIOLA_PORT, MOVIOLA_AGGREGATOR_PORT, MOVIOLA_STATE, MOVIOLA_RESULTS. Raises Problem."""
    parser = argparse.ArgumentParser(
        prog="./run.sh", usage="%(prog)s [options] [demo]   (see ./run.sh --help)", add_help=False
    )
    parser.add_argument("what", nargs="?", choices=["demo"])
    parser.add_argument("--workers")
    parser.add_argument("--port", default=os.environ.get("MOVIOLA_PORT"))
    parser.add_argument("--aggregator-port", default=os.environ.get("MOVIOLA_AGGREGATOR_PORT"))
    parser.add_argument("--state", default=os.environ.get("MOVIOLA_STATE"))
    parser.add_argument("--results", default=os.environ.get("MOVIOLA_RESULTS"))
    given = parser.parse_args()
    folder("The folder of this repository", ROOT)
    return Options(
        state=folder("--state", given.state or ROOT / "state"),
        results=folder("--results", given.results) if given.results else None,
        port=number("--port", given.port, MAX_PORT),
        aggregator_port=number("--aggregator-port", given.aggregator_port, MAX_PORT),
        workers=number("--workers", given.workers, MAX_WORKERS),
        demo=given.what == "demo",
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
