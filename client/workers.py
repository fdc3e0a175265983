"""Looks at workers, and has them leave in good order.

  list            all workers, as moviola status shows them (this is the
                  default): what each has in work, how fast it is, what failed
                  on it; --watch shows it anew until Ctrl-C
  drain NAME...   gives these no more tasks; each finishes what it has in work,
                  within 15 s, gives the rest back, and leaves. With --wait
                  until all have left
  resume NAME...  takes that back for those that have not left yet

A worker that was drained stays away until 'moviola up' is run again on its
machine, or its program is started anew. The cluster's admins alone (--admin of
the middleware; without it, the user who started it) may drain and resume.

Exit status: 0 all is done; 1 it cannot be done, or not in time; 2 wrong usage,
or no such worker; 3 no middleware to reach; 5 the waiting was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from moviola.base.command_line import LinesFormatter
from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.sentences import capitalised
from moviola.base.suggestions import did_you_mean
from moviola.base.vocabulary import Topic, WorkerState, WorkerVerb
from moviola.display.terminal import Terminal
from moviola.session.cluster_settings import ClusterSettings
from moviola.session.cluster_view import ClusterView, look
from moviola.session.outcome import Status
from moviola.session.rpc import control_worker
from moviola.session.target import Target, UsageError, as_sentence
from moviola.wire.errors import Refused
from moviola.wire.messages import Worker

from .completion import worker_names
from .display.status_json import worker_json
from .display.status_tables import print_workers
from .display.watching import keep_showing
from .options import Parser, read_target
from .settings import WorkersSettings
from .verbs import refuse_options_of_others, reported

LIST: Final = "list"
VERBS: Final = (LIST, *(verb.value for verb in WorkerVerb))
OPTIONS_OF: Final = {"watch": (LIST,), "wait": (WorkerVerb.DRAIN.value,), "timeout": (WorkerVerb.DRAIN.value,)}
"""The options that are for some verbs only."""

WAIT_S: Final = 60
"""How long --wait waits: longer than a worker may take, whose connection is lost meanwhile."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = _read_options(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    return reported(lambda: _run(options, stdout, stderr), stderr)


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("workers"), description=summary, epilog=rest, formatter_class=LinesFormatter)
    parser.add_argument("verb", nargs="?", choices=VERBS, default=LIST, metavar="VERB", help="one of those below")
    which = parser.add_argument("names", nargs="*", metavar="NAME", help="which workers")
    which.completer = worker_names(parser)  # type: ignore[attr-defined]  # argcomplete looks for it
    parser.add(ClusterSettings, WorkersSettings)
    options = parser.read(arguments)
    if options.verb == LIST and options.names:
        parser.error(
            f"list takes no NAME, and shows all workers; '{typed('workers')} drain {options.names[0]}' drains one"
        )
    if options.verb != LIST and not options.names:
        parser.error(f"{options.verb} which worker? Give its name; '{typed('workers')}' lists them")
    refuse_options_of_others(parser, options, OPTIONS_OF)
    if options.timeout is not None and not options.wait:
        parser.error("--timeout says how long --wait waits; give that, too")
    return options


def _run(options: argparse.Namespace, stdout: Terminal, stderr: Terminal) -> int:
    target = read_target(options)
    return _list(options, target, stdout) if options.verb == LIST else _wish(options, target, stdout, stderr)


def _list(options: argparse.Namespace, target: Target, stdout: Terminal) -> int:
    if options.json:
        view = look(target, [Topic.WORKERS])
        stdout.json({"workers": [worker_json(worker) for _, worker in sorted(view.workers.items())]})
        return Status.DONE

    def show(console: Terminal, view: ClusterView) -> None:
        print_workers(console, view.workers)

    if options.watch:
        keep_showing(stdout, target, [Topic.WORKERS], show)
    else:
        show(stdout, look(target, [Topic.WORKERS]))
    return Status.DONE


def _wish(options: argparse.Namespace, target: Target, stdout: Terminal, stderr: Terminal) -> int:
    """Drain or resume some workers. If one of them is refused, say so, and go on with the others."""
    known = look(target, [Topic.WORKERS]).workers
    names = list(dict.fromkeys(options.names))
    for name in names:
        _check(name, known)
    told, refused = [], 0
    for name in names:
        try:
            answer = control_worker(target, name, options.verb)
        except Refused as error:
            refused += 1
            told.append({"name": name, "answer": None, "error": error.text})
            stderr.fail(Status.FAILED, capitalised(error.text))
            continue
        told.append({"name": name, "answer": answer, "error": None})
        if not options.json and not options.quiet:
            stdout.say(as_sentence(capitalised(answer)))
    if options.json:
        stdout.json({"verb": options.verb, "workers": told})
    if refused:
        return Status.FAILED
    if options.wait:
        _wait(target, {name: known[name] for name in names}, options.timeout or WAIT_S)
    return Status.DONE


def _check(name: str, known: Mapping[str, Worker]) -> None:
    """Raise UsageError where there is no worker of this name."""
    if name not in known:
        meant = did_you_mean(name, known) or f"; '{typed('workers')}' shows what there is"
        raise UsageError(f"There is no worker '{name}'{meant}")


def _wait(target: Target, before: Mapping[str, Worker], timeout_s: float) -> None:
    """Wait until all these worker processes have left. Raises TimeoutError."""
    staying = dict.fromkeys(before)

    def have_left(view: ClusterView) -> bool:
        if view.is_current:
            for name, worker in before.items():
                now = view.workers.get(name)
                if now is None or now.state == WorkerState.LOST or now.session != worker.session:
                    staying.pop(name, None)
        return not staying

    try:
        look(target, [Topic.WORKERS], until=have_left, timeout_s=timeout_s, retry=True)
    except TimeoutError as error:
        names = ", ".join(staying)
        raise TimeoutError(
            f"{names} did not leave in {timeout_s:.0f} s; '{typed('workers')}' shows what is in work"
        ) from error


if __name__ == "__main__":
    sys.exit(run_as_process(main))
