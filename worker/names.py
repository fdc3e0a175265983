"""Stable names for worker processes: the same after each restart, and no two alike on one machine.

A worker's name outlives its process, and the middleware refuses a second worker of a connected name. Two workers
started side by side must therefore not take the same names: each name is held with a lock that ends with its holder.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

MAX_TRIED: Final = 10_000
"""Numbers tried for free names; more worker processes no machine runs."""


def host_name() -> str:
    """This machine's name without its domain."""
    return socket.gethostname().split(".")[0] or "worker"


class NameLocks:
    """Names `<stem>-<n>`, n from 1, held until `release` or the end of this process.

    Args:
        scope: workers of different clusters may have the same names: this tells the clusters apart. The
            middleware's port will do; its host may be written in several ways.
    """

    def __init__(self, scope: str, folder: Path | None = None) -> None:
        self._scope = scope
        self._folder = folder or Path(tempfile.gettempdir())
        self._held: dict[Path, int] = {}

    def take(self, stem: str, count: int) -> tuple[str, ...]:
        """The first `count` free names. Raises OSError when the folder cannot be written."""
        names: list[str] = []
        for number in range(1, MAX_TRIED):
            if len(names) == count:
                break
            name = f"{stem}-{number}"
            if self._lock(name):
                names.append(name)
        return tuple(names)

    def release(self) -> None:
        """Give all names back."""
        for path, fd in self._held.items():
            path.unlink(missing_ok=True)  # while it is locked: nobody else can have taken it
            os.close(fd)
        self._held.clear()

    def _lock(self, name: str) -> bool:
        digest = sha256(f"{os.getuid()}\0{self._scope}\0{name}".encode()).hexdigest()[:24]
        path = self._folder / f"moviola-worker-{digest}.lock"
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_ino == path.stat().st_ino:
                    self._held[path] = fd
                    return True
            except BlockingIOError:
                os.close(fd)
                return False
            except FileNotFoundError:
                pass
            os.close(fd)  # its last holder removed it between our two steps: once more
