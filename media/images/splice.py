"""Puts the pictures of all results into a folder under their names. Nothing is decoded here.

The digest is the SHA-256 over all pictures in the order of their names' bytes, each as the line `<name> <size>` and its
bytes; names are relative to the output's folder. So anyone can compute it from the folder alone.

Notes go to `<output>.annotations.jsonl`: a line `{"image": name in the source, "index": …, "notes": [...]}` for each
picture to which filters attached some, in the order of the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TextIO

from media.account import LISTED_MAX, Account
from media.bundle import unpack
from media.errors import BundleError, SpliceError
from media.images.formats import OUTPUT_FORMATS
from media.images.names import Names
from media.material import Files, Output, Source
from media.report import Report
from media.spliced import Spliced

_READ_SIZE: Final = 1024 * 1024


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
) -> Spliced:
    """Write `<output>/<name>` for each picture of the results, which come in the order of their chunks.

    Raise SpliceError when results are out of order or none of images, BundleError, OSError.
    """
    return _Splicer(files, source, output).run(results)


class _Splicer:
    def __init__(self, files: Files, source: Source, output: Output) -> None:
        self._files, self._source, self._output = files, source, output
        self._account = Account()
        self._names = Names()
        self._written: dict[str, Path] = {}
        self._size = 0
        self._troubles: list[dict[str, Any]] = []

    def run(self, results: Iterable[bytes]) -> Spliced:
        notes = f"{self._output.name}.annotations.jsonl"
        with ExitStack() as stack:
            lines = stack.enter_context(self._files.partial(notes).open("w", encoding="utf-8"))
            for payload in results:
                if payload:  # otherwise its chunk was left out
                    self._add(payload, lines)
            is_empty = lines.tell() == 0
        if is_empty:
            self._files.withdraw(notes)
        self._close()
        return Spliced(
            account=self._account,
            digest=self._digest(),
            main=self._output.name,
            details={"files": len(self._written), "size": self._size},
            troubles={"images": self._troubles},
        )

    def _add(self, payload: bytes, lines: TextIO) -> None:
        table, parts = unpack(payload)
        names = table.get("names")
        if not isinstance(names, list) or "report" not in table:
            raise BundleError("a result of images has no names or no report")
        report = Report.from_wire(table["report"])
        if len(names) != report.sent:
            raise SpliceError(f"a result names {len(names)} of its {report.sent} images")
        self._account.add(report)
        for entry, part in zip(table["p"], parts, strict=True):
            _, index, page, kind = entry
            if kind not in OUTPUT_FORMATS or not 0 <= index - report.first < len(names):
                raise SpliceError(f"a result has a picture that makes no sense: {entry!r}")
            self._write(names[index - report.first], kind, page, part)
        for index, told in report.notes:
            json.dump({"image": names[index - report.first], "index": index, "notes": told}, lines)
            lines.write("\n")
        self._tell(report, names)

    def _write(self, source: str, kind: str, page: int, data: memoryview) -> None:
        name = self._names.take(source, kind, page)
        path = self._files.partial(f"{self._output.name}/{name}")
        path.write_bytes(data)
        self._written[name] = path
        self._size += len(data)

    def _tell(self, report: Report, names: list[str]) -> None:
        """Lists what went wrong by name; the common lists have indices alone."""
        texts = dict(report.lost)
        for index, name, error in report.fallback:
            texts[index] = f"passed on unfiltered: {name}: {error}" if name else f"passed on unfiltered: {error}"
        for place, text in report.decode_errors:
            texts.setdefault(report.first + place, text)
        for index, text in sorted(texts.items())[: LISTED_MAX - len(self._troubles)]:
            self._troubles.append({"name": names[index - report.first], "error": text})

    def _close(self) -> None:
        self._account.close(self._source.splice["frame_count"])
        changed = self._names.changed
        if changed:
            source, name = next(iter(changed.items()))
            self._account.warn(
                f"{len(changed)} images could not keep their names, which are taken, or not safe for files: "
                f"{source!r} is called {name!r}"
            )

    def _digest(self) -> str:
        digest = sha256()
        for name in sorted(self._written, key=str.encode):
            path = self._written[name]
            digest.update(f"{name} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while block := file.read(_READ_SIZE):
                    digest.update(block)
        return digest.hexdigest()
