"""Settings of `moviola compare`: filters and encoder, modes, rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from moviola.base.processes import MAX_WORKERS
from moviola.base.settings import choice, setting
from moviola.comparison.records import Mode
from moviola.comparison.request import MAX_ITERATIONS, MAX_WARM_UPS
from moviola.session.job_settings import OutputSettings
from moviola.wire import options

from .sender_settings import use_preset
from .settings import json, quiet


@dataclass(frozen=True, slots=True)
class CompareSettings(OutputSettings):
    """Settings of a comparison: its modes and rounds, and how its result is shown."""

    mode: tuple[str, ...] = setting(
        (),
        type=choice(Mode),
        help="only this mode; may be repeated",
        default_text="all four",
        repeats="append",
        once=True,
    )
    workers: int | None = setting(
        None,
        type=options.whole(1, MAX_WORKERS, "workers", "N"),
        help="threads, processes, and workers of a cluster that is started for this",
        default_text="one a core",
        once=True,
    )
    iterations: int = setting(
        1, type=options.whole(1, MAX_ITERATIONS, "rounds", "N"), help="rounds of each mode that count", once=True
    )
    warm_ups: int = setting(
        1, type=options.whole(0, MAX_WARM_UPS, "rounds", "N"), help="rounds before these, which do not count", once=True
    )
    use_preset: str = use_preset()
    plugins: tuple[Path, ...] = setting(
        (),
        type=options.FILE,
        help="a Python file with filters of your own; may be repeated. A cluster is started with them",
        default_text="none",
        repeats="append",
        once=True,
    )
    plot: Path | None = setting(None, type=options.FILE, help="write the chart to this file, as SVG", once=True)
    json: bool = json("print one JSON object when it is over")
    quiet: bool = quiet()
