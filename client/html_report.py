"""Writes a report of a job: one HTML file with figures, pictures and drawings in it, which needs no network to be read.

  moviola report latest                   writes JOB.html in this folder
  moviola report ID --out report.html --open
  moviola report ID --out - > report.html

ID is a job's id or the beginning of one, or 'latest'. A job that goes on has a report, too: of how far it is now.

Exit status: 0 it is written; 1 it cannot be; 2 wrong usage, or no such job; 3 no middleware to reach.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from moviola.base.command_line import LinesFormatter
from moviola.base.files import aside, followed, put, sync
from moviola.base.invocation import typed
from moviola.base.process_entry import run_as_process
from moviola.base.vocabulary import Topic
from moviola.display.terminal import Terminal
from moviola.session.cluster_settings import ClientSettings
from moviola.session.cluster_view import look
from moviola.session.jobs import find
from moviola.session.outcome import Status
from moviola.session.pipes import PIPE
from moviola.session.target import Target, UsageError
from moviola.session.units import sized
from moviola.wire.errors import Refused, WireError

from .completion import job_ids
from .options import Parser, read_target
from .settings import ReportSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status, as the module's docstring lists them."""
    options = _parser().read(arguments)
    stdout, stderr = Terminal(), Terminal(stderr=True)
    try:
        return _run(options, stdout, stderr)
    except UsageError as error:
        return stderr.fail(Status.WRONG, str(error))
    except (Refused, TimeoutError) as error:
        return stderr.fail(Status.FAILED, str(error))
    except WireError as error:
        return stderr.fail(Status.UNREACHABLE, str(error))
    except OSError as error:
        return stderr.fail(Status.FAILED, f"The report cannot be written: {error.strerror or error}")
    except KeyboardInterrupt:
        return stderr.fail(Status.CANCELLED, "Interrupted; nothing was written")


def _parser() -> Parser:
    summary, _, rest = (__doc__ or "").replace("moviola report", typed("report")).partition("\n\n")
    parser = Parser(prog=typed("report"), description=summary, epilog=rest, formatter_class=LinesFormatter)
    which = parser.add_argument("id", metavar="ID", help="which job")
    which.completer = job_ids(parser)  # type: ignore[attr-defined]  # argcomplete looks for it
    parser.add(ClientSettings, ReportSettings)
    return parser


def _run(options: argparse.Namespace, stdout: Terminal, stderr: Terminal) -> int:
    if options.out == PIPE and options.open:
        raise UsageError("--out - gives no file that --open could show; name one")
    target = read_target(options)
    job = find(look(target, [Topic.JOBS]).jobs, options.id).job
    path = None if options.out == PIPE else followed(_path(options.out, job))
    if path is not None:
        _refuse(path, overwrite=options.overwrite)  # before anything is looked at
    document = _document(target, job)
    if path is None:
        sys.stdout.buffer.write(document)
        sys.stdout.buffer.flush()
        return Status.DONE
    _write(path, document, overwrite=options.overwrite)
    if not options.quiet:
        stdout.say(f"{path}, {sized(len(document))}")
    if options.open and not webbrowser.open(path.absolute().as_uri()):
        return stderr.fail(Status.FAILED, f"No browser could be started here; open {path} in one")
    return Status.DONE


def _document(target: Target, job: str) -> bytes:
    from moviola.report.gather import gather  # noqa: PLC0415 - OpenCV and FFmpeg
    from moviola.report.page import page  # noqa: PLC0415

    now_unix_s = time.time()  # noqa: TID251 - a report says when it was made
    return page(gather(target, job, now_unix_s)).encode()


def _path(out: str | None, job: str) -> Path:
    """Return where the report goes: to a name, into a folder that is there, or into this one."""
    if out is None:
        return Path(f"{job}.html")
    return Path(out) / f"{job}.html" if out.endswith("/") or Path(out).is_dir() else Path(out)


def _refuse(path: Path, *, overwrite: bool) -> None:
    """Raise UsageError where nothing can be written to a path, or something is there that stays."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not an ordinary file; give --out another name")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} is there, and is left as it is; --overwrite replaces it, --out names another file")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}; make it first, or give --out another name")


def _write(path: Path, document: bytes, *, overwrite: bool) -> None:
    """Write the report beside its name and give it that when it is whole. Raises UsageError, OSError."""
    partial = aside(path, str(os.getpid()))
    try:
        partial.write_bytes(document)
        sync([partial])
        put(partial, path, replace=overwrite)
    except FileExistsError:
        _refuse(path, overwrite=overwrite)
        raise
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(run_as_process(main))
