"""Files that are known again as results of the job that would make them, by the metrics beside them and a digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Final

from moviola.base.files import followed
from moviola.base.json_texts import json_in
from moviola.base.mapped import Malformed, Map
from moviola.base.vocabulary import JobState
from moviola.media import manifest, metadata, metrics
from moviola.media.annotations import SUFFIX
from moviola.media.found import sentences
from moviola.media.kind import Kind
from moviola.media.kinds import KINDS
from moviola.media.material import NO_VIDEO, Material, Output, Source
from moviola.media.metrics import Metrics
from moviola.session.destination import LISTING, Place
from moviola.session.order import Order
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.wire.limits import MIB

MAX_METRICS_SIZE: Final = 256 * MIB
"""Bytes of the largest file, of metrics or of metadata, that is read to recognise a result. Metrics that list all that
can be listed are smaller."""

_STATUSES: Final = {JobState.DONE: Status.DONE, JobState.PARTIAL: Status.PARTIAL}


@dataclass(frozen=True, slots=True)
class Recognised:
    """Files that an earlier run of the same job has left, which may be replaced. `outcome` is that of the earlier run
    if all of its results are there and unchanged; otherwise None."""

    files: frozenset[Path] = frozenset()
    outcome: Outcome | None = None


def recognised(material: Material, source: Source, order: Order, place: Place) -> Recognised:
    """Return which of the files at a place were made by this order from this source.

    The metrics beside a result name the source's content, the filters and the encoder. The result is recognised if
    these are the ones that are wanted, and if its digest is the one in the metrics. Links among the returned paths are
    resolved by `followed`.
    """
    kind = KINDS[source.kind]
    files: set[Path] = set()
    whole: list[OutputOutcome] = []
    states, seconds = set[JobState](), 0.0
    for output in order.outputs:
        told_in = place.path_of("", output.name + metrics.SUFFIX)
        told = _metrics(told_in)
        if told is None or not _describes(told, source, output):
            continue
        main = place.path_of("", output.name + kind.naming.ending_of(source, output.encoder))
        if main.exists():
            if not _is_result(main, told, _digest_of(kind, material, output, place)):
                continue
            whole.append(_outcome_of(output, main, told_in, told))
            states, seconds = states | {told.state}, max(seconds, told.wall_seconds)
        beside = (place.path_of("", output.name + ending) for ending in (SUFFIX, LISTING, manifest.SUFFIX))
        files |= {followed(path) for path in (main, told_in, *beside)}
    about = place.path_of("", metadata.NAME)
    if files and (_read(about) or {}).get("fingerprint") == source.fingerprint:
        files.add(followed(about))
    if len(whole) < len(order.outputs):
        return Recognised(frozenset(files))
    state = JobState.PARTIAL if JobState.PARTIAL in states else JobState.DONE
    there = f"{' and '.join(each.path for each in whole)} {'is' if len(whole) == 1 else 'are'} there already"
    outcome = Outcome(
        source=material.name,
        job_id="",
        status=_STATUSES[state],
        state=state,
        reason=f"{there}, made of this source in this way; --overwrite (-y) makes it again",
        seconds=seconds,
        outputs=tuple(whole),
        unit=kind.unit,
    )
    return Recognised(frozenset(files), outcome)


def _describes(told: Metrics, source: Source, output: Output) -> bool:
    """Whether metrics are those of an output of this source; fields of the encoder that say nothing are null there."""
    of_source, of_output = metrics.promised(source, output)
    same_source = all(told.source.get(name) == value for name, value in of_source.items())
    same_output = all(told.output.get(name) in (None, value) for name, value in of_output.items())
    return told.format == metrics.FORMAT and same_source and same_output


def _digest_of(kind: Kind, material: Material, output: Output, place: Place) -> Callable[[Path], str]:
    """Return what computes the digest of an output's finished file or folder."""
    naming = kind.naming
    if output.encoder.codec == NO_VIDEO:
        return _sha256
    if place.is_single and naming.single is not None:
        return partial(naming.single.digest.load(), material, output.encoder)
    return _sha256 if naming.digest is None else naming.digest.load()


def _is_result(main: Path, told: Metrics, digest: Callable[[Path], str]) -> bool:
    """Whether a finished file or folder is still what was made."""
    try:
        if main.is_file() and main.stat().st_size != told.output.get("size"):
            return False
        return told.state in _STATUSES and digest(main) == told.digest
    except (OSError, ValueError):  # PyAV's errors are one of these
        return False


def _outcome_of(output: Output, main: Path, told_in: Path, told: Metrics) -> OutputOutcome:
    return OutputOutcome(
        name=output.name,
        path=str(main),
        metrics_path=str(told_in),
        frames_in=told.frames.get("in", 0),
        frames_out=told.frames.get("out", 0),
        fallback_frames=told.frames.get("fallback", 0),
        lost_frames=told.frames.get("lost", 0),
        retries=told.retries,
        duplicates=told.duplicates,
        digest=told.digest,
        found=tuple(sentences(told.output.get("found", {}))),
    )


def _metrics(path: Path) -> Metrics | None:
    """Return the metrics in a file; None where there are none."""
    told = _read(path)
    try:
        return None if told is None else Metrics.from_wire(told)
    except Malformed:
        return None


def _read(path: Path) -> Map | None:
    """Return the JSON object in a file; None where there is none."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_METRICS_SIZE:
            return None
        told = json_in(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
