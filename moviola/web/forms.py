"""A body of `multipart/form-data`, taken piece by piece: its files go to the disk, its fields into memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from moviola.web.problems import Problem
from moviola.web.receiving import ASSETS, SOURCES, Receiver, Upload, Writer
from moviola.wire.limits import KIB

MAX_PARTS: Final = 10_000
"""Files and fields of one form: a collection of pictures."""

MAX_FIELD_SIZE: Final = 64 * KIB
"""Bytes of one field's value, and of a part's headers: a filter chain has some hundred."""

MAX_FIELDS: Final = 100
"""Fields that are no files: each option once, and some dozen outputs."""

FILE_FIELDS: Final = {"file": SOURCES, "asset": ASSETS}
"""By the name of a form's field: where its files go."""


async def take_form(request: Request, receiver: Receiver, upload: Upload) -> None:
    """Take the files and fields of a form into an upload.

    Raises:
        Problem: it is no form, or has what it may not have.
        starlette.requests.ClientDisconnect: the body ended before its end.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        detail = "Files come as a form: curl -F file=@clip.mp4 …; or as they are, to /api/jobs/NAME: curl -T clip.mp4 …"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    form = _Form(receiver, upload)
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for piece in receiver.body(request):
            parser.write(piece)
            await form.take_parts()
        parser.finalize()
        await form.take_parts()
    except FormParserError as error:
        raise _bad(f"The form cannot be read: {error}") from error
    finally:
        form.close()
    if not form.is_ended:
        raise _bad("The form ends in its middle; send it again")


@dataclass(slots=True)
class _Begun:
    """A part began; its headers by their names in small letters."""

    headers: dict[str, str]


@dataclass(slots=True)
class _Ended:
    """A part ended."""


@dataclass(slots=True)
class _Form:
    """Collects what the parser reports, for `take_parts` to carry out afterwards: the parser calls its functions
    synchronously, and files are written asynchronously."""

    receiver: Receiver
    upload: Upload
    is_ended: bool = False
    _told: list[_Begun | bytes | _Ended] = field(default_factory=list)
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _headers: dict[str, str] = field(default_factory=dict)
    _parts: int = 0
    _fields: int = 0
    _writer: Writer | None = None
    _field: str = ""
    _text: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> dict[str, object]:
        """Return the functions that the parser calls."""
        return {
            "on_header_field": lambda data, start, end: self._grow(self._name, data[start:end]),
            "on_header_value": lambda data, start, end: self._grow(self._value, data[start:end]),
            "on_header_end": self._header_ended,
            "on_headers_finished": self._headers_ended,
            "on_part_data": lambda data, start, end: self._told.append(data[start:end]),
            "on_part_end": lambda: self._told.append(_Ended()),
            "on_end": self._end,
        }

    async def take_parts(self) -> None:
        """Write to files and fields what the parser has reported since the last call. Raises Problem."""
        told, self._told = self._told, []
        for one in told:
            match one:
                case _Begun(headers):
                    self._begin(headers)
                case bytes():
                    await self._take(one)
                case _Ended():
                    await self._finish()

    def close(self) -> None:
        """Close a file that did not end."""
        if self._writer is not None:
            self._writer.close()

    # ── what the parser calls ────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def _grow(text: bytearray, more: bytes) -> None:
        if len(text) + len(more) > MAX_FIELD_SIZE:
            raise _bad(f"A part of the form has a header of more than {MAX_FIELD_SIZE // KIB} KiB")
        text += more

    def _header_ended(self) -> None:
        name, value = self._name.decode("latin-1").lower(), self._value.decode(errors="replace")
        self._headers[name] = value
        self._name.clear()
        self._value.clear()

    def _headers_ended(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _bad(f"The form has more than {MAX_PARTS} parts; send it in several")
        self._told.append(_Begun(self._headers))
        self._headers = {}

    def _end(self) -> None:
        self.is_ended = True

    # ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, headers: dict[str, str]) -> None:
        _, options = parse_options_header(headers.get("content-disposition", "").encode())
        self._field = options.get(b"name", b"").decode(errors="replace")
        if b"filename" not in options:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise _bad(f"The form has more than {MAX_FIELDS} fields beside its files")
            return
        kind = FILE_FIELDS.get(self._field)
        if kind is None:
            names = " and ".join(FILE_FIELDS)
            raise _bad(f"A form's files come in the fields {names}, not in '{self._field:.40}'")
        name = options[b"filename"].decode(errors="replace")
        self._writer = self.receiver.writer(self.upload, self.upload.path_for(kind, name))

    async def _take(self, data: bytes) -> None:
        if self._writer is not None:
            await self._writer.add(data)
            return
        if len(self._text) + len(data) > MAX_FIELD_SIZE:
            raise _bad(f"The field '{self._field:.40}' has more than {MAX_FIELD_SIZE // KIB} KiB")
        self._text += data

    async def _finish(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await writer.end()
            return
        self.upload.add_field(self._field, self._text.decode(errors="replace"))
        self._text.clear()


def _bad(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, detail, "bad-form")
