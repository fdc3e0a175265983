"""Settings of `moviola send`: of a job, and of the command itself."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from moviola.base.settings import SWITCH, ValueType, setting
from moviola.engines import ENGINES
from moviola.session.job_settings import JobSettings
from moviola.session.presets import PRESETS
from moviola.wire import options

from .settings import json, plugins, progress, quiet


def use_preset() -> Any:
    """The setting `--use-preset`."""
    return setting(
        "",
        type=replace(
            options.TEXT,
            unit="preset",
            bounds=f"{', '.join(PRESETS)}, or one of yours",
            placeholder="PRESET",
            completes="moviola.session.presets:offered",
        ),
        help="filters and encoder settings under one name; flags win over what it sets. 'moviola config presets' shows "
        "what there is",
        aliases=["-p"],
        default_text="none",
        once=True,
    )


def engine_name(text: str) -> str:
    """An argparse `type`: an engine, with the address that may stand behind it."""
    name, mark, address = text.partition("://")
    host, _, port = address.rpartition(":")
    if name not in ENGINES or (mark and not (host and port.isascii() and port.isdecimal())):
        forms = ", ".join(f"{each} or {each}://HOST:PORT" for each in ENGINES)
        raise argparse.ArgumentTypeError(f"an engine is {forms}, and '{text}' is not")
    return text


ENGINE: Final = ValueType(engine_name, "engine", "ray, or ray://HOST:PORT", "ENGINE")


@dataclass(frozen=True, slots=True)
class SenderSettings(JobSettings):
    """What becomes of files that are sent, and what is shown of it."""

    video: tuple[Path, ...] = setting(
        (), type=replace(options.FILE, placeholder="PATH"), help="the same as PATH", repeats="append", once=True
    )
    use_preset: str = use_preset()
    detach: bool = setting(
        False, type=SWITCH, help="send all, print the job's id and leave; see the jobs of a cluster", once=True
    )
    dry_run: bool = setting(
        False,
        type=SWITCH,
        help="tell what is there, and what would be kept, changed or lost, and send nothing",
        once=True,
    )
    local: bool = setting(False, type=SWITCH, help="do it in this process, without a cluster")
    engine: str = setting(
        "",
        type=ENGINE,
        help="have the nodes of a Ray cluster compute, without a cluster of ours",
        default_text="none",
        protected=True,
    )
    plugins: tuple[Path, ...] = plugins()
    json: bool = json("print one JSON object a source to standard output")
    progress: str = progress()
    quiet: bool = quiet()
    list_filters: bool = setting(False, type=SWITCH, help="say what filters there are and what they take", once=True)
