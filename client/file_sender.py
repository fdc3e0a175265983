"""Sends videos, images or tables to a cluster, waits, and brings the filtered ones back.

Exit status: 0 all is done; 1 a job failed; 2 wrong usage, or no input that can be read; 3 no middleware to reach, or
no worker that could know a filter; 4 partly done (frames were not filtered or lost, or some of several inputs
could not be taken); 5 cancelled, the job or the waiting for it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from moviola.base.config_files import Layer
from moviola.base.installation import state_folder
from moviola.base.invocation import typed
from moviola.base.layers import said_in
from moviola.base.process_entry import run_as_process
from moviola.base.settings import settings_in
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters import registry
from moviola.filters.chain import ChainError
from moviola.filters.schema import FilterSchema, ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import KINDS
from moviola.session import sources
from moviola.session.animations import as_videos
from moviola.session.chains import filters_of
from moviola.session.cluster_settings import ClientSettings
from moviola.session.delivery import Delivery
from moviola.session.existing import settle
from moviola.session.known_filters import NobodyToAsk, schemas_for
from moviola.session.order import OutputRequest
from moviola.session.outcome import Status
from moviola.session.pipes import PIPE, as_piped, check_output, held_result, spooled, write_results
from moviola.session.plan import Plan, orders_for
from moviola.session.target import Target, UsageError, as_sentence
from moviola.wire.errors import WireError

from .dry_run import dry_run
from .filters import list_filters
from .interruption import interruptible
from .options import Parser, is_without_cluster, load_plugins, read_target
from .report import Report, ReportOptions
from .sender_settings import SenderSettings

if TYPE_CHECKING:
    from moviola.session.engines import Engine


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = read_options(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        with ExitStack() as pipes:
            return _run(options, pipes, stdout, stderr)
    except KeyboardInterrupt:
        return stderr.fail(Status.CANCELLED, "Interrupted")


def _run(options: argparse.Namespace, pipes: ExitStack, stdout: Terminal, stderr: Terminal) -> int:
    try:
        target = read_target(options)
        for sentence in _contradictions(options):
            raise UsageError(sentence)
        load_plugins(options)
        if options.list_filters:
            return list_filters(stdout, target, is_local=is_without_cluster(options), as_json=options.json)
        plan = _plan(options, pipes, target, stdout, stderr)
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except (ChainError, ParameterError) as error:
        return stderr.fail(Status.WRONG, f"{_whose_chains(options)}{error}")
    except NobodyToAsk as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    if options.dry_run:
        return dry_run(plan, stdout, stderr, strict=options.strict, as_json=options.json, quiet=options.quiet)
    return _deliver(plan, options, None if is_without_cluster(options) else target, stdout, stderr)


def _whose_chains(options: argparse.Namespace) -> str:
    """Return the beginning of a sentence about chains that were not typed: which preset, variable or file asks for
    them. Empty if they were typed, or are the default ones."""
    said = said_in(options).get("filters")
    return "" if said is None or said.layer is Layer.FLAG else f"The filters of {said.where}: "


def _contradictions(options: argparse.Namespace) -> Iterator[str]:
    """Yield a sentence for each combination of options that exclude each other."""
    if options.local and (options.detach or options.new or options.priority):
        yield "--detach, --new and --priority are for a cluster; leave them out with --local"
    if options.engine and options.local:
        yield "--local computes in this process and --engine elsewhere; leave one out"
    if options.engine and (options.detach or options.priority):
        yield "--detach and --priority are for a Moviola cluster; leave them out with --engine"
    if options.detach and options.out is not None:
        later = f"{typed('jobs')} fetch ID --out {options.out}"
        yield f"--detach leaves before there is a result; do without --out, and bring it later: {later}"
    if options.json and options.out == PIPE:
        yield "--out - and --json both write to standard output; leave one out"


def _plan(options: argparse.Namespace, pipes: ExitStack, target: Target, stdout: Terminal, stderr: Terminal) -> Plan:
    """Return the plan of what is sent, after all checks that need no source to be read. Raises exceptions whose texts
    are sentences for the person who typed the command."""
    wanted = _wanted(options, target, stderr)
    named = (*options.paths, *options.video)
    paths = [pipes.enter_context(spooled(sys.stdin.buffer)) if str(path) == PIPE else path for path in named]

    def say(sentence: str) -> None:
        if not options.quiet:
            stderr.say(as_sentence(sentence))

    found, complaints = sources.find(paths, say)
    try:
        materials = pipes.enter_context(as_videos(found, options.out, say, strict=options.strict))
    except UnreadableSource as complaint:
        raise UsageError(str(complaint)) from complaint
    kinds = {material.kind for material in materials}
    for sentence in wanted.idle(kinds):
        raise UsageError(f"{_whose_chains(options)}{sentence}")
    for sentence in _idle_options(options, kinds):
        raise UsageError(sentence)
    orders, unsuited = orders_for(materials, wanted)
    out = options.out
    if out == PIPE:
        check_output(orders, is_terminal=stdout.is_terminal)
        out = pipes.enter_context(held_result())
    destinations = settle(orders, out, options.results, overwrite=options.overwrite)
    return Plan(destinations, (*complaints, *unsuited))


def _deliver(plan: Plan, options: argparse.Namespace, target: Target | None, stdout: Terminal, stderr: Terminal) -> int:
    """Carry out the plan, tell what comes of it, and return the exit status."""
    is_piped = options.out == PIPE
    display = display_for(stderr, quiet=options.quiet, progress=options.progress)
    told = ReportOptions(plan.count > 1, options.json, options.quiet, options.detach)
    report = Report(told, stderr if is_piped else stdout, display)
    settings, engine = settings_in(SenderSettings, options), _engine(options)
    delivery = Delivery(plan, settings, target, display, detach=options.detach, engine=engine)
    outcomes = []
    started = time.monotonic()
    try:
        with interruptible(delivery.interrupt):
            for outcome in delivery.outcomes():
                outcomes.append(outcome)
                report.tell(as_piped([outcome])[0] if is_piped else outcome)
        report.end(time.monotonic() - started)
    finally:
        display.close()
    if is_piped and (failure := write_results(outcomes, sys.stdout.buffer)):
        stdout.on_broken_pipe()
        return stderr.fail(Status.FAILED, failure)
    return report.status


def _engine(options: argparse.Namespace) -> Callable[[], Engine] | None:
    """Return a function that connects to the engine that `--engine` names; None without the option."""
    if not options.engine:
        return None
    from moviola.session import engines  # noqa: PLC0415 - numpy and all that a worker loads, which sending does without

    return partial(engines.connected, options.engine, options.plugins, options.state_folder or state_folder())


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; anything wrong with it ends the process with status 2."""
    return _parser().read(arguments)


