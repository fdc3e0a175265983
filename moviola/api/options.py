"""What a job is made of, as a program gives it: a source, filters, options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypedDict

from moviola.api.errors import UsageError
from moviola.base.settings import from_values
from moviola.media.kinds import KINDS
from moviola.media.material import Material
from moviola.session import sources
from moviola.session.chains import filters_of, named_chain
from moviola.session.job_settings import JobSettings

PathLike = str | os.PathLike[str]

Source = PathLike | Iterable[PathLike]
"""A file or a folder; or several files that are one job, such as images, or tables that belong together."""

Filters = str | Iterable[str] | Mapping[str, str] | None
"""A chain, such as "blur:radius=5,edges"; several, an output for each; or output names and their chains. None: what
the command does where no filter is named."""


class JobOptions(TypedDict, total=False):
    """How the outputs of a job are made. All may be left out.

    Keys:
        overwrite: replace files of the results' names that are there; by default they are refused, but for the results
            of this same job, which are returned.
        codec: of videos: "h264", "hevc", "mpeg4" or "ffv1"; "h264" by default.
        crf: quality of videos, 0 (best) to 51; 20 by default.
        preset: of h264 and hevc, from "ultrafast" to "placebo"; "veryfast" by default.
        no_video: encode nothing; the results are what filters noted.
        format: of images: "jpg", "png", "webp", "tiff", "bmp", "pnm", "gif", "heic" or "avif"; each its own by default.
        quality: of images as JPEG, WebP, HEIC or AVIF, 1 to 100 (best); 95 by default.
        chunk_frames: frames, or images, that one task has; as the source suggests by default.
        chunk_records: the same of tables.
        on_error: what becomes of a frame whose filter fails: "original" (it passes unfiltered), "fail" (the job ends),
            "drop" (it is left out) or "black" (a black one takes its place); by default "original", and "black" where a
            filter of the output hides something.
        no_manifest: write no manifest beside the results; moviola.verify needs one.
        priority: of your jobs those of a higher one go first, 0 to 100; 0 by default. Of clusters alone.
        new: begin a new job, also where an unfinished one for the same could go on. Of clusters alone.
        strict: refuse a source of which anything would be changed or lost, and name all of that.
        verify_cuts: first decode a video whole and in chunks, and compare.
    """

    overwrite: bool
    codec: str
    crf: int
    preset: str
    no_video: bool
    format: str
    quality: int
    chunk_frames: int | None
    chunk_records: int | None
    on_error: str
    no_manifest: bool
    priority: int
    new: bool
    strict: bool
    verify_cuts: bool


CLUSTER_ONLY: Final = ("priority", "new")
"""Options that mean nothing without a cluster."""


def settings_from(filters: Filters, out: PathLike | None, options: Mapping[str, Any]) -> JobSettings:
    """Return the settings of a job. Raises UsageError for an option that there is not, or that cannot be so."""
    for name in options:
        if name not in JobOptions.__annotations__:
            near = get_close_matches(name, JobOptions.__annotations__, 1)
            meant = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(JobOptions.__annotations__)}"
            raise UsageError(f'there is no option "{name}"; {meant}')
    where = None if out is None else os.fspath(out)
    if where is not None and not isinstance(where, str):
        raise UsageError(f"out is a path as text or pathlib.Path, not {out!r}")
    try:
        return from_values(JobSettings, {**options, "filters": chains_of(filters), "out": where})
    except ValueError as error:
        raise UsageError(str(error)) from error


def chains_of(filters: Filters) -> tuple[str, ...]:
    """Return the texts that `moviola.session.order.OutputRequest` takes. Raises UsageError, ChainError."""
    if filters is None:
        return ()
    if isinstance(filters, str):
        return (filters,)
    if isinstance(filters, Mapping):
        chains: Iterable[Any] = filters.values()
        texts = [named_chain(name, chain) for name, chain in filters.items() if isinstance(chain, str)]
    else:
        chains = list(filters)
        texts = [chain for chain in chains if isinstance(chain, str)]
    for chain in chains:
        if not isinstance(chain, str):
            raise UsageError(f"a filter chain is a text, such as 'blur:radius=5,edges', not {chain!r:.80}")
    if not texts:
        raise UsageError("no filter chain is given; leave the filters out, or name one")
    return tuple(texts)


def filters_in(settings: JobSettings) -> set[str]:
    """Return the names of all filters of a job. Raises ChainError."""
    return filters_of(settings.filters)


def material_of(source: Source) -> Material:
    """Return what a job is to be made of. Raises UnreadableSource; UsageError where it would be several jobs."""
    paths = [Path(source)] if isinstance(source, (str, os.PathLike)) else [Path(each) for each in source]
    if not paths:
        raise UsageError("no source is given; name a file, a folder, or files that belong together")
    materials, complaints = sources.find(paths)
    for complaint in complaints:
        raise complaint
    if len(materials) > 1:
        names = ", ".join(material.name for material in materials[:3]) + (", …" if len(materials) > 3 else "")
        plurals = " and ".join(dict.fromkeys(KINDS[material.kind].plural for material in materials))
        raise UsageError(f"{names} are {len(materials)} {plurals}, and one job takes one: make a job for each")
    return materials[0]
