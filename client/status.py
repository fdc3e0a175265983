"""Shows what a cluster is made of and what it does, until q is pressed, or waits until it is complete.

A terminal is filled with it, for as long as you look on; what is no terminal gets tables, once.
Exit status: 0 shown, or complete; 1 not complete in time; 2 wrong usage; 3 no middleware to reach;
5 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from enum import IntEnum

from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.vocabulary import Topic
from moviola.display.terminal import Terminal
from moviola.session.cluster_settings import ClusterSettings
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import UsageError
from moviola.wire.errors import WireError

from .display.status_json import as_json
from .display.status_tables import print_tables
from .display.watching import keep_showing
from .options import Parser, read_target
from .settings import StatusSettings


class Status(IntEnum):
    """The exit statuses of `client.status`."""

    OK = 0
    INCOMPLETE = 1
    WRONG = 2
    UNREACHABLE = 3


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read_options(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)

    def complete(view: ClusterView) -> bool:
        return view.is_current and not _missing(view, options)

    try:
        target = read_target(options)
        if not (options.json or options.wait or options.once):
            if stdout.is_terminal and not stdout.is_dumb_terminal:
                from .display.live_status import LiveStatus  # noqa: PLC0415 - what a script needs not

                LiveStatus(stdout, target).run()
                return Status.OK
            if options.watch:
                keep_showing(stdout, target, [Topic.OVERVIEW], print_tables)
                return Status.OK
        if options.wait:
            view = look(target, [Topic.WORKERS], until=complete, timeout_s=options.timeout, retry=True)
        if options.json or not options.wait:
            view = look(target, [Topic.OVERVIEW], timeout_s=options.timeout)
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except TimeoutError as error:
        return stderr.fail(Status.INCOMPLETE, f"Not complete within {options.timeout} s: {error}")
    if options.json:
        stdout.json(as_json(view))
    elif not options.wait:
        print_tables(stdout, view)
    return Status.OK


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("status"), description=summary, epilog=statuses)
    parser.add(ClusterSettings, StatusSettings)
    return parser.read(arguments)


def _missing(view: ClusterView, options: argparse.Namespace) -> bool:
    workers, aggregators = len(view.connected_workers()), len(view.connected_aggregators())
    return bool(workers < options.workers or aggregators < options.aggregators)


if __name__ == "__main__":
    sys.exit(run_as_process(main))
