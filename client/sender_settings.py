"""Settings of `moviola send`: of a job, and of the command itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moviola.base.settings import SWITCH, setting
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
    plugins: tuple[Path, ...] = plugins()
    json: bool = json("print one JSON object a source to standard output")
    progress: str = progress()
    quiet: bool = quiet()
    list_filters: bool = setting(False, type=SWITCH, help="say what filters there are and what they take", once=True)
