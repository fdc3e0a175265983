"""Sends videos, images or tables to a cluster, waits, and brings the filtered ones back.

Exit status: 0 all is done; 1 a job failed; 2 wrong usage, or no input that can be read; 3 no middleware to reach, or
no worker that could know a filter; 4 partly done (frames were passed on unfiltered or lost, or some of several inputs
could not be taken); 5 cancelled, the job or the waiting for it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from moviola.base.config_files import Layer
from moviola.base.invocation import typed
from moviola.base.layers import said_in
from moviola.base.settings import settings_in
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters import registry
from moviola.filters.chain import ChainError
from moviola.filters.schema import FilterSchema, ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import KINDS, losses, verify
from moviola.media.material import Material
from moviola.session import sources
from moviola.session.chains import filters_of
from moviola.session.cluster_settings import ClientSettings
from moviola.session.existing import Destination, settle
from moviola.session.known_filters import NobodyToAsk, schemas_for
from moviola.session.network import Sender
from moviola.session.order import OutputRequest
from moviola.session.outcome import Outcome, Status, exit_status
from moviola.session.pipes import PIPE, as_piped, check_output, held_result, spooled, write_results
from moviola.session.preparing import upload_request
from moviola.session.run import UploadRequest
from moviola.session.target import Target, UsageError, as_sentence
from moviola.session.units import counted
from moviola.session.views import Display
from moviola.wire.errors import WireError

from .display.job_report import failure_line, traceback_of
from .display.summary import print_summary
from .filters import list_filters
from .interruption import interruptible, loaded
from .options import Parser, read_target
from .sender_settings import SenderSettings


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
    is_piped = options.out == PIPE
    try:
        target = read_target(options)
        if options.local and (options.detach or options.new or options.priority):
            raise UsageError("--detach, --new and --priority are for a cluster; leave them out with --local")
        if options.detach and options.out is not None:
            later = f"{typed('jobs')} fetch ID --out {options.out}"
            raise UsageError(f"--detach leaves before there is a result; leave --out out, and bring it later: {later}")
        if options.json and is_piped:
            raise UsageError("--out - and --json both write to standard output; leave one out")
        if options.list_filters:
            return list_filters(stdout, target, is_local=options.local, as_json=options.json)
        wishes = _wishes(options, target, stderr)
        named = (*options.paths, *options.video)
        paths = [pipes.enter_context(spooled(sys.stdin.buffer)) if str(path) == PIPE else path for path in named]
        materials, complaints = sources.find(paths)
        kinds = {material.kind for material in materials}
        for sentence in (*wishes.idle(kinds), *_idle_options(options, kinds)):
            raise UsageError(sentence)
        orders = {}
        for material in materials:
            try:
                orders[material] = wishes.order(material)
            except UnreadableSource as unsuited:
                complaints.append(unsuited)
        if is_piped:
            check_output(orders, is_terminal=stdout.is_terminal)
        out = pipes.enter_context(held_result()) if is_piped else options.out
        destinations = settle(orders, out, options.results, overwrite=options.overwrite)
    except (UsageError, ChainError, ParameterError) as error:
        return stderr.fail(Status.WRONG, str(error))
    except NobodyToAsk as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    display = display_for(stderr, quiet=options.quiet)
    submitter = _Submitter(options, target, destinations, stdout, display)
    for complaint in complaints:
        submitter.refuse(complaint)
    try:
        outcomes = submitter.run()
    finally:
        display.close()
    if not options.json and not options.quiet:
        print_summary(*((stderr, as_piped(outcomes)) if is_piped else (stdout, outcomes)))
    if is_piped and (failure := write_results(outcomes, sys.stdout.buffer)):
        stdout.on_broken_pipe()
        return stderr.fail(Status.FAILED, failure)
    return submitter.status()


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; anything wrong with it ends the process with status 2."""
    return _parser().read(arguments)


def _idle_options(options: argparse.Namespace, kinds: Set[str]) -> Iterator[str]:
    """A sentence for each option of the command line that is for none of these kinds of material."""
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


