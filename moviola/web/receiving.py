"""Bodies of requests as files: streamed to the disk within bounds, and gone when the request is over.

A source is read more than once (to hash it, to find where it may be cut, to send it), so it lies in a file meanwhile,
also where it is cut while it comes: in a folder of the gateway's in the system's folder for temporary ones, which
TMPDIR names.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from moviola.base.file_names import mended
from moviola.media.growing import GrowingFile
from moviola.session.order import unique
from moviola.session.pipes import MIN_FREE_SIZE
from moviola.session.units import sized
from moviola.web.access import identity_of
from moviola.web.places import Places
from moviola.web.problems import Problem
from moviola.wire.limits import MIB

MAX_UPLOADS: Final = 32
"""Bodies that are received or sent on at a time; one more is asked to come again. Each has an open file."""

MAX_UPLOADS_EACH: Final = 16
"""… of one user, where there are several: an upload that waits for the cluster, as that of a paused job, takes no place
of others."""

BLOCK_SIZE: Final = 1 * MIB
"""What is gathered of a body before it is written: the memory that receiving one takes."""

SILENCE_S: Final = 60.0
"""How long a body may make no progress until its place goes to others."""

RETRY_AFTER_S: Final = 10
"""What is told to whoever finds all places taken."""

PREFIX: Final = "moviola-web-"
SOURCES: Final = "upload"
"""The folder of an upload's sources; what several pictures are called together."""

ASSETS: Final = "assets"
"""The folder of the files that filters name."""


@dataclass(slots=True)
class Upload:
    """What a request brings: its files, in a folder of its own, and its fields.

    Attributes:
        folder: with the folders SOURCES and ASSETS.
        fields: of the query and of the form, by name.
        is_kept: the folder is not removed when the request is over; whoever sets this removes it.
    """

    folder: Path
    fields: dict[str, list[str]] = field(default_factory=dict)
    _names: dict[str, list[str]] = field(default_factory=dict)
    size: int = 0
    is_kept: bool = False

    def add_field(self, name: str, value: str) -> None:
        """Take a field; several of one name are a list."""
        self.fields.setdefault(name, []).append(value)

    def path_for(self, kind: str, name: str) -> Path:
        """Return where a file goes that the request calls `name`: under a safe name that no other file here has."""
        last = name.replace("\\", "/").rpartition("/")[2]
        taken = self._names.setdefault(kind, [])
        (safe,) = unique([mended(last) if last else "unnamed"], taken, are_files=True)
        taken.append(safe)
        path = self.folder / kind / safe
        path.parent.mkdir(exist_ok=True)
        return path

    def add_suffix(self, path: Path, suffix: str) -> Path:
        """Give a file here a suffix, under a name that no other file of its kind has; return where it is then."""
        names = self._names[path.parent.name]
        (name,) = unique([path.name + suffix], names, are_files=True)
        names[names.index(path.name)] = name
        return path.rename(path.with_name(name))

    def files(self, kind: str) -> list[Path]:
        """Return the files of a kind, SOURCES or ASSETS, in the order in which they came."""
        return [self.folder / kind / name for name in self._names.get(kind, [])]


