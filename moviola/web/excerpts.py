"""What a preview is run over: an excerpt of a source, made ready to be sent, and its results as they are told.

Pictures and tables are run as they come. Of a video a small clip is made, of the first, the middle and the last frame,
without loss; frames in front of each are for filters that compare frames. The clip is coded without loss again, so the
pictures are those of the job, before they are encoded.
"""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moviola.base.lazy import LazyModule
from moviola.base.vocabulary import JobState
from moviola.filters import registry
from moviola.filters.chain import format_chain
from moviola.filters.schema import FilterSchema, ParameterError, unknown_filter
from moviola.media import images, table, video
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import kind_of_file
from moviola.media.material import Encoder, Material
from moviola.session import sources
from moviola.session.chains import named_chain, read_chain
from moviola.session.destination import Place
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest
from moviola.session.outcome import Outcome
from moviola.session.preparing import upload_request
from moviola.session.run import UploadRequest
from moviola.web.orders import FIELDS, finder, refuse_idle, settings_from, source_files, without_folder
from moviola.web.problems import Problem
from moviola.web.receiving import Upload
from moviola.web.sending import WINDOW_SIZE
from moviola.wire.limits import MAX_PRIORITY, MIB

if TYPE_CHECKING:
    from moviola.media.video.reading import stills
else:
    stills = LazyModule("moviola.media.video.reading.stills")  # NumPy, OpenCV, Pillow, tifffile

MAX_BEFORE: Final = 16
"""Frames in front of a shown one: enough for most filters that compare frames, and a bound of the work."""

MAX_FILES: Final = 3 * (MAX_BEFORE + 1)
"""Pictures that a preview may bring: three that are shown, each with those in front of it."""

MAX_RESULT_SIZE: Final = 32 * MIB
"""Bytes of all pictures of a preview. They are held in memory until they are told, which takes some four times as
much."""

MAX_RECORDS: Final = 100
"""Records of each table, and notes, that are told: more than anybody reads in a preview."""

OUTPUT: Final = "preview"
"""What the one output is called."""

OPTIONS: Final = ("filters", "of", "before", "format", "quality")
"""What a preview can say beside its files."""

_PLACES: Final = {1: ("first",), 2: ("first", "last"), 3: ("first", "middle", "last")}


@dataclass(slots=True)
class Excerpt:
    """An excerpt that can be sent.

    Attributes:
        request: what is to be sent, and where its results go.
        kind: of the source.
        shown: of a video: the indexes of the frames that are shown; of pictures: their names.
        remarks: what is not as in the job, in sentences.
    """

    request: UploadRequest
    kind: str
    shown: list[int] | list[str]
    remarks: list[str] = field(default_factory=list)


def excerpt_of(upload: Upload, known: Mapping[str, FilterSchema]) -> Excerpt:
    """Return the excerpt that an upload brings. It reads its files, which takes time.

    Args:
        upload: files and fields.
        known: the filters that the cluster knows.

    Raises:
        Problem, moviola.filters.chain.ChainError, moviola.filters.schema.ParameterError: what was asked for cannot be.
        UnreadableSource: a file cannot be taken; it is named as the request did.
    """
    for name in upload.fields:
        if name not in OPTIONS:
            raise _bad(f"A preview has no field '{name:.40}'; there are {', '.join(OPTIONS)}")
    settings, _ = settings_from({name: said for name, said in upload.fields.items() if name in FIELDS}, JobSettings)
    of, before = _choice(upload, "of", ("", video.KIND.name)), _number(upload, "before", MAX_BEFORE)
    schemas = {**known, **registry.schemas()}
    chain, remarks = _previewed(settings, schemas)
    paths = source_files(upload)
    if len(paths) > MAX_FILES:
        raise _bad(f"A preview takes at most {MAX_FILES} files, and these are {len(paths)}")
    is_video = bool(of) or any(kind_of_file(path) is video.KIND for path in paths)
    encoder = Encoder(stills.CODEC) if is_video else settings.encoder
    wanted = OutputRequest([named_chain(OUTPUT, chain)], schemas, encoder, find_asset=finder(upload))
    try:
        shown: list[int] | list[str] = [path.name for path in paths]
        if is_video:
            paths, shown = _as_clip(upload, paths, before, wanted)
        (material, *others), complaints = sources.find(paths)
        for complaint in complaints:
            raise complaint
        if others:
            raise _bad("A preview is of one source: a video, pictures, or tables")
        refuse_idle([material], wanted, frozenset())
        return Excerpt(_request(upload, material, wanted, settings), material.kind, shown, remarks)
    except UnreadableSource as error:
        raise without_folder(error, upload.folder) from error


def _request(upload: Upload, material: Material, wanted: OutputRequest, settings: JobSettings) -> UploadRequest:
    most = replace(settings, priority=MAX_PRIORITY, new=True)
    request = upload_request(material, wanted.order(material), Place(upload.folder / "results"), most)
    submission = replace(request.submission, origin="", is_preview=True)
    return replace(request, submission=submission, window_size=WINDOW_SIZE)


