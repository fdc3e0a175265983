"""`moviola verify`: whether a result is complete and as it was made, by the manifest beside it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from moviola.base.command_line import LinesFormatter, Parser
from moviola.base.invocation import typed
from moviola.display.terminal import Terminal, styled
from moviola.media.errors import UnreadableSource
from moviola.media.manifest import SUFFIX
from moviola.session.outcome import Status
from moviola.session.target import UsageError, as_sentence

from .display.tables import table

if TYPE_CHECKING:
    from moviola.verification.findings import Verification
    from moviola.verification.verify import Progress as OnProgress

ABOUT: Final = f"""\
Tells whether results are complete and as they were made, by the manifest beside each
(NAME{SUFFIX}). A video is demuxed and decoded: frames that are missing,
repeated, out of order, altered or at another time are named, and so are sound that is
out of step, and a file that is cut off. Of images and tables the bytes are compared.

OUTPUT is a result's file or folder, or the folder of a job, for all of its results.
"""

STATUSES: Final = """\
Exit status: 0 all are complete, also where only the container is another one;
1 something is missing or not as it was made; 2 wrong usage, or a file that cannot be
read, a manifest among them.
"""

ELSEWHERE: Final = "; --manifest names one that lies elsewhere"

STEP: Final = 50
"""Frames after which the bar moves: to move it takes as long as to read one."""

MAX_SENTENCES: Final = 20
"""Things that are wrong with one result and told to a person; --json has all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the outputs and return the exit status, the highest one of all."""
    options = _parser().parse_args(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        return _run(options, stdout, stderr)
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except KeyboardInterrupt:
        return stderr.fail(Status.CANCELLED, "Interrupted")


def _parser() -> Parser:
    parser = Parser(prog=typed("verify"), description=ABOUT, epilog=STATUSES, formatter_class=LinesFormatter)
    parser.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="a result, or a job's folder")
    parser.add_argument("--source", type=Path, metavar="FILE", help="what it was made of: every frame is accounted for")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="where the manifest lies (beside the result)")
    parser.add_argument("--no-decode", action="store_true", help="of videos: compare packets alone, which is faster")
    parser.add_argument("--json", action="store_true", help="one object a result, with all that is wrong")
    parser.add_argument("--quiet", "-q", action="store_true", help="only the exit status, and what cannot be read")
    return parser


def _run(options: argparse.Namespace, stdout: Terminal, stderr: Terminal) -> int:
    from moviola.media.manifest.reader import BadManifest  # noqa: PLC0415 - FFmpeg and numpy, not needed for --help
    from moviola.verification.verify import NoManifest  # noqa: PLC0415

    status = Status.DONE
    for output in _outputs(options):
        try:
            found = _verified(options, output, stderr)
        except NoManifest as error:
            status = max(status, Status(stderr.fail(Status.WRONG, f"{error}{ELSEWHERE}")))
            continue
        except (BadManifest, UnreadableSource) as error:
            status = max(status, Status(stderr.fail(Status.WRONG, str(error))))
            continue
        except OSError as error:
            text = f"{error.filename or output}: {error.strerror or error}"
            status = max(status, Status(stderr.fail(Status.WRONG, text)))
            continue
        if options.json:
            stdout.json({"complete": found.complete, **found.to_wire()})
        elif not options.quiet:
            _tell(stdout, found)
        status = max(status, Status.DONE if found.complete else Status.FAILED)
    return status


def _outputs(options: argparse.Namespace) -> Iterator[Path]:
    """Yield the outputs that are named, and those in jobs' folders. Raise UsageError."""
    from moviola.media.manifest.reader import BadManifest  # noqa: PLC0415
    from moviola.verification.verify import NoManifest, manifest_of, named, outputs_in  # noqa: PLC0415

    if options.manifest is not None and len(options.outputs) > 1:
        raise UsageError("--manifest is that of one result, and there are several; verify them one by one")
    for output in map(named, options.outputs):
        if options.manifest is not None or not os.path.isdir(output):
            yield output
            continue
        try:
            manifest_of(output)
            yield output
        except NoManifest as error:
            try:
                found = outputs_in(output)
            except (BadManifest, OSError) as damage:
                raise UsageError(str(damage)) from damage
            if not found:
                raise UsageError(f"{error}{ELSEWHERE}") from error
            yield from found


def _verified(options: argparse.Namespace, output: Path, stderr: Terminal) -> Verification:
    from moviola.verification.verify import verify  # noqa: PLC0415

    with _progress(stderr, output.name, shown=not (options.quiet or options.json)) as on_progress:
        return verify(output, options.source, options.manifest, decode=not options.no_decode, on_progress=on_progress)


@contextmanager
def _progress(stderr: Terminal, name: str, *, shown: bool) -> Iterator[OnProgress]:
    """Give the block what shows how far it is: a bar on a terminal, which goes when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not (shown and stderr.is_terminal)) as progress:
        task = progress.add_task(str(styled(name)), total=None)

        def tell(done: int, count: int) -> None:
            if done % STEP == 0 or done >= count:
                progress.update(task, completed=min(done, count), total=count)

        yield tell


def _tell(stdout: Terminal, found: Verification) -> None:
    from moviola.verification.verify import sentences  # noqa: PLC0415

    first, *rest = sentences(found)
    stdout.say((as_sentence(first), "bold green" if found.complete else "bold red"))
    for sentence in rest[:MAX_SENTENCES]:
        stdout.tell(as_sentence(sentence))
    if len(rest) > MAX_SENTENCES:
        stdout.tell(f"There are {len(rest) - MAX_SENTENCES} things more; --json tells all.")
    rows = table("what", "found")
    for check in found.checks:
        rows.add_row(check.subject, Text(check.found, "green" if check.passed else "red"))
    if stdout.is_terminal:
        stdout.print(rows)
    else:
        for check in found.checks:
            stdout.say(f"  {check.subject}: {check.found}")
