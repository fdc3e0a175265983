"""`python -m worker`: filters on as many cores as you give it.

Connects to the middleware and works on what it is handed. A middleware that is not there yet is waited for.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moviola.base.command_line import Parser
from moviola.base.invocation import typed
from moviola.base.layers import read
from moviola.base.process_entry import run_as_process
from moviola.filters import registry
from moviola.filters.assets import SERVED, Folder
from moviola.filters.plugin_sources import PluginSources
from moviola.wire import descriptors, options
from moviola.wire.addresses import Address, is_loopback
from moviola.wire.limits import MIB
from moviola.wire.secret import cluster_secret

from .child_settings import MAX_SERVED_NAMES, ParentSettings
from .memory import LEAST, default_limit
from .names import NameLocks
from .offered import chosen_filters, lacking_filters
from .parent import Parent
from .settings import Settings

EXIT_USAGE: Final = 2

log = logging.getLogger("worker")


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Return what is said on the command line, in the environment and in the configuration file."""
    parser = Parser(prog=typed("worker"), description=__doc__.partition("\n\n")[2])
    return read(Settings, parser, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    descriptors.raise_limit()
    try:
        plugins = PluginSources.read(path.resolve() for path in given.plugins)
        plugins.load()  # what is wrong with one should be known before a child meets it
        filters, labels = chosen_filters(given.filters), given.labels
        makes = is_loopback(given.host)
        secret = cluster_secret(given.secret_file, given.no_secret, state=given.state_folder, makes=makes)
        assets = None if given.assets is None else _served(given.assets)
        memory_limit = _memory_limit(given)
    except (ValueError, registry.PluginError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"the secret file {error.filename} cannot be read: {error.strerror}")
    options.set_up_log(given.log)
    for name in assets.files if assets is not None else ():
        log.info("filters may name %s%s", SERVED, name)
    for name, missing in lacking_filters(given.filters).items():
        log.info("'%s' is not offered: %s", name, missing)
    middleware = Address(given.host, given.port)
    locks = NameLocks(str(given.port))
    try:
        names = locks.take(given.name, given.processes)
    except OSError as error:
        locks.release()
        return _refuse(f"the names of the worker processes cannot be reserved: {error}")
    try:
        told = ParentSettings(
            middleware, names, filters, secret, given.log, plugins, assets, memory_limit, given.filters, labels
        )
        log.info("%s at work for %s: %s", _span(names), middleware, ", ".join(filters))
        _tell_what_is_withheld(filters, labels)
        try:
            parent = Parent(told)
        except OSError as error:
            what = f"what this worker shares with its processes cannot be kept: {error.strerror or error}"
            return _refuse(f"{what}; make room for temporary files, or say in TMPDIR where there is some")
        return parent.run()
    finally:
        locks.release()


def _tell_what_is_withheld(filters: Sequence[str], labels: Sequence[str]) -> None:
    """Say which filters this worker has and will not be given."""
    schemas = registry.schemas()
    for name in filters:
        label = schemas[name].label
        if label and label not in labels:
            text = "filter %s asks for a worker labelled %s, and this one is not; start it with --label %s"
            log.warning(text, name, label, label)


def _refuse(sentence: str) -> int:
    print(f"{typed('worker')}: {sentence}", file=sys.stderr)
    return EXIT_USAGE


def _memory_limit(given: Settings) -> int:
    """The bytes that each process may take. Raises ValueError with a sentence for a person."""
    limit = given.memory_limit or default_limit(given.processes)
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


if __name__ == "__main__":
    sys.exit(run_as_process(main))
