"""Where the files of a finished job go: fetched under a temporary name, verified, renamed into place."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import xxhash

from moviola.base.files import aside, lies_at, share
from moviola.base.finished_file import FinishedFile
from moviola.base.hashes import xxh3_of
from moviola.base.json_texts import json_in
from moviola.base.mapped import Malformed
from moviola.session.destination import Place
from moviola.session.events import Begin, Begun, ChecksumMismatch, Keep, Kept, NotKept, Write
from moviola.wire.limits import MIB

READ_SIZE: Final = 1 * MIB

MAX_LISTED: Final = 1_000_000
"""Files of one listing: some 300 MB of memory. A longer one is refused; the files stay with the aggregator."""


class Files:
    """The files of one job as they arrive, one at a time.

    What lies under the temporary name after an interruption is taken up again. It is locked until it has its place, so
    that nobody else who fetches the same file to the same place writes to it as well.
    """

    def __init__(self, job: str, place: Place) -> None:
        self.kept: set[str] = set()  # by their names: those that are in their places
        self._job, self._place = job, place
        self._open: BinaryIO | None = None
        self._wanted: Begin | None = None
        self._digest = xxhash.xxh3_128()
        self._is_unsynced = False  # whether files in folders may not be on the disk yet

    def path_of(self, file: str) -> Path:
        """Return the path at which a file of the job will lie."""
        return self._place.path_of(self._job, file)

    def begin(self, wanted: Begin) -> Begun | Kept | NotKept:
        """Return Kept if the whole file is here, or the aggregator's own copy can be shared; otherwise open its
        temporary file, and return from which byte on it is to be fetched. NotKept: it cannot be written here."""
        self.close()
        try:
            target = self._place.target_of(self._job, wanted.file)
            if holds(target, wanted.size, wanted.xxh3):
                return self._kept(wanted, _listed(target) if wanted.is_listing else ())
            if obstacle := self._place.misnomer(wanted.file) or self._place.obstacle(target):
                raise FileExistsError(errno.EEXIST, obstacle)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._open = self._locked(target)
            if self._is_shared(wanted, target):
                return self._kept(wanted, _listed(target) if wanted.is_listing else ())
            self._wanted = wanted
            return Begun(wanted, self._take_up(self._open))
        except (OSError, ValueError) as error:
            return self._not_kept(wanted, error)

    def _is_shared(self, wanted: Begin, target: Path) -> bool:
        """Put the aggregator's own file in its place too, if it lies on the same disk: one copy serves both."""
        stored = self._place.stored_at(self._job, wanted.file)
        if stored is None or not _is_stored(stored, wanted):
            return False
        temporary = self._temporary(target)
        shared = temporary.with_name(temporary.name + "2")  # the other one is locked, and may have content
        shared.unlink(missing_ok=True)
        if not share(stored, shared):
            return False
        try:
            self._place.put(shared, target)
        finally:
            shared.unlink(missing_ok=True)
        temporary.unlink()
        self.close()
        return True

    def write(self, command: Write) -> NotKept | None:
        """Append a piece to the file that is being fetched. Returns NotKept where the disk does not take it."""
        try:
            assert self._open is not None
            self._open.write(command.payload)
            self._digest.update(command.payload)
        except OSError as error:
            return self._not_kept(command, error)
        return None

    def keep(self, command: Keep) -> Kept | ChecksumMismatch | NotKept:
        """Put the file, of which all bytes have come, into its place. Where its xxh3 or its size is another than
        announced, delete it and return ChecksumMismatch; NotKept where it cannot be put there."""
        assert self._open is not None
        assert self._wanted is not None
        target = self._place.target_of(self._job, command.file)
        temporary = self._temporary(target)
        try:
            self._open.flush()
            self._sync(command.file)
            if not self._is_whole(self._open, self._wanted):
                temporary.unlink()
                self.close()
                return ChecksumMismatch(command)
            self._place.put(temporary, target)
            self.close()
            listed = _listed(target) if self._wanted.is_listing else ()
        except FileExistsError as error:
            temporary.unlink(missing_ok=True)  # it stays where it came from
            return self._not_kept(command, error)
        except (OSError, ValueError) as error:
            return self._not_kept(command, error)
        return self._kept(command, listed)

    def _kept(self, command: Begin | Keep, listed: tuple[FinishedFile, ...]) -> Kept:
        if "/" not in command.file:  # of those in folders, which may be very many, nobody asks
            self.kept.add(command.file)
        return Kept(command, listed)

    def _sync(self, file: str) -> None:
        """Flush a file to the disk. Files in a folder, which may be thousands, are not flushed one by one, but all at
        once with the next file that is in no folder, such as the metrics, which come last."""
        assert self._open is not None
        if "/" in file:
            self._is_unsynced = True
        elif self._is_unsynced:
            os.sync()
            self._is_unsynced = False
        else:
            os.fsync(self._open.fileno())

    def close(self) -> None:
        """Lets go of a file that is not finished; it stays for the next try."""
        if self._open is not None:
            with suppress(OSError):  # a full disk is full still: what could not be written is said already
                self._open.close()
            self._open = None

    def _locked(self, target: Path) -> BinaryIO:
        """Open the temporary file of `target`, and lock it. Raise BlockingIOError, with a sentence, where another has
        done that."""
        temporary = self._temporary(target)
        file = temporary.open("a+b")
        if _lock(file) and lies_at(file, temporary):  # who held it before may have renamed it
            return file
        file.close()
        reason = f"{target} is being fetched by another command; wait for it, or name another --out"
        raise BlockingIOError(errno.EWOULDBLOCK, reason)

    def _take_up(self, file: BinaryIO) -> int:
        """Go behind what is there of the temporary file, and return how much that is."""
        assert self._wanted is not None
        self._digest.reset()
        file.seek(0)
        while block := file.read(READ_SIZE):
            self._digest.update(block)
        size = file.tell()
        if size > self._wanted.size:
            file.truncate(0)
            self._digest.reset()
            return 0
        return size

    def _is_whole(self, file: BinaryIO, wanted: Begin) -> bool:
        """Return whether what came is what was announced, and nobody wrote to the file who could not be locked out."""
        return os.fstat(file.fileno()).st_size == wanted.size and self._digest.hexdigest() == wanted.xxh3

    def _temporary(self, target: Path) -> Path:
        return aside(target, self._job)

    def _not_kept(self, command: Begin | Write | Keep, error: Exception) -> NotKept:
        self.close()
        reason = getattr(error, "strerror", None) or str(error)
        is_sentence = isinstance(error, FileExistsError | BlockingIOError)
        return NotKept(command, reason if is_sentence else f"{self.path_of(command.file)}: {reason}")


def _lock(file: BinaryIO) -> bool:
    """Lock a file for as long as it is open. Return False where another holds it, in this process or elsewhere."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: what two have written is found out by its size
        return True
    return True


def _listed(listing: Path) -> tuple[FinishedFile, ...]:
    """The lines of a listing. Raises ValueError for one that is none, or too long."""
    entries: list[FinishedFile] = []
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            if len(entries) >= MAX_LISTED:
                raise ValueError(f"it lists more than {MAX_LISTED} files")
            try:
                entries.append(FinishedFile.from_wire(json_in(line)))
            except Malformed as error:
                raise ValueError(f"it lists something that is not a file: {error}") from error
    return tuple(entries)


def _is_stored(path: Path, wanted: Begin) -> bool:
    """Return whether the aggregator's own file is there, and no link. Where this user may not look, it is fetched."""
    try:
        return not path.is_symlink() and holds(path, wanted.size, wanted.xxh3)
    except OSError:
        return False


def holds(path: Path, size: int, xxh3: str) -> bool:
    """Return whether a file is there that has just this content. Raise OSError."""
    return path.is_file() and path.stat().st_size == size and xxh3_of(path) == xxh3
