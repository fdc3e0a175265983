"""What can go wrong on disk, said so that a person can act on it.

    StorageError
    ├── SpoolFull          the spool's own limit is reached; there may be room later
    ├── LedgerUnusable     no ledger, one of another version, one that is damaged, or one that cannot be read
    │   └── LedgerInUse    another process has it open
    ├── LedgerGone         its file was removed or replaced while it was in use: the process has to end
    └── LedgerFull         not even the reserve was enough to record a turn: the process has to end

A disk without room is an OSError with errno ENOSPC from `Spool.append`: nothing of that payload is kept.
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of all that storage raises on purpose."""


class SpoolFull(StorageError):
    """The spool holds as much as it may."""


class LedgerUnusable(StorageError):
    """A ledger that cannot be opened; `str()` says which, why, and what to do."""


class LedgerInUse(LedgerUnusable):
    """Another process has this ledger open."""


class LedgerGone(StorageError):
    """What is recorded goes into a file that nobody will find again."""


class LedgerFull(StorageError):
    """A turn could not be recorded; what is in memory and what is on disk differ from now on."""
