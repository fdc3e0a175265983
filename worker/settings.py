"""What a worker can be told."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

from moviola.base.labels import MAX_LABELS, SPELLING, fault_of
from moviola.base.processes import MAX_WORKERS, core_count
from moviola.base.settings import ValueType, setting
from moviola.wire import options
from moviola.wire.limits import MIB

from .memory import LEAST
from .names import host_name

MAX_STEM: Final = 150
"""Characters of --name, so that `<name>-<n>` stays within what a name on the wire may have."""

ALL: Final = "all"
"""Stands for all filters."""


def _process_count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"processes are a number from 1 to {MAX_WORKERS}, and '{text}' is not")
    return int(text)


def _stem(text: str) -> str:
    if not 1 <= len(text) <= MAX_STEM or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a name has 1 to {MAX_STEM} printable characters")
    return text


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(label for label in (part.strip() for part in text.split(",")) if label)
    if fault := fault_of(labels):
        raise argparse.ArgumentTypeError(fault)
    return labels


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a worker, as a person tells them; sizes are in bytes."""

    TABLE: ClassVar[str] = "worker"

    host: str = options.middleware_host()
    port: int = options.middleware_port()
    processes: int = setting(
        factory=core_count,
        type=ValueType(_process_count, "processes", f"1 to {MAX_WORKERS}", "N"),
        help="worker processes, each uses one core",
        default_text="one per core: {}",
    )
    filters: str = setting(
        ALL,
        type=replace(
            options.TEXT,
            unit="names",
            bounds="known filters, separated by commas",
            placeholder="NAMES",
            completes="moviola.filters.completion:names",
        ),
        help=f"filters to offer, separated by commas, or '{ALL}'",
        variables=["FILTER_TYPE", "WORKER_CAPABILITIES"],
    )
    label: tuple[tuple[str, ...], ...] = setting(
        (),
        type=replace(
            options.TEXT,
            read=_labels,
            unit="labels",
            bounds=f"{MAX_LABELS} at most, separated by commas; each {SPELLING}",
            placeholder="LABELS",
        ),
        help="what this machine has that a filter may ask for, such as gpu; may be repeated",
        default_text="none",
        repeats="append",
    )
    plugins: tuple[Path, ...] = setting(
        (),
        type=options.FILE,
        help="Python files with filters of your own, offered beside the others",
        default_text="none",
        repeats="+",
        protected=True,
    )
    memory_limit: int | None = setting(
        None,
        type=replace(options.SIZE, bounds=f"from {LEAST // MIB}M; K, M, G and T stand for powers of 1024"),
        help="memory that each process may take, such as 2G; Linux only",
        variables=["WORKER_MEMORY_LIMIT"],
        default_text="the processes share nine tenths of the machine's",
    )
    assets: Path | None = setting(
        None,
        type=options.FOLDER,
        help="a folder of files that filters may name as @NAME; the same on every worker",
        default_text="none",
        protected=True,
    )
    name: str = setting(
        factory=host_name,
        type=replace(options.TEXT, read=_stem, bounds=f"1 to {MAX_STEM} printable characters"),
        help="the processes are called NAME-1, NAME-2, …",
        default_text="this machine's name, {}",
    )
    secret_file: Path | None = options.secret_file()
    no_secret: bool = options.no_secret()
    state_folder: Path | None = options.state_folder_of_cluster()
    log: str = options.log()

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, each once. Raises ValueError with a sentence for a person where there are too many."""
        labels = tuple(dict.fromkeys(label for given in self.label for label in given))
        if fault := fault_of(labels):
            raise ValueError(fault)
        return labels
