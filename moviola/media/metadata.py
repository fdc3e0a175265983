"""The file that tells what a job's source is, and what filters measured of it; docs/ANALYSIS.md has its fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moviola.media.material import Facts, Source
from moviola.media.spliced import Details, Spliced

NAME: Final = "metadata.json"
FORMAT: Final = 1


def build(source: Source, outputs: Sequence[Spliced]) -> Facts:
    """Return the metadata of a job, as JSON types: one file, however many outputs it has."""
    told = source.common_facts.metadata
    described = source.facts if told is None else told
    analysis: Details = {}
    for each in outputs:
        analysis = analysis or each.analysis
    return {
        "format": FORMAT,
        "kind": source.kind,
        "name": source.name,
        "fingerprint": source.fingerprint,
        "frame_count": max((each.account.frames_in for each in outputs), default=0),
        **described,
        "analysis": analysis or None,
    }
