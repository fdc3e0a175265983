"""The kinds of material by name, each loaded when it is needed: media/<kind>/ has split, process and splice.

A client loads splitting alone, a worker processing, an aggregator splicing; so nobody needs the others'
libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from media.material import Chunk, Cutting, Files, Material, Output, Result, Source
from media.spliced import Spliced

KINDS: Final = ("video", "images", "table")


class Process(Protocol):
    """Makes a result of a chunk; media/video/process.py tells what each argument means."""

    def __call__(
        self,
        payload: bytes | bytearray | memoryview,
        source_process: dict[str, Any],
        output: Output,
        *,
        mode: str = "filter",
        on_frame: Callable[[int], None] | None = None,
    ) -> Result: ...


def split(material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """The source that `material` is, and its chunks, read as they are asked for.

    Raise media.errors.UnreadableSource, also from the iterator.
    """
    made: tuple[Source, Iterator[Chunk]] = _module(material.kind, "split").split(material, cutting)
    return made


def check(source: Source, outputs: Iterable[Output]) -> None:
    """Whether these outputs can be made of this source, as far as that is known before anything is sent.

    Raise UnreadableSource with what does not go together.
    """
    if source.kind in KINDS and find_spec(f"media.{source.kind}.chain") is not None:
        _module(source.kind, "chain").check(source, outputs)


def processor(kind: str) -> Process:
    """What works on chunks of this kind."""
    process: Process = _module(kind, "process").process
    return process


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
) -> Spliced:
    """Make an output's files from the payloads of its results, in order; media/video/splice.py tells how."""
    spliced: Spliced = _module(source.kind, "splice").splice(files, source, output, results, passthrough)
    return spliced


def preload(step: str) -> None:
    """Imports all that a step, such as `splice`, of any kind needs, so that the first job does not wait for it."""
    for kind in KINDS:
        _module(kind, step)


def excerpt(kind: str) -> Callable[[Path, dict[str, Any], bytes], Path] | None:
    """What makes a chunk a file that a person can look at; None for kinds that have no use for that."""
    if kind in KINDS and find_spec(f"media.{kind}.excerpt") is not None:
        write: Callable[[Path, dict[str, Any], bytes], Path] = _module(kind, "excerpt").write_excerpt
        return write
    return None


def _module(kind: str, step: str) -> Any:
    if kind not in KINDS:
        raise ValueError(f"there is no kind of material {kind!r}, only {', '.join(KINDS)}")
    return import_module(f"media.{kind}.{step}")
