"""A whole job without a cluster: split | process | splice, usually in one process. Every cluster run must equal it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import BinaryIO, Self

from moviola.base.files import aside, followed, put, sync
from moviola.base.output_summary import OutputSummary
from moviola.filters.registry import make_chain
from moviola.media import kinds, metadata, metrics
from moviola.media.computing import IN_SEQUENCE, Computing, Task
from moviola.media.errors import NamesTaken
from moviola.media.material import Cutting, Material, Output, Source
from moviola.media.spliced import Spliced


@dataclass(frozen=True, slots=True)
class LocalProgress:
    """So many of `frame_count` frames are done, counted over all outputs."""

    frames_done: int
    frame_count: int


@dataclass(frozen=True, slots=True)
class LocalOutput:
    """A finished output of a local job, its main file or folder, and its metrics as they are in `metrics_path`."""

    output: Output
    path: Path
    metrics_path: Path
    spliced: Spliced
    metrics: metrics.Metrics

    @property
    def summary(self) -> OutputSummary:
        """What it came to."""
        return metrics.summary(self.output.name, self.spliced, self.metrics, self.metrics_path.name)


def run_local(
    material: Material,
    outputs: Sequence[Output],
    cutting: Cutting,
    path_of: Callable[[str], Path],
    *,
    on_progress: Callable[[LocalProgress], None] | None = None,
    put: Callable[[Path, Path], None] = partial(put, replace=False),  # noqa: B008 - it holds nothing
    spare_of: Callable[[str], Path] | None = None,
    computing: Computing = IN_SEQUENCE,
    on_source: Callable[[Source], None] = lambda _source: None,
) -> list[LocalOutput]:
    """Filter `material` once for each of `outputs`.

    `path_of` says where each file goes, by the name that it would have in a job's folder, such as `blur.mp4`,
    `blur.metrics.json` and `metadata.json`. Files appear there when all of them are whole. Results wait in unnamed
    files beside them, and where a link leads if one has their name. The context frames of `cutting` are found here.

    `put(partial, final)` gives a file that is whole its name; by default none is replaced. Where it raises
    FileExistsError the file, and those behind it, go where `spare_of` says, on the same file system.

    `computing` decides whether chunks are computed one after another or several at a time; the files are the same.

    `on_source` is called with the source before anything is done with it; where it raises, nothing is.

    Raise UnreadableSource, ProcessingFailed, SpliceError, NamesTaken (moviola.media.errors),
    moviola.filters.schema.ParameterError, OSError.
    """
    started = monotonic()
    context_frames = max(sum(each.context_frames for each in make_chain(output.chain)) for output in outputs)
    source, chunks = kinds.split(material, replace(cutting, context_frames=context_frames))
    kinds.check(source, outputs)
    on_source(source)
    with ExitStack() as stack:
        files = stack.enter_context(_LocalFiles(path_of, put, spare_of))
        results = [stack.enter_context(_Spill(files.unnamed())) for _ in outputs]
        passthrough = {number: stack.enter_context(_Spill(files.unnamed())) for number in range(1, source.stream_count)}
        frame_count = source.frame_count * len(outputs)
        begun: deque[tuple[_Spill, int]] = deque()  # of tasks without a result: where it goes, and its frames
        done = 0

        def tasks() -> Iterator[Task]:
            for chunk in chunks:
                if chunk.stream:
                    passthrough[chunk.stream].append(chunk.payload)
                    continue
                for output, spill in zip(outputs, results, strict=True):
                    begun.append((spill, chunk.frame_count))
                    yield Task(source.kind, source.process, chunk.payload, output)

        for payload in computing.results(tasks()):
            spill, count = begun.popleft()
            spill.append(payload)
            done += count
            if on_progress is not None:
                on_progress(LocalProgress(done, frame_count))
        spliced = [
            kinds.splice(files, source, output, spill, passthrough)
            for output, spill in zip(outputs, results, strict=True)
        ]
        finished = []
        for output, one in zip(outputs, spliced, strict=True):
            name = output.name + metrics.SUFFIX
            facts = metrics.build(source, output, one, monotonic() - started)
            metrics.write(files.partial(name), facts.to_wire())
            finished.append(LocalOutput(output, path_of(one.main), path_of(name), one, facts))
        metrics.write(files.partial(metadata.NAME), metadata.build(source, spliced))
        files.publish([one.main for one in spliced])
    return finished


class _LocalFiles:
    """Files under temporary names until `publish`; those that are not published go at the end of the block."""

    def __init__(
        self,
        path_of: Callable[[str], Path],
        put: Callable[[Path, Path], None],
        spare_of: Callable[[str], Path] | None,
    ) -> None:
        self._path_of, self._put, self._spare_of = path_of, put, spare_of
        self._partials: dict[Path, tuple[str, Path]] = {}  # partial → name and final path
        self._made: list[Path] = []  # folders, the outer ones first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for written in self._partials:
            written.unlink(missing_ok=True)
        for folder in reversed(self._made):
            with suppress(OSError):  # there is something in it
                folder.rmdir()

    def partial(self, name: str) -> Path:
        final = followed(self._path_of(name))
        self._make(final.parent)
        partial = aside(final, str(os.getpid()))
        self._partials[partial] = name, final
        return partial

    def withdraw(self, name: str) -> None:
        partial = self.partial(name)
        partial.unlink(missing_ok=True)
        del self._partials[partial]

    def unnamed(self) -> BinaryIO:
        """A file on the disk of the results that goes when it is closed: a system's own folder for such files is too
        small, or a part of its memory."""
        folder = self._path_of(metadata.NAME).parent
        self._make(folder)
        return TemporaryFile(dir=folder)

    def publish(self, mains: Collection[str]) -> None:
        """Puts all files under their names, once they are on the disk: the outputs' main files first, so that where
        such a name is taken nothing lies beside another's file. Raises NamesTaken."""
        sync(self._partials)
        partials = sorted(self._partials.items(), key=lambda one: one[1][0].partition("/")[0] not in mains)
        self._partials = dict(partials)
        while self._partials:
            written, (_, final) = next(iter(self._partials.items()))
            try:
                self._put(written, final)
            except FileExistsError as error:
                if self._spare_of is None:
                    raise
                folder = self._spare(self._spare_of)
                raise NamesTaken(f"{error.strerror}; what was made instead is in {folder}") from error
            del self._partials[written]
        self._made.clear()  # an output's folder stays, even if no picture came

    def _spare(self, spare_of: Callable[[str], Path]) -> Path:
        """Puts all files that are left where nothing is in their way; the folder."""
        for written, (name, _) in self._partials.items():
            final = spare_of(name)
            final.parent.mkdir(parents=True, exist_ok=True)
            put(written, final, replace=False)
        self._partials.clear()
        return spare_of(metadata.NAME).parent

    def _make(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            self._made.append(each)


class _Spill:
    """Payloads in a file, to be read in order any number of times. Closes the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._sizes: list[int] = []
        self._file = file

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
