"""Tells whether some process of this machine has a file open to write to it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path


def is_open_to_write(path: Path) -> bool | None:
    """Return whether a process of this machine has a file open for writing; None where this cannot be known.

    Linux grants a read lease (fcntl(2), F_SETLEASE) only while nobody has the file open for writing. Only the file's
    owner and root may ask for one, and only for files on local disks. A writer on another machine is never seen.

    Raises OSError where the file cannot be opened.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        with _without_sigio():  # it comes when a writer opens the file while the lease lasts, and would end the process
            try:
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            except OSError as error:
                return True if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK) else None
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _without_sigio() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
    try:
        yield
    finally:
        if signal.SIGIO in signal.sigpending() and signal.SIGIO not in before:
            signal.sigtimedwait({signal.SIGIO}, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
