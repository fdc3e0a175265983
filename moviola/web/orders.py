"""What is asked for of an upload: its fields read as the settings of `moviola send`, its files made ready to send."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

from moviola.base.settings import Setting, settings_of
from moviola.base.suggestions import did_you_mean
from moviola.filters import registry
from moviola.filters.schema import FilterSchema, ParameterError
from moviola.media.errors import UnforeseenFault, UnreadableSource
from moviola.media.growing import GrowingFile
from moviola.media.kinds import KINDS, suffix_of
from moviola.media.material import Material
from moviola.media.preflight import NotKept, Preflight
from moviola.session import sources
from moviola.session.arriving import ArrivingReader
from moviola.session.destination import Place
from moviola.session.faults import contained_of
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest
from moviola.session.preparing import arriving_request, looked_at, upload_request
from moviola.session.run import UploadRequest
from moviola.web.problems import Problem
from moviola.web.receiving import ASSETS, SOURCES, Upload
from moviola.web.sending import WINDOW_SIZE
from moviola.wire.limits import KIB

log = logging.getLogger("web")

ELSEWHERE: Final = frozenset({"out", "overwrite", "verify_cuts"})
"""Settings of `moviola send` that are about the sender's own files, or would keep a gateway at work for long."""

S = TypeVar("S")


def fields_of(declared: type) -> Mapping[str, Setting]:
    """Return what can be said beside files: fields of a form or of the query, of these names, with - or _."""
    return {one.name: one for one in settings_of(declared) if one.name not in ELSEWHERE}


FIELDS: Final = fields_of(JobSettings)
"""What an upload can say beside its files."""

_HEAD: Final = 64 * KIB  # of a file that tells what it is


def settings_from(said: Mapping[str, Sequence[str]], declared: type[S]) -> tuple[S, frozenset[str]]:
    """Return the settings that fields say, and the names of those that were said. Raises Problem."""
    known = fields_of(declared)
    values: dict[str, Any] = {}
    for name, texts in said.items():
        one = known.get(name.replace("-", "_"))
        if one is None:
            meant = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise _bad(f"There is no field '{name:.40}'{meant}")
        if not one.repeats and len(texts) > 1:
            raise _bad(f"{one.name} is given {len(texts)} times; give it once")
        read = [_read(one, text) for text in texts]
        values[one.name] = tuple(read) if one.repeats else read[0]
    return declared(**values), frozenset(values)


def _read(one: Setting, text: str) -> Any:
    if one.type.choices and text not in one.type.choices:
        meant = did_you_mean(text, one.type.choices) or f"; there are {', '.join(one.type.choices)}"
        raise _bad(f"{one.name} cannot be '{text:.40}'{meant}")
    try:
        return one.type.read(text)
    except argparse.ArgumentTypeError as error:
        raise _bad(f"{one.name}: {error}") from error


def prepare(upload: Upload, known: Mapping[str, FilterSchema]) -> tuple[list[UploadRequest], list[str]]:
    """Return what is to be sent of an upload, all of it or nothing, and what is lost on the way, in sentences.

    It reads the files, which takes time.

    Args:
        upload: files and fields.
        known: the filters that the cluster knows.

    Raises:
        Problem, moviola.filters.chain.ChainError, moviola.filters.schema.ParameterError: what was asked for cannot be.
        UnreadableSource: a file cannot be taken; it is named as the request did.
    """
    settings, said = settings_from(upload.fields, JobSettings)
    paths = source_files(upload)
    wanted = _wanted(upload, settings, known)
    try:
        return _requests(paths, wanted, settings, said)
    except UnreadableSource as error:
        raise without_folder(error, upload.folder) from error


def preflights_of(upload: Upload, known: Mapping[str, FilterSchema]) -> list[Preflight]:
    """Return what is known of each job that an upload would be, without making one. It reads the files.

    Raises:
        Problem, ChainError, ParameterError, UnreadableSource: as `prepare`.
    """
    settings, said = settings_from(upload.fields, JobSettings)
    wanted = _wanted(upload, settings, known)
    materials, complaints = sources.find(source_files(upload))
    try:
        for complaint in complaints:
            raise complaint
        refuse_idle(materials, wanted, said)
        told = []
        for material in materials:
            with contained_of(material, ParameterError):
                told.append(looked_at(material, wanted.order(material)))
        return told
    except UnreadableSource as error:
        raise without_folder(error, upload.folder) from error


