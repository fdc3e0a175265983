"""Errors of the storage; each text tells a person what to do.

    StorageError
    ├── SpoolFull          the spool's own limit is reached; there may be room later
    ├── LedgerUnusable     the file is not a ledger, has another version, is damaged, or cannot be read
    │   └── LedgerInUse    another process has it open
    ├── LedgerGone         its file was removed or replaced while it was in use: the process has to exit
    └── LedgerFull         even with the reserve there was no room to record a turn: the process has to exit

A full disk is an OSError with errno ENOSPC from `Spool.append`; nothing of that payload is kept.
"""

from __future__ import annotations


class StorageError(Exception):
    """The base of all errors that the storage raises on purpose."""


class SpoolFull(StorageError):
    """Raised when the spool has reached its limit."""


class LedgerUnusable(StorageError):
    """Raised when a ledger cannot be opened or read. The text says which one, why, and what to do."""


class LedgerInUse(LedgerUnusable):
    """Raised when another process has the ledger open."""


class LedgerGone(StorageError):
    """Raised when the ledger's file was removed or replaced: what is recorded now could not be found again."""


class LedgerFull(StorageError):
    """Raised when a turn could not be recorded: memory and disk differ from now on."""
