"""Files that are written aside, under a hidden name in the same folder, and renamed into place when they are whole.

A reader finds either the old file or the whole new one, whatever ends the writer. A file that is renamed before it has
reached the disk may be empty after a power cut, so it is synced first, and its folder afterwards.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

PARTIAL: Final = ".part"
"""The suffix of files that are not whole yet."""

FICLONE: Final = 0x40049409
"""The request of ioctl_ficlone(2), on all architectures that Python's wheels of ours exist for."""

MAX_SYNCED_SINGLY: Final = 32
"""The most files that are synced one by one. A sync takes some milliseconds, and a folder may have thousands of
pictures: for more files than this, everything that is not on the disk yet is synced at once."""


def aside(final: Path, mark: str = "") -> Path:
    """Return the hidden path under which the file `final` is written until it is whole.

    Args:
        mark: tells writers apart that may write the same file, such as a process id.
    """
    return final.with_name(".".join(["", final.name, *([mark] if mark else [])]) + PARTIAL)


@contextmanager
def written_aside(final: Path) -> Iterator[Path]:
    """Yield a path for the block to write a file to; then sync that file and rename it to `final`.

    If the block raises, what it wrote is removed, and `final` is as it was. Raises OSError as the disk does.
    """
    partial = aside(final, str(os.getpid()))
    try:
        yield partial
        sync([partial])
        partial.replace(final)
    except BaseException:
        partial.unlink(missing_ok=True)  # not after it was put in its place: another thread may write there by now
        raise


def put(partial: Path, final: Path, *, replace: bool) -> None:
    """Rename a file that is whole to its final name, atomically.

    Args:
        partial: on the same file system as `final`.
        replace: whether a regular file of that name may be replaced.

    Raises:
        FileExistsError: there is something of that name that may not be replaced. Both are as they were.
        OSError: as the disk does.
    """
    if replace and not is_special(final):
        partial.replace(final)
        return
    try:
        os.link(partial, final, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as exFAT: what stands there is ours from the first moment
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
        try:
            partial.replace(final)
        except OSError:
            final.unlink()
            raise
        return
    partial.unlink()


def share(source: Path, target: Path) -> bool:
    """Make `target` have the content of `source` without copying it: as a clone where the file system can, otherwise as
    a hard link. Return False where neither is possible, `target` exists, or the file is another user's."""
    if target.exists() or source.stat().st_uid != os.geteuid():
        return False
    if _cloned(source, target):
        return True
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        return False
    return True


def _cloned(source: Path, target: Path) -> bool:
    """Clone a file, as Btrfs and XFS can: both share their blocks until one of them is written to. Return whether that
    was possible."""
    if not sys.platform.startswith("linux"):
        return False
    with source.open("rb") as given, target.open("xb") as made:
        try:
            fcntl.ioctl(made.fileno(), FICLONE, given.fileno())
        except OSError:
            target.unlink()
            return False
    return True


def is_special(path: Path) -> bool:
    """Return whether something lies there that is no regular file: a folder, a device, a pipe, a link."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def lies_at(file: IO[Any], path: Path) -> bool:
    """Return whether an open file lies at this path still, and nobody has renamed it or put another in its place."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def followed(path: Path) -> Path:
    """Return where to write a file that is to be found at `path`: if that is a link, its target, so that the link
    stays."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


def sync(files: Collection[Path]) -> None:
    """Flush the content of these files to the disk. Raises OSError."""
    if len(files) > MAX_SYNCED_SINGLY:
        os.sync()
        return
    for path in files:
        _sync(path)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk. Raises OSError."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