def _previewed(settings: JobSettings, schemas: Mapping[str, FilterSchema]) -> tuple[str, list[str]]:
    """Return the chain to run, and a remark for each filter that is left out of it: a filter that decides which frames
    there are could drop the very frames that the preview shows."""
    if len(settings.filters) != 1:
        raise _bad(f"A preview shows one chain, and there are {len(settings.filters)}; say 'filters' once")
    _, steps = read_chain(settings.filters[0])
    for step in steps:
        if step.name not in schemas:
            raise ParameterError(unknown_filter(step.name, schemas))
    kept = [step for step in steps if schemas[step.name].material != "frames"]
    remarks = [
        f"{step.name} decides which frames there are; the preview shows the frames without it"
        for step in steps
        if step not in kept
    ]
    return format_chain(kept) or "identity", remarks


def _as_clip(upload: Upload, paths: Sequence[Path], before: int, wanted: OutputRequest) -> tuple[list[Path], list[int]]:
    """Make a clip of a video, or of pictures of a video's frames. Return its path, in a list, and the indexes of its
    frames that are shown."""
    clip = upload.folder / "clip.mkv"
    if any(kind_of_file(path) is not images.KIND for path in paths):
        if len(paths) > 1:
            raise _bad("A preview of a video takes one file, or pictures of its frames")
        context = wanted.order(Material.single(video.KIND.name, clip)).cutting.context_frames
        return [clip], stills.clip_of_video(paths[0], clip, min(context, MAX_BEFORE))
    if len(paths) % (before + 1):
        raise _bad(f"With before={before} pictures come in groups of {before + 1}; {len(paths)} is not a multiple")
    stills.clip_of_pictures(paths, clip)
    return [clip], list(range(before, len(paths), before + 1))


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def results_of(excerpt: Excerpt, outcome: Outcome, folder: Path) -> dict[str, Any]:
    """Return what an excerpt came to, as JSON types. It reads files, which takes time.

    Args:
        excerpt: that was sent.
        outcome: of its job.
        folder: with the job's files.

    Raises:
        Problem: the job failed, or what it made is too large to be told.
    """
    if outcome.state not in (JobState.DONE, JobState.PARTIAL):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The preview failed: {outcome.reason}", "preview-failed")
    failures = [f"{one.filter}: {one.explanation.partition(chr(10))[0]}" for one in outcome.failures]
    warnings = [warning.removeprefix(f"{OUTPUT}: ") for warning in outcome.warnings]
    is_table = excerpt.kind == table.KIND.name
    return {
        "kind": excerpt.kind,
        "pictures": [] if is_table else list(_pictures(excerpt, folder)),
        "tables": _tables(folder) if is_table else [],
        "notes": list(_notes(excerpt, folder)),
        "remarks": list(dict.fromkeys([*excerpt.remarks, *warnings, *failures])),
        "seconds": round(outcome.seconds, 3),
    }


def _pictures(excerpt: Excerpt, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the pictures that were made; none where a chain draws nothing."""
    left = MAX_RESULT_SIZE
    for name, media_type, data in _files(excerpt, folder):
        left -= len(data)
        if left < 0:
            detail = f"The pictures come out at more than {MAX_RESULT_SIZE // MIB} MiB; preview smaller ones"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
        yield {"name": name, "type": media_type, "data": base64.b64encode(data).decode()}


def _files(excerpt: Excerpt, folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield the (name, media type, content) of each picture."""
    clips = sorted(folder.glob(f"{OUTPUT}.mkv"))
    if clips:
        indexes = [index for index in excerpt.shown if isinstance(index, int)]
        names = _PLACES.get(len(indexes)) or [str(index) for index in range(len(indexes))]
        for name, data in zip(names, stills.pictures_of(clips[0], indexes), strict=False):
            yield name, "image/png", data
    made = {path.stem: path for path in (folder / OUTPUT).glob("**/*") if path.is_file()}
    for source in map(str, excerpt.shown if made else ()):
        path = made.get(Path(source).stem)
        if path is not None:
            yield source, mimetypes.guess_type(path.name)[0] or "application/octet-stream", path.read_bytes()


def _tables(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob(f"{OUTPUT}_results.json")
    found = json.loads(path.read_bytes())
    return [{"name": name, "count": len(records), "records": records[:MAX_RECORDS]} for name, records in found.items()]


def _notes(excerpt: Excerpt, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what filters noted of the pictures that are shown, with `picture`, its place among them."""
    for path in folder.glob(f"{OUTPUT}.annotations.jsonl"):
        lines = (json.loads(line) for line in path.read_bytes().splitlines())  # of a text also at U+2028
        places = {index: place for place, index in enumerate(excerpt.shown)}
        found = ((places.get(line.get("frame", line.get("index"))), line) for line in lines)
        known = ({"picture": place, **line} for place, line in found if place is not None)
        yield from list(known)[:MAX_RECORDS]


def _choice(upload: Upload, name: str, choices: Sequence[str]) -> str:
    text = upload.fields.get(name, [""])[-1]
    if text not in choices:
        raise _bad(f"{name} cannot be '{text:.40}', only {' or '.join(filter(None, choices))}")
    return text


def _number(upload: Upload, name: str, most: int) -> int:
    text = upload.fields.get(name, ["0"])[-1]
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and int(text) <= most):
        raise _bad(f"{name} is a whole number from 0 to {most}, and '{text:.40}' is not")
    return int(text)


def _bad(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, detail, "bad-parameter")
