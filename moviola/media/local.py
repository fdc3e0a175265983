"""A whole job without a cluster of ours: split | process | splice, usually in one process. Every cluster run must equal
it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import BinaryIO, NamedTuple, Protocol, Self

from moviola.base.files import aside, followed, put, sync
from moviola.base.output_summary import OutputSummary
from moviola.filters.registry import make_chain
from moviola.media import kinds, metadata, metrics
from moviola.media.computing import IN_SEQUENCE, NOBODY, Computed, Computing, Task
from moviola.media.errors import NamesTaken
from moviola.media.manifest.records import Maker
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
        """Return what the output came to, as a cluster tells it."""
        return metrics.summary(self.output.name, self.spliced, self.metrics, self.metrics_path.name)


class Kept(Protocol):
    """The results of a job from when they are computed until its files are there."""

    def holds(self, output: int, index: int) -> bool:
        """Return whether the result of this chunk for this output is here, so that it need not be computed."""
        ...

    def keep(self, computed: Computed) -> None:
        """Take a result. Raise MediaError, OSError where it cannot be kept."""
        ...

    def payloads(self, output: int) -> Iterable[bytes]:
        """Return the results of an output in the order of their chunks, to be iterated over any number of times."""
        ...

    def maker(self, output: int, index: int) -> Maker:
        """Return who made a result."""
        ...

    def statistics(self, output: int, spliced: Spliced) -> metrics.ClusterStatistics | None:
        """Return what a cluster did for an output; None where there was none."""
        ...


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
    on_source: Callable[[Source], Kept | None] = lambda _source: None,
    job: str = "",
) -> list[LocalOutput]:
    """Filter `material` once for each of `outputs`.

    `path_of` says where each file goes, by the name that it would have in a job's folder, such as `blur.mp4`,
    `blur.metrics.json` and `metadata.json`. Files appear there when all of them are whole. Results wait in unnamed
    files beside them, and where a link leads if one has their name. The context frames of `cutting` are found here.

    `put(partial, final)` gives a file that is whole its name; by default none is replaced. Where it raises
    FileExistsError the file, and those behind it, go where `spare_of` says, on the same file system.

    `computing` decides whether chunks are computed one after another or several at a time; the files are the same.

    `on_source` is called with the source before anything is done with it; where it raises, nothing is. It may return
    what keeps the job's results; otherwise they lie in unnamed files beside the finished ones. `job` is the job's id,
    where it has one that others know.

    Raise UnreadableSource, ProcessingFailed, SpliceError, NamesTaken (moviola.media.errors),
    moviola.filters.schema.ParameterError, OSError.
    """
    started = monotonic()
    context_frames = max(sum(each.context_frames for each in make_chain(output.chain)) for output in outputs)
    source, chunks = kinds.split(material, replace(cutting, context_frames=context_frames))
    kinds.check(source, outputs)
    given = on_source(source)
    with ExitStack() as stack:
        files = stack.enter_context(_LocalFiles(path_of, put, spare_of))
        unnamed = partial(_opened, stack, files)
        kept = _Spills([unnamed() for _ in outputs]) if given is None else given
        passthrough = {number: unnamed() for number in range(1, source.stream_count)}
        frame_count = source.frame_count * len(outputs)
        done = 0

        def count(frames: int) -> None:
            nonlocal done
            done += frames
            if on_progress is not None:
                on_progress(LocalProgress(done, frame_count))

        def tasks() -> Iterator[Task]:
            first = 0
            while (chunk := next(chunks, None)) is not None:
                if chunk.stream:
                    passthrough[chunk.stream].append(chunk.index, chunk.payload)
                    continue
                for number, output in enumerate(outputs):
                    if kept.holds(number, chunk.index):
                        count(chunk.frame_count)
                        continue
                    place = (number, chunk.index, first, chunk.frame_count)
                    yield Task(source.kind, source.process, chunk.payload, output, *place)
                first += chunk.frame_count
                del chunk  # before the next one is read

        for computed in computing.results(tasks()):
            kept.keep(computed)
            count(computed.frame_count)
        spliced = [
            kinds.splice(files, source, output, kept.payloads(number), passthrough, partial(kept.maker, number), job)
            for number, output in enumerate(outputs)
        ]
        finished = []
        for number, (output, one) in enumerate(zip(outputs, spliced, strict=True)):
            name = output.name + metrics.SUFFIX
            facts = metrics.build(source, output, one, monotonic() - started, kept.statistics(number, one))
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
        """Return a file without a name on the disk of the results; it is gone when it is closed. The system's own
        folder for such files may be too small, or a part of its memory."""
        folder = self._path_of(metadata.NAME).parent
        self._make(folder)
        return TemporaryFile(dir=folder)

    def publish(self, mains: Collection[str]) -> None:
        """Give all files their names, once their content is on the disk. The outputs' main files come first, so that
        nothing is put beside another's file if the name of a main file is taken. Raise NamesTaken."""
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
        """Put all files that are left where nothing is in their way, and return that folder."""
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


class _Part(NamedTuple):
    """Where a payload lies in a file."""

    offset: int
    size: int


class _Spill:
    """Payloads in a file, to be read in the order of their numbers any number of times. Closes the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._parts: dict[int, _Part] = {}
        self._end = 0
        self._file = file

    def __enter__(self) -> _Spill:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def append(self, index: int, payload: bytes | memoryview) -> None:
        self._file.write(payload)
        self._parts[index] = _Part(self._end, len(payload))
        self._end += len(payload)

    def __iter__(self) -> Iterator[bytes]:
        self._file.flush()
        for _, part in sorted(self._parts.items()):
            yield os.pread(self._file.fileno(), part.size, part.offset)


def _opened(stack: ExitStack, files: _LocalFiles) -> _Spill:
    return stack.enter_context(_Spill(files.unnamed()))


class _Spills:
    """Results in a file for each output, gone with the process: none is here before it is computed."""

    def __init__(self, spills: Sequence[_Spill]) -> None:
        self._spills = spills

    def holds(self, _output: int, _index: int) -> bool:
        return False

    def keep(self, computed: Computed) -> None:
        self._spills[computed.output].append(computed.index, computed.payload)

    def payloads(self, output: int) -> Iterable[bytes]:
        return self._spills[output]

    def maker(self, _output: int, _index: int) -> Maker:
        return NOBODY

    def statistics(self, _output: int, _spliced: Spliced) -> None:
        return None
