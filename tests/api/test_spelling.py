"""Sentences of the session as Python's users read them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import moviola
from moviola.api.options import JobOptions
from moviola.api.spelling import in_python

SOURCES = Path(moviola.__file__).parent
ARGUMENTS = {*JobOptions.__annotations__, "out", "filters", *inspect.signature(moviola.Cluster).parameters}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("--overwrite (-y) replaces it, or give another --out", "overwrite=True replaces it, or give another out"),
        ("--on-error fail ends a job there", 'on_error="fail" ends a job there'),
        ("send it again with --chunk-frames 30", "send it again with chunk_frames=30"),
        ("choose another --codec or --preset", "choose another codec or preset"),
        ("--out a.webm: a WebM holds no h264", "out a.webm: a WebM holds no h264"),
        ("the same command without --new", "the same command without new=True"),
        ("name another with --host and --port", "name another with host and port"),
        ("start workers with a larger --memory-limit", "start workers with a larger --memory-limit"),
        ("a name--with-dashes.mp4, a -- b", "a name--with-dashes.mp4, a -- b"),
    ],
)
def test_flags_become_arguments(text: str, told: str) -> None:
    assert in_python(text) == told


def sentences() -> Iterator[str]:
    """The flags that the session and the media name, with the words around them."""
    for folder in ("session", "media"):
        for path in sorted((SOURCES / folder).rglob("*.py")):
            yield from re.findall(r'"[^"\n]*--[a-z][^"\n]*"', path.read_text(encoding="utf-8"))


def test_no_argument_is_left_as_a_flag_in_what_is_said_of_jobs() -> None:
    told = [in_python(sentence) for sentence in sentences()]
    assert len(told) > 20
    flags = {flag[2:].replace("-", "_") for text in told for flag in re.findall(r"--[a-z][a-z-]*", text)}
    assert flags.isdisjoint(ARGUMENTS), flags & ARGUMENTS


def test_an_exception_names_the_argument(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "there.mp4").write_text("precious")
    with pytest.raises(moviola.UsageError, match=r"there.mp4 is there already; overwrite=True replaces it, or give an"):
        moviola.process(clip, "blur", out=tmp_path / "there.mp4")
    with pytest.raises(moviola.UsageError, match=r'^out .*x\.mp4: an MP4 .* choose codec="h264" or hevc'):
        moviola.process(clip, "blur", out=tmp_path / "x.mp4", codec="ffv1")
