"""Watches a folder: sends every video, image and table that arrives there once it is whole, and brings the results.

Each file is sent once, also when the watch is ended and started again, and under whatever name it lies there. Its
results go into a folder called like it. The files themselves are only read. Names that begin with a dot, and names such
as clip.mp4.part, are passed over; so are folders.

A file is whole when nobody writes to it any more and it is as long as its container says. Where that cannot be known,
it is left alone for --settle seconds.

Exit status, by the files that came until the watch was over: 0 all are done, or none came; 1 some failed; 2 none could
be taken, or wrong usage; 3 nobody to ask for a filter that is not known here; 4 some are partly done, or could not be
taken; 5 a job was cancelled.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.settings import SWITCH, setting, settings_in
from moviola.display.bars import duration
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters.chain import ChainError
from moviola.filters.schema import ParameterError
from moviola.session.chains import filters_of
from moviola.session.cluster_settings import ClientSettings
from moviola.session.job_settings import JobSettings
from moviola.session.known_filters import NobodyToAsk, schemas_for
from moviola.session.order import OutputRequest
from moviola.session.outcome import Outcome, Remains, Status, exit_status
from moviola.session.target import UsageError, as_sentence
from moviola.session.units import counted
from moviola.session.views import BatchDisplay
from moviola.session.watch import SETTLE_S
from moviola.session.watch_record import RecordUnusable, WatchRecord
from moviola.session.watching import FolderDelivery, Folders
from moviola.wire import options as wire_options
from moviola.wire.errors import WireError

from .interruption import interruptible
from .options import Parser, read_target
from .report import Report, ReportOptions, ended_in_words
from .sender_settings import SenderSettings, use_preset
from .settings import json, progress, quiet

MAX_SETTLE_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class WatchSettings(JobSettings):
    """What becomes of the files that arrive, and when."""

    use_preset: str = use_preset()
    settle: int = setting(
        int(SETTLE_S),
        type=wire_options.whole(1, MAX_SETTLE_S, "seconds", "S"),
        help="how long a file is left alone of which it is not known whether it is whole",
        once=True,
    )
    once: bool = setting(False, type=SWITCH, help="end when all that is in the folder is done", once=True)
    json: bool = json("print one JSON object a file to standard output")
    progress: str = progress()
    quiet: bool = quiet()


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = _parser().read(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        folders = _folders(options)
        settings = settings_in(WatchSettings, options)
        target = read_target(options)
        schemas = schemas_for(filters_of(settings.filters), target, lambda text: stderr.say(as_sentence(text)))
        wanted = OutputRequest.of(settings, schemas)
        with WatchRecord(folders.results) as record:
            display = display_for(stderr, quiet=settings.quiet, progress=settings.progress)
            try:
                delivery = FolderDelivery(
                    folders, wanted, settings, target, record, display, settle_s=settings.settle, once=settings.once
                )
                telling = _Telling(ReportOptions(True, settings.json, settings.quiet), stdout, display)
                return _watch(delivery, telling, folders, once=settings.once)
            finally:
                display.close()
    except (UsageError, ChainError, ParameterError, RecordUnusable) as error:
        return stderr.fail(Status.WRONG, str(error))
    except (NobodyToAsk, WireError) as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except OSError as error:
        return stderr.fail(Status.FAILED, f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return Status.DONE


def _parser() -> Parser:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog=typed("watch"), description=summary, epilog=rest, formatter_class=formatter)
    parser.whole = (SenderSettings, ClientSettings)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="is watched; folders in it are not")
    parser.add(WatchSettings, ClientSettings)
    return parser


def _folders(options: argparse.Namespace) -> Folders:
    """Return the folder that is watched and the folder of results, which is made. Raises UsageError if one of them
    cannot be used."""
    if options.new:
        raise UsageError("--new makes a second job of a file, and a watch sends each once; leave it out")
    if options.out is None:
        raise UsageError("a watch needs a folder for its results; name one with --out (-o)")
    source, results = options.folder, Path(options.out)
    if not source.is_dir():
        raise UsageError(f"{source} is not a folder; a watch needs an existing folder")
    if results.exists() and not results.is_dir():
        raise UsageError(f"--out {results} is not a folder; a watch puts a folder there for each file")
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {results}: the folder cannot be made: {error.strerror}") from error
    if source.resolve() == results.resolve():
        raise UsageError(f"--out {results} is the folder that is watched; give another one")
    return Folders(source, results)


class _Telling:
    """Tell what comes of each file, and keep no more of it than its status: a watch may last for months."""

    def __init__(self, options: ReportOptions, stdout: Terminal, display: BatchDisplay) -> None:
        self._options, self._stdout, self.display = options, stdout, display
        self.statuses: Counter[Status] = Counter()
        self.going_on = 0

    def tell(self, outcome: Outcome) -> None:
        """Tell how one file ended, or count it if its job goes on without us."""
        if outcome.status is Status.CANCELLED and outcome.remains is not Remains.NOTHING:
            self.going_on += 1
            return
        self.statuses[outcome.status] += 1
        Report(self._options, self._stdout, self.display).tell(outcome)


def _watch(delivery: FolderDelivery, telling: _Telling, folders: Folders, *, once: bool) -> int:
    """Tell what comes of each file until the watch is over, and return the exit status."""
    say = telling.display.remark
    started = time.monotonic()
    if not once:
        say(f"Watching {folders.source}; results go to {folders.results}. Ctrl-C ends it.")
    with interruptible(delivery.interrupt):
        for outcome in delivery.outcomes():
            telling.tell(outcome)
    took, ended = duration(time.monotonic() - started), ended_in_words(telling.statuses)
    say(f"{counted(telling.statuses.total(), 'file')} in {took}{': ' * bool(ended)}{ended}.")
    later = f"the next watch of {folders.source} brings the results"
    if telling.going_on:
        say(f"{counted(telling.going_on, 'job')} under way; {later}.")
    if delivery.waiting:
        say(f"{counted(delivery.waiting, 'file')} had no turn yet; {later}.")
    return exit_status(telling.statuses.elements())


if __name__ == "__main__":
    sys.exit(run_as_process(main))
