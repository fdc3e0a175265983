"""Does one job by several modes, one after another and round by round, and shows what each of them takes.

The modes are: sequential (one thread of one process), threads, processes, and distributed (the workers of a cluster).
All do the same work on the same chunks, so their results must be equal; one that is not ends the comparison. Nothing of
the results is kept. The cluster is the one at --host and --port; where nobody answers there, and neither was said, one
is started on this machine for as long as the comparison lasts.

Exit status: 0 all results are equal; 1 a mode failed, or a result differs; 2 wrong usage, or no input that can be read;
3 no cluster to reach; 5 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NoReturn

from moviola.base.config_files import Layer
from moviola.base.invocation import typed
from moviola.base.layers import said_in
from moviola.base.process_entry import run_as_process
from moviola.base.processes import core_count
from moviola.base.settings import settings_in
from moviola.base.vocabulary import Topic
from moviola.comparison.chart import chart
from moviola.comparison.contest import compare
from moviola.comparison.records import Comparison, Mode, State
from moviola.comparison.request import Request, check_options, modes_in, one_of
from moviola.display.progress import display_for
from moviola.display.terminal import Terminal
from moviola.filters.chain import ChainError
from moviola.filters.schema import ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import KINDS
from moviola.session import sources
from moviola.session.chains import filters_of
from moviola.session.cluster_settings import ClientSettings
from moviola.session.cluster_view import look
from moviola.session.known_filters import NobodyToAsk, schemas_for
from moviola.session.order import OutputRequest
from moviola.session.outcome import Status
from moviola.session.target import Target, UsageError, as_sentence
from moviola.session.units import counted
from moviola.wire import errors as wire_errors
from moviola.wire.errors import WireError

from .compare_settings import CompareSettings
from .display.comparison import print_comparison, view_of
from .interruption import interruptible
from .options import Parser, read_target
from .sender_settings import SenderSettings

FOLDER_PREFIX: Final = "moviola-compare-"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = _parser().read(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        with interruptible(_interrupt), ExitStack() as stack:
            return _run(options, stack, stdout, stderr)
    except KeyboardInterrupt:
        return stderr.fail(Status.CANCELLED, "Interrupted; nothing of it is kept")


def _run(options: argparse.Namespace, stack: ExitStack, stdout: Terminal, stderr: Terminal) -> int:
    settings = settings_in(CompareSettings, options)
    try:
        request, remarks = _request(settings, options, stack, stderr)
    except (UsageError, ChainError, ParameterError, UnreadableSource) as error:
        return stderr.fail(Status.WRONG, str(error))
    except (NobodyToAsk, WireError) as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except TimeoutError as error:
        return stderr.fail(Status.UNREACHABLE, f"The cluster does not answer: {error}")
    comparison = _compared(request, stack, stderr, quiet=settings.quiet)
    comparison = replace(comparison, remarks=[*remarks, *comparison.remarks])
    if settings.json:
        stdout.json(comparison.to_wire())
    else:
        print_comparison(stdout, comparison)
    if settings.plot is not None:
        try:
            with settings.plot.open("x", encoding="utf-8") as file:
                file.write(chart(comparison))
        except OSError as error:
            return stderr.fail(Status.FAILED, f"--plot {settings.plot}: {error.strerror}")
    if comparison.state is not State.DONE:
        return stderr.fail(Status.FAILED, comparison.reason)
    return Status.DONE


def _request(
    settings: CompareSettings, options: argparse.Namespace, stack: ExitStack, stderr: Terminal
) -> tuple[Request, list[str]]:
    """Return what is compared, and what is to be said of it. Raise a sentence for the person who typed it."""
    from moviola.filters import registry  # noqa: PLC0415 - numpy and OpenCV

    if settings.plot is not None:
        _check_plot(settings.plot)
    material = one_of(*sources.find(options.paths))
    modes = modes_in(settings.mode)
    plugins = tuple(dict.fromkeys(path.resolve() for path in settings.plugins))
    try:
        for path in plugins:
            registry.load_plugin(path)
    except registry.PluginError as error:
        raise UsageError(str(error)) from error
    count = core_count() if settings.workers is None else settings.workers
    cluster = _cluster_there(options) if Mode.DISTRIBUTED in modes and not plugins else None
    schemas = registry.schemas()
    if cluster is not None and set(modes) == {Mode.DISTRIBUTED}:
        schemas = schemas_for(filters_of(settings.filters), cluster, lambda text: stderr.say(as_sentence(text)))
    wanted = OutputRequest.of(settings, schemas)
    for sentence in wanted.idle([material.kind]):
        raise UsageError(sentence)
    flags = [name for name, said in said_in(options).items() if said.layer is Layer.FLAG]
    check_options(KINDS[material.kind], flags)
    request = Request(material, wanted.order(material), modes, count, settings.iterations, settings.warm_ups, cluster)
    request = replace(request, plugins=plugins)
    if Mode.DISTRIBUTED not in modes or cluster is not None:
        return request, []
    own = stack.enter_context(_own_cluster(count, plugins))
    return request.at(own), [f"A cluster of {counted(count, 'worker')} was started for this, and is stopped"]


def _check_plot(path: Path) -> None:
    """Raise UsageError where no file can be written, or one is there."""
    if os.path.lexists(path):
        raise UsageError(f"--plot {path} is there, and is left as it is; give another name")
    if not os.path.isdir(path.parent):
        raise UsageError(f"--plot {path}: there is no folder {path.parent}; name a file in a folder that exists")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"--plot {path}: nothing may be written to the folder {path.parent}; name another")


def _cluster_there(options: argparse.Namespace) -> Target | None:
    """Return the cluster that answers; None where nobody does, and none was named. Raise UsageError, WireError."""
    is_named = not said_in(options).keys().isdisjoint(("host", "port"))
    try:
        target = read_target(options)
        look(target, (Topic.WORKERS,))
    except (UsageError, WireError):
        if is_named:
            raise
        return None
    return target


@contextmanager
def _own_cluster(count: int, plugins: Sequence[Path]) -> Iterator[Target]:
    from moviola.api.comparison import own_cluster  # noqa: PLC0415 - what starts programs, which most do without
    from moviola.api.errors import Unreachable  # noqa: PLC0415

    with ExitStack() as stack:
        try:
            target = stack.enter_context(own_cluster(count, plugins))
        except Unreachable as error:
            raise wire_errors.Unreachable(str(error)) from error
        yield target


def _compared(request: Request, stack: ExitStack, stderr: Terminal, *, quiet: bool) -> Comparison:
    """Carry out the comparison, show how far it is, and return what came of it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)))
    display = display_for(stderr, quiet=quiet)
    try:
        for comparison in compare(request, folder):
            display.show([view_of(comparison)], time.monotonic())
    finally:
        display.close()
    return comparison


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> Parser:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog=typed("compare"), description=summary, epilog=rest, formatter_class=formatter)
    parser.whole = (SenderSettings, ClientSettings)
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a video, a folder of images, or files that belong together"
    )
    parser.add(CompareSettings, ClientSettings)
    return parser


if __name__ == "__main__":
    sys.exit(run_as_process(main))
