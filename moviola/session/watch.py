"""Decides when a file that appears in a watched folder is whole, and hands out each of them once: a brain.

It is told what lies in the folder, look by look, and says which files want a closer look. A file is whole when nobody
writes to it any more:

    appeared ─▶ waiting ─▶ ready     nothing changed for QUIET_S, nobody has it open to write, and it is as long as
                  │  ▲               its container says; or, where one of these is not known, for `settle_s`
                  ▼  │
                 left                for `settle_s` it has been shorter than its container says, and waits for a change;
                                     or it cannot be read, and waits until it can be
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from moviola.media.wholeness import Wholeness

QUIET_S: Final = 2.0
"""How long a file is left alone whose container says that it is whole: an index may be rewritten at the end."""

SETTLE_S: Final = 45.0
"""How long a file is left alone of whose length nothing is known: longer than a copy over a slow network stalls."""

CUT_OFF: Final = "is shorter than its own header says"

MAX_FILES: Final = 100_000
"""Files of one watched folder, done ones included: what is remembered of each takes about half a kilobyte."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a file the same one under another name: its inode, size in bytes, and time of change in ns."""

    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a closer look at a file showed. `is_open` is None where it cannot be known if somebody writes to it."""

    wholeness: Wholeness
    is_open: bool | None


@dataclass(slots=True)
class _Waiting:
    identity: Identity
    since: float
    """When it was first seen as it is."""
    fault: str = ""
    """Why it is left as it is."""


@dataclass(slots=True)
class FolderWatch:
    """Which files of one folder are to be sent, each once.

    Args:
        done: identities of files that were handed out before, by this watch or by an earlier one.
        settle_s: seconds that a file is left alone of whose length nothing is known.
    """

    done: set[Identity]
    settle_s: float = SETTLE_S
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Files that are not whole yet, but for those that are left as they are."""
        return sum(not waiting.fault for waiting in self._waiting.values())

    def seen(self, files: Mapping[str, Identity], now: float, unix_s: float) -> list[str]:
        """Take what lies in the folder now, by name; return the names of files that want a closer look.

        Args:
            now: seconds of a clock that never goes back.
            unix_s: the time of day, against which the files' own times are read.
        """
        for name in [name for name in self._waiting if name not in files]:
            del self._waiting[name]
        due, identities = [], set()
        for name, identity in files.items():
            if identity in self.done or identity in identities:
                self._waiting.pop(name, None)
                continue
            identities.add(identity)  # two names of one file are one file
            waiting = self._waiting.get(name)
            if waiting is None or waiting.identity != identity:
                age = max(0.0, min(unix_s - identity.mtime_ns / 1e9, self.settle_s)) if waiting is None else 0.0
                waiting = self._waiting[name] = _Waiting(identity, now - age)
            if now - waiting.since >= min(QUIET_S, self.settle_s) and waiting.fault != CUT_OFF:
                due.append(name)
        return due

    def looked(self, name: str, look: Look, now: float) -> Identity | None:
        """Take the closer look at a file that `seen` named; return its identity if it is to be sent now."""
        waiting = self._waiting[name]
        waiting.fault = ""
        if look.is_open:
            waiting.since = now
            return None
        if look.wholeness is Wholeness.CUT_OFF:
            self._leave(waiting, CUT_OFF, now)  # until it changes, it is looked at no more
            return None
        is_certain = look.wholeness is Wholeness.WHOLE and look.is_open is False
        if not is_certain and now - waiting.since < self.settle_s:
            return None
        self.done.add(waiting.identity)
        del self._waiting[name]
        return waiting.identity

    def unreadable(self, name: str, fault: str, now: float) -> None:
        """Take that a file which `seen` named could not be looked at, and why."""
        self._leave(self._waiting[name], fault, now)

    def _leave(self, waiting: _Waiting, fault: str, now: float) -> None:
        if now - waiting.since >= self.settle_s:
            waiting.fault = fault

    @property
    def left(self) -> dict[str, str]:
        """Why files are left as they are, by name: what has been wrong with each of them for `settle_s`."""
        return {name: waiting.fault for name, waiting in self._waiting.items() if waiting.fault}
