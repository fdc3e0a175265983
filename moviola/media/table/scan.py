"""Finds the borders of a CSV file's records, as Python's `csv` module sees them, a block of the file at a time.

A record ends at LF, CRLF or CR outside of quotes. A quote opens a quoted field where a field begins, and nowhere else;
two quotes within one stand for a quote. Unlike `csv`, a quoted field that spans lines must end properly: with a quote
before a comma or the end of a line. Where it does not, or where a record grows beyond MAX_RECORD_SIZE or
MAX_RECORD_LINES, a quote was opened and never closed: that one line is broken, and the next one is a record again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

MAX_RECORD_SIZE: Final = 4 * 1024 * 1024
"""Bytes of one record; the credits of a film with a great cast have some 100 000."""

MAX_RECORD_LINES: Final = 10_000
"""Lines of one record; what is longer is no overview, but a quote that was never closed."""

BLOCK_SIZE: Final = 1024 * 1024

NEVER_CLOSED: Final = "a quote is opened and never closed"
TOO_LONG: Final = f"longer than {MAX_RECORD_SIZE // 1024**2} MiB"

_QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"'
_ONE_LINE = rb'"[^"\r\n]*+(?:""[^"\r\n]*+)*+"[^,\r\n]*+'  # behind its closing quote anything goes, as for csv
_BARE = rb'[^",\r\n][^,\r\n]*+'


def _patterns(end: bytes, line_end: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return two patterns: one of a whole record, and one of the whole fields, each with its comma, with which a
    record begins."""
    one = rb"(?:" + _QUOTED + rb"(?=[,\r\n]" + end + rb")|" + _ONE_LINE + rb"|" + _BARE + rb"|)"
    return re.compile(rb"(?>" + one + rb"(?:," + one + rb")*+)" + line_end), re.compile(rb"(?:" + one + rb",)*+")


# Within the file a CR at the end of what has been read may be half of a CRLF; at its end the last record ends too.
_WITHIN = _patterns(rb"", rb"(?:\r\n|\n|\r(?=[^\n]))")
_AT_END = _patterns(rb"|\Z", rb"(?:\r\n|\n|\r|\Z)")
_CLOSED = re.compile(_QUOTED)
# Most records: on one line each, so that counting lines counts them.
_SIMPLE_FIELD = rb'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"|[^",\r\n]*+)'
_SIMPLE_LINES = re.compile(rb"(?:" + _SIMPLE_FIELD + rb"(?:," + _SIMPLE_FIELD + rb")*+\r?\n)*+")
_LINE_END_WITHIN = re.compile(rb"\r\n|\n|\r(?=[^\n])")
_LINE_END_AT_END = re.compile(rb"\r\n|\n|\r|\Z")


@dataclass(slots=True)
class Run:
    """Consecutive records of a file.

    `data` are the bytes of those that are whole, one after the other; `count` is how many records there are, broken
    lines too; `line` the number of the first one's first line, from 1. `broken` are (place among `count`, number of the
    line, why); their bytes are left out.
    """

    line: int
    data: bytes = b""
    count: int = 0
    broken: list[tuple[int, int, str]] = field(default_factory=list)


