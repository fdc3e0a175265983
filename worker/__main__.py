"""`python -m worker`: filters on as many cores as you give it.

Connects to the middleware and works on what it is handed. A middleware that is not there yet is waited for.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path
from typing import Final

from filters import registry
from filters.assets import SERVED, Folder
from wire import descriptors, options
from wire.addresses import Address, is_loopback
from wire.limits import MIB
from wire.secret import add_secret, cluster_secret
from worker.memory import LEAST, default_limit
from worker.names import NameLocks, host_name
from worker.parent import Parent
from worker.settings import MAX_SERVED_NAMES, Settings

ALL: Final = "all"
FILTER_VARIABLES: Final = ("FILTER_TYPE", "WORKER_CAPABILITIES")
"""Where the filters are looked up when there is no flag, the first that is set."""

MAX_PROCESSES: Final = 256
"""Far beyond the cores of one machine; a typing error should not start a thousand processes."""

MAX_STEM: Final = 150
"""Characters of --name, so that `<name>-<n>` stays within what a name on the wire may have."""

EXIT_USAGE: Final = 2

log = logging.getLogger("worker")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__.partition("\n\n")[2])
    options.add_middleware_address(parser)
    parser.add_argument(
        "--processes",
        type=_process_count,
        default=core_count(),
        metavar="N",
        help="worker processes, each uses one core (one per core: %(default)s)",
    )
    parser.add_argument(
        "--filters",
        default=_filters_of_environment(),
        metavar="NAMES",
        help=f"filters to offer, separated by commas, or '{ALL}' ({', '.join(FILTER_VARIABLES)}; %(default)s)",
    )
    parser.add_argument(
        "--plugins",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="Python files with filters of your own, offered beside the others",
    )
    parser.add_argument(
        "--memory-limit",
        type=options.size,
        default=os.environ.get("WORKER_MEMORY_LIMIT") or None,
        metavar="SIZE",
        help="memory that each process may take, such as 2G; Linux only (WORKER_MEMORY_LIMIT; the processes share nine "
        "tenths of the machine's)",
    )
    parser.add_argument(
        "--assets",
        type=Path,
        metavar="FOLDER",
        help="a folder of files that filters may name as @NAME; the same on every worker (none)",
    )
    parser.add_argument(
        "--name",
        type=_stem,
        default=host_name(),
        help="the processes are called NAME-1, NAME-2, … (%(default)s)",
    )
    add_secret(parser)
    options.add_log(parser)
    return parser.parse_args(arguments)


def chosen_filters(text: str) -> tuple[str, ...]:
    """The filters that a list of names, or `all`, stands for. Raises ValueError with a sentence for a person."""
    known = registry.names()
    wanted = list(dict.fromkeys(name for name in (part.strip() for part in text.split(",")) if name))
    if not wanted:
        raise ValueError(f"--filters names no filter; known are {', '.join(known)}, and '{ALL}'")
    if ALL in wanted:
        return known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no filter is called {' or '.join(map(repr, unknown))}; known are {', '.join(known)}")
    return tuple(wanted)


def core_count() -> int:
    """The cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_PROCESSES)


def main() -> int:
    given = parse()
    descriptors.raise_limit()
    plugins = tuple(path.resolve() for path in given.plugins)
    try:
        for path in plugins:
            registry.load_plugin(path)  # what is wrong with one should be known before a child meets it
        filters = chosen_filters(given.filters)
        secret = cluster_secret(given, makes=is_loopback(given.host))
        assets = None if given.assets is None else _served(given.assets)
        memory_limit = _memory_limit(given)
    except (ValueError, registry.PluginError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"the secret file {error.filename} cannot be read: {error.strerror}")
    options.set_up_log(given.log)
    for name in assets.files if assets is not None else ():
        log.info("filters may name %s%s", SERVED, name)
    middleware = Address(given.host, given.port)
    locks = NameLocks(str(given.port))
    try:
        names = locks.take(given.name, given.processes)
    except OSError as error:
        locks.release()
        return _refuse(f"the names of its processes cannot be held: {error}")
    try:
        log.info("%s at work for %s: %s", _span(names), middleware, ", ".join(filters))
        return Parent(Settings(middleware, names, filters, secret, given.log, plugins, assets, memory_limit)).run()
    finally:
        locks.release()


def _refuse(sentence: str) -> int:
    print(f"python -m worker: {sentence}", file=sys.stderr)
    return EXIT_USAGE


def _memory_limit(given: argparse.Namespace) -> int:
    """The bytes that each process may take. Raises ValueError with a sentence for a person."""
    limit: int = given.memory_limit or default_limit(given.processes)
    if limit < LEAST:
        raise ValueError(f"--memory-limit is {limit // MIB}M; a process needs {LEAST // MIB}M at least")
    return limit


def _served(folder: Path) -> Folder:
    """The files of --assets. Raises ValueError with a sentence for a person."""
    try:
        found = Folder.scan(folder)
    except OSError as error:
        raise ValueError(f"the folder of --assets, {folder}, cannot be read: {error.strerror}") from error
    if len(json.dumps(dict(found.files))) > MAX_SERVED_NAMES:
        raise ValueError(f"the files in {folder} have too many or too long names; serve fewer files")
    return found


def _span(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def _filters_of_environment() -> str:
    return next((os.environ[name] for name in FILTER_VARIABLES if os.environ.get(name)), ALL)


def _process_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f"processes are a number from 1 to {MAX_PROCESSES}, and '{text}' is not")
    return int(text)


def _stem(text: str) -> str:
    if not 1 <= len(text) <= MAX_STEM or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a name has 1 to {MAX_STEM} printable characters")
    return text


if __name__ == "__main__":
    sys.exit(main())