class _Submitter:
    """Sends the files of one command and keeps what came of each."""

    def __init__(
        self,
        options: argparse.Namespace,
        target: Target,
        destinations: Mapping[Material, Destination],
        stdout: Terminal,
        display: Display,
    ) -> None:
        self._options, self._target = options, target
        self._finished = [each.finished for each in destinations.values() if each.finished is not None]
        self._wanted = {material: each for material, each in destinations.items() if each.finished is None}
        self._stdout, self._display = stdout, display
        self._statuses: list[Status] = []
        self._said: set[tuple[str, ...]] = set()

    def status(self) -> Status:
        return exit_status(self._statuses)

    def refuse(self, complaint: UnreadableSource) -> None:
        """An input that cannot be taken."""
        self._statuses.append(Status.WRONG)
        self._say(str(complaint))

    def run(self) -> list[Outcome]:
        """All outcomes; each is printed as it comes."""
        outcomes = []
        for outcome in chain(self._finished, self._send_locally() if self._options.local else self._send()):
            outcomes.append(outcome)
            self._statuses.append(outcome.status)
            if outcome.reason:
                self._say(self._sentence(outcome))
            for warning in outcome.warnings if not self._options.quiet else ():
                self._say(f"{outcome.source}: {warning}")
            for failure in outcome.failures if not self._options.quiet else ():
                self._say(f"{outcome.source}: {failure_line(failure, outcome.unit)}")
                self._say(*traceback_of(failure).splitlines())
            if self._options.json and (outcome.job_id or outcome.outputs):
                self._stdout.json(outcome.to_json())
            elif self._options.detach and outcome.status is Status.DONE:
                self._stdout.say(outcome.job_id)
        return outcomes

    def _send(self) -> Iterator[Outcome]:
        if not self._wanted:
            return
        sender = Sender(self._target, self._display)
        with interruptible(sender.interrupt):
            yield from sender.send(self._requests())

    def _requests(self) -> Iterator[UploadRequest]:
        for material, destination in self._wanted.items():
            try:
                request = upload_request(
                    material,
                    destination.order,
                    destination.place,
                    settings_in(SenderSettings, self._options),
                    detach=self._options.detach,
                )
            except UnreadableSource as complaint:
                self.refuse(complaint)
                continue
            if KINDS[material.kind].tells_count:
                self._display.remark(f"{material.name}: {counted(request.frames, request.unit)}")
            for loss in losses(request.submission.source, destination.order.outputs):
                self._display.remark(f"{material.name}: {loss}")
            yield request

    def _send_locally(self) -> Iterator[Outcome]:
        from moviola.session import local  # noqa: PLC0415 - numpy and all that a worker loads, which sending does without

        for material, destination in self._wanted.items():
            try:
                if self._options.verify_cuts:
                    verify(material, destination.order.cutting)
                yield local.run(material, destination.order, destination.place, self._display)
            except UnreadableSource as complaint:
                self.refuse(complaint)

    def _sentence(self, outcome: Outcome) -> str:
        if outcome.status is Status.UNREACHABLE and not outcome.job_id:
            return as_sentence(outcome.reason)
        return as_sentence(f"{outcome.source}: {outcome.state}: {outcome.reason}")

    def _say(self, *lines: str) -> None:
        if lines not in self._said:  # two jobs that cannot reach the middleware are one piece of news
            self._said.add(lines)
            for line in lines:
                self._display.say(line)


def _wishes(options: argparse.Namespace, target: Target, stderr: Terminal) -> OutputRequest:
    """What is asked for. Raises ChainError, ParameterError, NobodyToAsk or WireError."""
    job = settings_in(SenderSettings, options)
    schemas = _schemas(job.filters, options, target, stderr)
    return OutputRequest(job.filters, schemas, job.encoder, job.cutting, job.on_error)


def _schemas(
    chains: Sequence[str], options: argparse.Namespace, target: Target, stderr: Terminal
) -> dict[str, FilterSchema]:
    """The schemas to check against."""
    if options.local:
        return registry.schemas()

    def say(sentence: str) -> None:
        if not options.quiet:
            stderr.say(as_sentence(sentence))

    return schemas_for(filters_of(chains), target, say)


if __name__ == "__main__":
    loaded()
    sys.exit(main())