def source_files(upload: Upload) -> list[Path]:
    """Return the files that are to be filtered. Raises Problem where there is none, or one is empty."""
    paths = [_suffixed(upload, path) for path in upload.files(SOURCES)]
    if not paths:
        raise _bad("There is no file in it; send one as the field 'file'")
    for path in paths:
        if not path.stat().st_size:
            raise _bad(f"{path.name} is empty; send a file that is not")
    return paths


def prepare_arriving(
    upload: Upload, growing: GrowingFile, known: Mapping[str, FilterSchema]
) -> tuple[UploadRequest, ArrivingReader]:
    """Return what is to be sent of a file that still comes, and its reader; it waits until the first chunk is settled.

    Raises:
        moviola.media.growing.ComesLast, moviola.media.growing.BrokenOff: as `arriving_request`.
        Problem, ChainError, ParameterError, UnreadableSource: as `prepare`.
    """
    settings, said = settings_from(upload.fields, JobSettings)
    wanted = _wanted(upload, settings, known)
    materials, complaints = sources.find([growing.path])
    for complaint in complaints:
        raise complaint
    (material,) = materials
    refuse_idle(materials, wanted, said)
    request, reader = arriving_request(material, growing, wanted.order(material), settings)
    return replace(request, window_size=WINDOW_SIZE, is_patient=True), reader


def _wanted(upload: Upload, settings: JobSettings, known: Mapping[str, FilterSchema]) -> OutputRequest:
    return OutputRequest.of(settings, {**known, **registry.schemas()}, finder(upload))


def _requests(
    paths: Sequence[Path], wanted: OutputRequest, settings: JobSettings, said: frozenset[str]
) -> tuple[list[UploadRequest], list[str]]:
    materials, complaints = sources.find(paths)
    for complaint in complaints:
        raise complaint
    refuse_idle(materials, wanted, said)
    requests, remarks = [], []
    for material in materials:
        order = wanted.order(material)
        request = upload_request(material, order, Place(material.path.parent), settings, detach=True)
        submission = replace(request.submission, origin="")  # where it lies here says nothing of where it came from
        requests.append(replace(request, submission=submission, window_size=WINDOW_SIZE, is_patient=True))
        if request.preflight is not None:
            remarks += [f"{material.name}: {each}" for each in request.preflight.remarks()]
    return requests, remarks


def refuse_idle(materials: Sequence[Material], wanted: OutputRequest, said: frozenset[str]) -> None:
    """Raise Problem where a chain or an option is for none of these files."""
    kinds = {material.kind for material in materials}
    for sentence in wanted.idle(kinds):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, "bad-filters")
    for name in sorted(said):
        takers = [kind for kind in KINDS.values() if name in kind.options]
        if takers and kinds.isdisjoint(kind.name for kind in takers):
            here = " and ".join(KINDS[kind].plural for kind in sorted(kinds))
            raise _bad(f"{name} is for {' and '.join(kind.plural for kind in takers)}, and there are only {here}")


def _suffixed(upload: Upload, path: Path) -> Path:
    """Return the path of a file, which gets a suffix where it has none and its content tells which."""
    if path.suffix:
        return path
    with path.open("rb") as file:
        suffix = suffix_of(file.read(_HEAD))
    return upload.add_suffix(path, suffix) if suffix else path


def finder(upload: Upload) -> Callable[[str], Path]:
    """Return where a file is that a chain names: only among those that came with the request."""
    files = {path.name: path for path in upload.files(ASSETS)}

    def find(name: str) -> Path:
        if name not in files:
            came = f"; there came {', '.join(files)}" if files else ""
            raise ParameterError(
                f"{name:.80}: no file of that name came with the request{came}; send it as the field 'asset', or name "
                "a file that the workers serve as @NAME"
            )
        return files[name]

    return find


def without_folder(error: UnreadableSource, folder: Path) -> UnreadableSource:
    """Return a complaint that names a file as the request did, without where it lies here."""
    kind = f"{folder / SOURCES}/"
    name, reason, hint = (text.replace(kind, "") for text in (error.path, error.reason, error.hint))
    if isinstance(error, NotKept):
        return NotKept(name, error.preflight)
    if isinstance(error, UnforeseenFault):
        log.error("%s", error)
        return UnforeseenFault(name, error.error, f"the gateway's report {Path(error.report).name}")
    return UnreadableSource(name, reason, hint)


def _bad(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, detail, "bad-parameter")
