"""Standard input as a source, and standard output as the place of a result.

A source is read more than once, and a result is checked when it is whole: so both lie in files meanwhile, in the
system's folder for temporary ones, which TMPDIR names.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from moviola.base.file_names import STANDARD_INPUT
from moviola.media.kinds import KINDS, suffix_of
from moviola.media.material import NO_VIDEO, Material
from moviola.session.order import Order
from moviola.session.outcome import Outcome
from moviola.session.target import UsageError
from moviola.wire.limits import GIB, KIB, MIB

PIPE: Final = "-"
"""What stands for standard input among sources, and for standard output as `--out`."""

MAX_INPUT_SIZE: Final = 64 * GIB
"""Bytes that are read of standard input at most, for a pipe may never end: as much as an aggregator holds of results by
default."""

MIN_FREE_SIZE: Final = 256 * MIB
"""Bytes that are left free on the disk of temporary files, because other programs need it as well."""

_BLOCK: Final = 1 * MIB
_HEAD: Final = 64 * KIB  # that tells what it is


@contextmanager
def spooled(stream: BinaryIO) -> Iterator[Path]:
    """Read standard input to its end, and give the block a file of the content, which is gone afterwards.

    The file is called `stdin`, with the suffix of what it holds.

    Raises:
        UsageError: there is nothing to read, or more than there is room for, or no room at all.
    """
    if stream.isatty():
        raise UsageError("- is standard input, and that is a terminal; pipe a file into it, or name one")
    with _temporary_folder() as folder:
        path = Path(folder, STANDARD_INPUT)
        try:
            head = _copy(stream, path)
        except OSError as error:
            raise UsageError(f"standard input cannot be kept in {folder}: {error.strerror}; {_ELSEWHERE}") from error
        if not head:
            raise UsageError("standard input is empty; pipe a file into it, or name one")
        yield path.rename(path.with_suffix(suffix_of(head)))


_ELSEWHERE: Final = "TMPDIR names a folder with more room, and a file can be sent by its name"


def _copy(stream: BinaryIO, path: Path) -> bytes:
    """Write the whole stream to a file; return its first bytes. Raises UsageError for too much, OSError."""
    size, head = 0, b""
    with path.open("xb") as file:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > MAX_INPUT_SIZE:
                raise UsageError(f"standard input has more than {MAX_INPUT_SIZE // GIB} GiB; send it as a file")
            if shutil.disk_usage(path.parent).free < MIN_FREE_SIZE + len(block):
                raise UsageError(f"standard input has no room in {path.parent}: {size} bytes came; {_ELSEWHERE}")
            head = head or block[:_HEAD]
            file.write(block)
    return head


@contextmanager
def held_result() -> Iterator[str]:
    """Give the block a folder, as `--out` names it, for a result on its way to standard output. Raises UsageError where
    none can be made."""
    with _temporary_folder() as folder:
        yield f"{folder}/"


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder, which is gone with the block. Raises UsageError."""
    try:
        return tempfile.TemporaryDirectory(prefix="moviola-pipe-")
    except OSError as error:
        where = f" in {Path(error.filename).parent}" if error.filename else ""
        reason = f"no folder can be made{where}: {error.strerror or error}"
        raise UsageError(
            f"standard input and output need temporary files, and {reason}; TMPDIR names another"
        ) from error


def check_output(orders: Mapping[Material, Order], *, is_terminal: bool) -> None:
    """Raise UsageError where what is made is not one file that may go to standard output."""
    count = sum(len(order.outputs) for order in orders.values())
    for material, order in orders.items():
        kind, encoder = KINDS[material.kind], order.outputs[0].encoder
        is_folder = kind.makes_folder and encoder.codec != NO_VIDEO
        refuse_output(count, is_folder=is_folder, is_hidden=is_terminal and not kind.naming.is_text(encoder))


def refuse_output(count: int, *, is_folder: bool, is_hidden: bool) -> None:
    """Raise UsageError where results cannot go to standard output: there are several, they are folders, or nobody
    could read them there."""
    if count > 1:
        raise UsageError(f"--out - is standard output, which takes one result, and there are {count}; name a folder")
    if is_folder:
        raise UsageError("--out - is standard output, and images come back in a folder; name that, or a file for one")
    if is_hidden:
        raise UsageError("--out - is standard output, and a terminal shows no video; pipe it on, or name a file")


def as_piped(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return outcomes that tell where their only result goes instead of where it lies meanwhile."""
    return [
        replace(each, outputs=tuple(replace(output, path="standard output") for output in each.outputs if output.path))
        for each in outcomes
    ]


def write_results(outcomes: Sequence[Outcome], stream: BinaryIO) -> str:
    """Write the results that are there to standard output; return why that failed, or nothing."""
    try:
        for path in (output.path for outcome in outcomes for output in outcome.outputs if output.path):
            with Path(path).open("rb") as file:
                shutil.copyfileobj(file, stream, _BLOCK)
        stream.flush()
    except OSError as error:
        return f"the result could not be written to standard output: {error.strerror or error}"
    return ""