class Receiver:
    """The folder of a gateway's uploads, and the bounds of what comes into it.

    Args:
        limit: bytes that one request may bring.
        threads: bounds the threads that write.
        bound: what sets the limit, for people.
        most_each: bodies of one user at a time.
    """

    def __init__(
        self,
        limit: int,
        threads: CapacityLimiter,
        bound: str = "this gateway takes (--upload-limit)",
        most_each: int = MAX_UPLOADS,
    ) -> None:
        self.limit, self._bound = limit, bound
        self._threads = threads
        self._places = Places(MAX_UPLOADS, most_each)
        self._folder: Path | None = None
        self._lock: int | None = None

    @asynccontextmanager
    async def upload(self, request: Request) -> AsyncIterator[Upload]:
        """Yield an empty upload with the fields of the query. Its folder is removed after the block unless it
        `is_kept`. Raises Problem where too many are under way, or the body is announced as too large."""
        user = identity_of(request).name
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.limit:
            raise self._too_large()
        if not self._places.take(user):
            under_way = f"{self._places.taken} uploads are under way, {self._places.of(user)} of them yours"
            detail = f"{under_way}, the most allowed at a time; try again in a moment"
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, "too-many-uploads", {"Retry-After": str(RETRY_AFTER_S)})
        try:
            upload = Upload(Path(tempfile.mkdtemp(dir=self._own_folder())))
            try:
                for name, value in request.query_params.multi_items():
                    upload.add_field(name, value)
                yield upload
            finally:
                if not upload.is_kept:
                    shutil.rmtree(upload.folder, ignore_errors=True)
        finally:
            self._places.give_back(user)

    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the pieces of a request's body. Raises Problem where nothing comes for too long."""
        pieces = request.stream()
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    piece = await anext(pieces, None)
            except TimeoutError:
                detail = f"Nothing came of the body for {SILENCE_S:.0f} s; send it again"
                raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail) from None
            if piece is None:
                return
            if piece:
                yield piece

    def writer(self, upload: Upload, path: Path, growing: GrowingFile | None = None) -> Writer:
        """Return what writes a file of an upload; `growing` is told what has come of it."""
        return Writer(self, upload, path, growing)

    async def check(self, upload: Upload, path: Path, size: int) -> None:
        """Raise Problem where an upload may not have `size` bytes more."""
        upload.size += size
        if upload.size > self.limit:
            raise self._too_large()
        free = (await to_thread.run_sync(shutil.disk_usage, path.parent, limiter=self._threads)).free
        if free < MIN_FREE_SIZE + size:
            detail = f"The gateway's disk has no room for more of {path.name}; try again later, or send less"
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, detail)

    async def write(self, file: BinaryIO, block: bytes) -> None:
        """Write a block to a file, in a thread. Raises Problem where the disk does not take it."""
        try:
            await to_thread.run_sync(_write, file, block, limiter=self._threads)
        except OSError as error:
            detail = f"The gateway cannot keep the upload ({error.strerror}); try again later"
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, detail) from error

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        self._folder = self._lock = None

    def _too_large(self) -> Problem:
        detail = f"The body has more than {sized(self.limit)}, the most that {self._bound}"
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)

    def _own_folder(self) -> Path:
        """Return this process's folder. The first call makes it and locks it for as long as the process lives; it also
        removes the folders of processes that were killed, which nobody has locked."""
        if self._folder is None:
            for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
                _remove_abandoned(left)
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._folder


class Writer:
    """Gathers the pieces of a file, and writes them block by block."""

    def __init__(self, receiver: Receiver, upload: Upload, path: Path, growing: GrowingFile | None) -> None:
        self._receiver, self._upload, self._path, self._growing = receiver, upload, path, growing
        self._file = path.open("xb")
        self._block = bytearray()
        self.size = 0

    async def add(self, piece: bytes) -> None:
        """Take a piece. Raises Problem where it is too much."""
        self.size += len(piece)
        self._block += piece
        if len(self._block) >= BLOCK_SIZE:
            await self._flush()

    async def end(self) -> None:
        """Write what is left, and close the file. Raises Problem."""
        try:
            await self._flush()
        finally:
            self.close()

    def close(self) -> None:
        """Close the file as it is."""
        with suppress(OSError):
            self._file.close()

    async def _flush(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        if block:
            await self._receiver.check(self._upload, self._path, len(block))
            await self._receiver.write(self._file, block)
            if self._growing is not None:
                self._growing.grow(len(block))


def _write(file: BinaryIO, block: bytes) -> None:
    file.write(block)
    file.flush()  # others may read it by now


def _remove_abandoned(folder: Path) -> None:
    """Remove a gateway's folder whose process is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:
        return  # another user's, or gone
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass  # its process lives
    finally:
        os.close(lock)