class Scanner:
    """Reads a file from where it stands.

    Args:
        file: open for reading bytes.
        on_block: called with all bytes that are read.
    """

    def __init__(self, file: BinaryIO, on_block: Callable[[bytes], object] | None = None) -> None:
        self._file = file
        self._on_block = on_block
        self._data = b""
        self._at = 0  # where in `_data` the next record begins
        self._is_final = False  # the file has been read to its end
        self._simple_stop = 0  # up to here every LF in `_data` ends a record
        self._plain_from: int | None = None  # as `_find_plain` says, once it has been asked
        self.line = 1

    def skip(self, prefix: bytes) -> bool:
        """Skip `prefix` if the file goes on with it; return whether it did."""
        while len(self._data) - self._at < len(prefix) and self._fill():
            pass
        found = self._data.startswith(prefix, self._at)
        self._at += len(prefix) if found else 0
        return found

    def take(self, max_count: int, max_size: int) -> Run | None:
        """Return the next records: `max_count` of them, or as many as `max_size` bytes hold, but at least one; None at
        the file's end. What is taken does not depend on how the file is read."""
        taking = _Taking(Run(self.line))
        while taking.run.count < max_count:
            if self._at == len(self._data) and not self._fill():
                break
            stop, count = self._lines(max_size - taking.size, max_count - taking.run.count)
            if not count:
                stop, why = self._record()
                if taking.run.count and taking.size + stop - self._at > max_size:
                    break
                if why:
                    taking.add_broken(self.line, stop - self._at, why)
                    self.line += 1
                    self._pass_line(stop)
                    continue
                count = 1
            self.line += taking.add(self._data[self._at : stop], count)
            self._at = stop
        return taking.whole() if taking.run.count else None

    def _fill(self) -> bool:
        """Read the next block, and forget what is before `_at`. Return False at the file's end."""
        block = self._file.read(BLOCK_SIZE)
        self._is_final = self._is_final or not block
        if block:
            if self._on_block is not None:
                self._on_block(block)
            self._data = self._data[self._at :] + block
            self._at = 0
            self._simple_stop, self._plain_from = 0, None
        return bool(block)

    def _lines(self, max_size: int, max_count: int) -> tuple[int, int]:
        """Return (stop, count) of the next records that are one line each: as many as the limits allow, within what
        has been read."""
        at, data = self._at, self._data
        if self._simple_stop <= at:
            self._simple_stop = self._find_simple_stop()
        limit = min(self._simple_stop, at + max(max_size, 0))
        window = 64 * max_count  # grows until it is enough: a few short lines must not cost a look at all the others
        while True:
            stop = min(at + window, limit)
            count = data.count(b"\n", at, stop)
            if count >= max_count:
                return _line_stop(data, at, stop, max_count), max_count
            if stop == limit:
                return (data.rfind(b"\n", at, stop) + 1, count) if count else (at, 0)
            window *= 2

    def _find_simple_stop(self) -> int:
        if self._plain_from is None:
            self._plain_from = self._find_plain()
        if self._at >= self._plain_from:
            return self._data.rfind(b"\n", self._at) + 1
        found = _SIMPLE_LINES.match(self._data, self._at)
        return found.end() if found else self._at

    def _find_plain(self) -> int:
        """Return from where on what has been read has neither a quote nor a CR without LF; its end if there is no such
        place."""
        start, stop = self._data.rfind(b'"') + 1, self._data.rfind(b"\n") + 1
        has_lone_cr = self._data.count(b"\r", start, stop) != self._data.count(b"\r\n", start, stop)
        return len(self._data) if has_lone_cr else start

    def _record(self) -> tuple[int, str]:
        """Return where the record that begins here stops, and "". Of a broken record only the first line counts:
        return where that stops, and why it is broken.

        A broken line may be longer than what has been read. Then the end of what has been read is returned, and the
        rest of the line is to be skipped.
        """
        while True:
            was_final = self._is_final
            whole, fields = _AT_END if was_final else _WITHIN
            found = whole.match(self._data, self._at)
            if found:
                return self._broken_line() if self._is_too_long(found.end()) else (found.end(), "")
            if self._is_ill_closed(fields) or self._is_too_long(len(self._data)):
                return self._broken_line()
            if not self._fill() and was_final:
                return self._broken_line()

    def _is_ill_closed(self, fields: re.Pattern[bytes]) -> bool:
        """Return whether the field that keeps the record from ending closes its quote in the midst of a later line."""
        prefix = fields.match(self._data, self._at)
        closed = _CLOSED.match(self._data, prefix.end() if prefix else self._at)
        if closed is None or not (b"\n" in closed[0] or b"\r" in closed[0]):
            return False
        return self._data[closed.end() : closed.end() + 1] not in (b"", b",", b"\r", b"\n")

    def _is_too_long(self, stop: int) -> bool:
        return stop - self._at > MAX_RECORD_SIZE or self._data.count(b"\n", self._at, stop) > MAX_RECORD_LINES

    def _broken_line(self) -> tuple[int, str]:
        found = (_LINE_END_AT_END if self._is_final else _LINE_END_WITHIN).search(self._data, self._at)
        stop = found.end() if found else len(self._data)
        return stop, TOO_LONG if stop - self._at > MAX_RECORD_SIZE else NEVER_CLOSED

    def _pass_line(self, stop: int) -> None:
        """Go on behind a broken line; `stop` is the line's end, or the end of what has been read of it."""
        self._at = stop
        has_ended = self._data.startswith(b"\n", stop - 1) or (
            self._data.startswith(b"\r", stop - 1) and stop < len(self._data)
        )
        while not has_ended:
            self._at -= self._data.endswith(b"\r")  # perhaps half of a CRLF
            if not self._fill():
                self._at = len(self._data)
                return
            found = _LINE_END_WITHIN.search(self._data, self._at)
            has_ended = found is not None
            self._at = found.end() if found else len(self._data)


class _Taking:
    """A run that grows while its records are taken."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.size = 0
        self._parts: list[bytes] = []

    def add(self, data: bytes, count: int) -> int:
        """Add whole records, and return how many lines they have."""
        self._parts.append(data)
        self.size += len(data)
        self.run.count += count
        lines = data.count(b"\n")
        if b"\r" in data:
            lines += data.count(b"\r") - data.count(b"\r\n")
        return lines

    def add_broken(self, line: int, size: int, why: str) -> None:
        self.run.broken.append((self.run.count, line, why))
        self.run.count += 1
        self.size += min(size, MAX_RECORD_SIZE)

    def whole(self) -> Run:
        self.run.data = b"".join(self._parts)
        return self.run


def _line_stop(data: bytes, start: int, stop: int, count: int) -> int:
    """Return the place behind the `count`-th line of `data[start:stop]`, which has more of them. Halves what is
    searched."""
    while count > 64:
        middle = (start + stop) // 2
        before = data.count(b"\n", start, middle)
        if before >= count:
            stop = middle
        else:
            start, count = middle, count - before
    for _ in range(count):
        start = data.index(b"\n", start, stop) + 1
    return start
