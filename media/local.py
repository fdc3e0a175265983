"""A whole job in one process: split | process | splice, without a cluster. Every cluster run must equal it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any, BinaryIO

from filters.registry import make_chain
from media import metrics
from media.material import Output, Source
from media.video.containers import extension
from media.video.process import process
from media.video.splice import Spliced, splice
from media.video.split import split


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of `frame_count` frames are done, counted over all outputs."""

    frames_done: int
    frame_count: int


@dataclass(frozen=True, slots=True)
class LocalOutput:
    """A finished output of a local job, its files, and its metrics as they are in `metrics_path`."""

    output: Output
    path: Path
    metrics_path: Path
    annotations: Path | None
    spliced: Spliced
    metrics: dict[str, Any]

    @property
    def summary(self) -> dict[str, Any]:
        """What a client says of it."""
        return metrics.summary(self.output.name, self.path, self.metrics_path, self.metrics)


def run_local(
    path: str | Path,
    outputs: Sequence[Output],
    destination: Path | Sequence[Path],
    *,
    chunk_frames: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[LocalOutput]:
    """Filter the video `path` once for each of `outputs`.

    `destination` is a folder, made if it is missing, where each output is called after its name and container, or
    one path for each output. Beside a file goes `<name>.metrics.json`, and `<name>.annotations.jsonl` if filters
    attached notes. Files appear under their names when they are whole. Results wait in unnamed temporary files, not
    in memory.

    Raise UnreadableSource, ProcessingFailed, SpliceError (media.errors), filters.schema.ParameterError, OSError.
    """
    started = monotonic()
    context_frames = max(sum(each.context_frames for each in make_chain(output.chain)) for output in outputs)
    source, chunks = split(path, chunk_frames=chunk_frames, context_frames=context_frames)
    targets = _targets(source, outputs, destination)
    with ExitStack() as stack:
        results = [stack.enter_context(_Spill()) for _ in outputs]
        passthrough = {number: stack.enter_context(_Spill()) for number in range(1, source.stream_count)}
        frame_count = source.splice["frame_count"] * len(outputs)
        done = 0
        for chunk in chunks:
            if chunk.stream:
                passthrough[chunk.stream].append(chunk.payload)
                continue
            for output, spill in zip(outputs, results, strict=True):
                spill.append(process(chunk.payload, source.process, output).payload)
                done += chunk.frame_count
                if on_progress is not None:
                    on_progress(Progress(done, frame_count))
        return [
            _finished(target, source, output, spill, passthrough, started)
            for target, output, spill in zip(targets, outputs, results, strict=True)
        ]


def _targets(source: Source, outputs: Sequence[Output], destination: Path | Sequence[Path]) -> list[Path]:
    if not isinstance(destination, Path):
        targets = list(destination)
    else:
        targets = [destination / f"{each.name}{extension(source, each.encoder)}" for each in outputs]
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
    return targets


def _finished(
    target: Path,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: dict[int, _Spill],
    started: float,
) -> LocalOutput:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    notes = target.with_name(f"{target.stem}.annotations.jsonl")
    notes_temporary = notes.with_name(f".{notes.name}.{os.getpid()}.part")
    try:
        spliced = splice(temporary, source, output, results, passthrough, annotations=notes_temporary)
        annotated = notes_temporary.stat().st_size > 0
        if annotated:
            notes_temporary.replace(notes)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
        notes_temporary.unlink(missing_ok=True)
    facts = metrics.build(source, output, spliced, monotonic() - started)
    metrics_path = target.with_name(f"{target.stem}.metrics.json")
    metrics.write(metrics_path, facts)
    return LocalOutput(output, target, metrics_path, notes if annotated else None, spliced, facts)


class _Spill:
    """Payloads in a temporary file, to be read in order any number of times."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._file: BinaryIO = TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> _Spill:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def append(self, payload: bytes) -> None:
        self._file.write(payload)
        self._sizes.append(len(payload))

    def __iter__(self) -> Iterator[bytes]:
        self._file.flush()
        offset = 0
        for size in self._sizes:
            yield os.pread(self._file.fileno(), size, offset)
            offset += size