def _idle_options(options: argparse.Namespace, kinds: Set[str]) -> Iterator[str]:
    """Yield a sentence for each option of the command line that is for none of these kinds of material."""
    here = " and ".join(KINDS[kind].plural for kind in sorted(kinds))
    said = said_in(options)
    known = dict.fromkeys(name for kind in KINDS.values() for name in kind.options)
    for name in known if kinds else ():
        takers = [kind for kind in KINDS.values() if name in kind.options]
        is_asked = name in said and said[name].layer is Layer.FLAG
        if is_asked and kinds.isdisjoint(kind.name for kind in takers):
            flag, wanted = name.replace("_", "-"), " and ".join(kind.plural for kind in takers)
            yield f"--{flag} is for {wanted}, and there are only {here}; leave it out"


def _parser() -> Parser:
    summary, _, statuses = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=typed("send"), description=summary, epilog=statuses)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help=f"{', '.join(kind.plural for kind in KINDS.values())}, or their folders (data/)",
    )
    parser.add(SenderSettings, ClientSettings)
    return parser


def _wanted(options: argparse.Namespace, target: Target, stderr: Terminal) -> OutputRequest:
    """What is asked for. Raises ChainError, ParameterError, NobodyToAsk or WireError."""
    job = settings_in(SenderSettings, options)
    schemas = _schemas(job.filters, options, target, stderr)
    return OutputRequest.of(job, schemas)


def _schemas(
    chains: Sequence[str], options: argparse.Namespace, target: Target, stderr: Terminal
) -> dict[str, FilterSchema]:
    """Return the filter schemas to check the chains against: this installation's, or also the cluster's."""
    if is_without_cluster(options):
        return registry.schemas()

    def say(sentence: str) -> None:
        if not options.quiet:
            stderr.say(as_sentence(sentence))

    return schemas_for(filters_of(chains), target, say)


if __name__ == "__main__":
    sys.exit(run_as_process(main))
