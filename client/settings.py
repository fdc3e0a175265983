"""Settings of the client's programs, beside those that say where the cluster is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moviola.base.settings import SWITCH, choice, setting
from moviola.base.vocabulary import JobState
from moviola.display import ways
from moviola.wire import options
from moviola.wire.limits import MAX_CHUNKS

MAX_WORKERS: Final = 100_000
"""To wait for: more than a cluster has."""

MAX_KEPT: Final = 1_000_000
"""Jobs whose files are left: more than a folder has."""

MAX_JOBS_LISTED: Final = 100_000
"""More than a cluster remembers."""

MAX_TIMEOUT_S: Final = 24 * 3600


def out(help: str) -> Any:
    """The setting `--out`."""
    return setting(None, type=options.PATH, help=help, aliases=["-o"], once=True)


def json(help: str) -> Any:
    """The setting `--json`."""
    return setting(False, type=SWITCH, help=help, once=True)


def quiet() -> Any:
    """The setting `--quiet`."""
    return setting(False, type=SWITCH, help="print errors only", aliases=["-q"], once=True)


def plugins() -> Any:
    """The setting `--plugins`."""
    return setting(
        (),
        type=options.FILE,
        help="a Python file with filters of your own, with --local or --engine; may be repeated",
        default_text="none",
        repeats="append",
        once=True,
    )


def progress() -> Any:
    """The setting `--progress`."""
    return setting(
        ways.AUTO,
        type=choice(ways.WAYS),
        help="how progress is shown on standard error: a bar, plain lines, one JSON object an event, or not at all",
    )


@dataclass(frozen=True, slots=True)
class JobsSettings:
    """Settings of `moviola jobs`, beside the verb and the job."""

    state: tuple[str, ...] = setting(
        (), type=choice([state.value for state in JobState]), help="list: only jobs in this state; may be repeated",
        repeats="append", once=True,
    )  # fmt: skip
    limit: int | None = setting(
        None, type=options.whole(1, MAX_JOBS_LISTED, "jobs", "N"), help="list: the newest N jobs (40)", once=True
    )
    watch: bool = setting(False, type=SWITCH, help="list: show it anew until Ctrl-C", aliases=["-w"], once=True)
    out: str | None = out("fetch: a file for one output, a folder for several")
    overwrite: bool = setting(False, type=SWITCH, help="fetch: replace files that are there", aliases=["-y"], once=True)
    task: int | None = setting(
        None, type=options.whole(0, MAX_CHUNKS, "chunks", "N"), help="show: what happened to this chunk, from 0"
    )
    older_than: float | None = setting(
        None, type=options.AGE, help="prune: jobs whose files are older, such as 7d", once=True
    )
    keep: int | None = setting(
        None,
        type=options.whole(0, MAX_KEPT, "jobs"),
        help="prune: leave so many of the newest, whatever their age",
        once=True,
    )
    dry_run: bool = setting(
        False, type=SWITCH, help="prune: say what would go, and remove nothing", aliases=["-n"], once=True
    )
    files: bool = setting(False, type=SWITCH, help="forget: remove the job's files, too", once=True)
    json: bool = json("print one JSON object")
    progress: str = progress()
    quiet: bool = quiet()


@dataclass(frozen=True, slots=True)
class WorkersSettings:
    """Settings of `moviola workers`, beside the verb and the names."""

    watch: bool = setting(False, type=SWITCH, help="list: show it anew until Ctrl-C", aliases=["-w"], once=True)
    wait: bool = setting(False, type=SWITCH, help="drain: wait until all of them have left", once=True)
    timeout: int | None = setting(
        None, type=options.whole(1, MAX_TIMEOUT_S, "seconds", "S"), help="drain: wait no longer (60)", once=True
    )
    json: bool = json("print one JSON object")
    quiet: bool = quiet()


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Settings of `moviola report`, beside the job."""

    out: str | None = out("a file or folder for the report, - for standard output (JOB.html in this folder)")
    overwrite: bool = setting(False, type=SWITCH, help="replace a file that is there", aliases=["-y"], once=True)
    open: bool = setting(False, type=SWITCH, help="show it in a browser", once=True)
    quiet: bool = quiet()


@dataclass(frozen=True, slots=True)
class FiltersSettings:
    """Settings of `moviola filters`."""

    local: bool = setting(False, type=SWITCH, help="those of this installation, without a cluster")
    plugins: tuple[Path, ...] = plugins()
    json: bool = json("print one JSON object a filter")


@dataclass(frozen=True, slots=True)
class ConfigSettings:
    """Settings of `moviola config`, beside a table."""

    said: bool = setting(False, type=SWITCH, help="leave out what is at its default")
    paths: bool = setting(False, type=SWITCH, help="show which files there may be, and which are there")
    json: bool = json("print one JSON object")


@dataclass(frozen=True, slots=True)
class DoctorSettings:
    """Settings of `moviola doctor`, beside those that say where the cluster is."""

    json: bool = json("print one JSON object")


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """Settings of `moviola status`."""

    once: bool = setting(
        False, type=SWITCH, help="print it and end, on a terminal too", excludes="how often", once=True
    )
    json: bool = json("print one JSON object")
    watch: bool = setting(
        False,
        type=SWITCH,
        help="show it anew each second until Ctrl-C, where there is no terminal too",
        aliases=["-w"],
        excludes="how often",
        once=True,
    )
    wait: bool = setting(False, type=SWITCH, help="wait until so many are there")
    workers: int = setting(1, type=options.whole(0, MAX_WORKERS, "workers"), help="to wait for")
    aggregators: int = setting(1, type=options.whole(0, MAX_WORKERS, "aggregators", "M"), help="to wait for")
    timeout: int = setting(30, type=options.whole(1, MAX_TIMEOUT_S, "seconds", "S"), help="seconds")
