"""The file that tells what a job's source is, and what filters measured of it; docs/ANALYSIS.md has its fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from moviola.media.material import Source
from moviola.media.spliced import Spliced

NAME: Final = "metadata.json"
FORMAT: Final = 1


def build(source: Source, outputs: Sequence[Spliced]) -> dict[str, Any]:
    """The metadata of a job, as JSON types: one file, however many outputs it has."""
    described = source.facts.get("metadata", source.facts)
    analysis: dict[str, Any] = {}
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
