"""Files that filter chains name: read here, told to others by their content, and sent before the source's chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from moviola.base.texts import MAX_NAME, encodable
from moviola.filters.assets import SERVED, value_of
from moviola.filters.chain import Step
from moviola.filters.schema import FilterSchema, ParameterError
from moviola.media.material import Chunk, Source
from moviola.wire.limits import MAX_ASSET_SIZE, MAX_ASSETS, MIB
from moviola.wire.messages import AssetFacts


@dataclass(frozen=True, slots=True)
class AssetFile:
    """A file that travels with a job. `value` stands for it in a chain; `name` is for people."""

    value: str
    name: str
    content: bytes
    path: Path | None = None  # here, where it was read

    @property
    def facts(self) -> AssetFacts:
        """What the middleware is told of the file when the job is submitted."""
        return AssetFacts(self.value, len(self.content), self.name)


class Assets:
    """The files that the chains of one command name, each read once.

    Args:
        find: returns where a file is that a chain names; may raise ParameterError. By default its name is its path.
    """

    def __init__(self, schemas: Mapping[str, FilterSchema], find: Callable[[str], Path] = Path) -> None:
        self._schemas, self._find = schemas, find
        self._files: dict[str, AssetFile] = {}

    def taken_from(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """Return the steps with each file that they name replaced by what stands for its content.

        Raise ParameterError where a file cannot be read, or is too large to travel.
        """
        return tuple(Step(step.name, dict(self._parameters(step))) for step in steps)

    def of(self, chains: Iterable[Sequence[Step]]) -> tuple[AssetFile, ...]:
        """Return the files that these chains name, in the order in which they come. Raise ParameterError for too
        many."""
        values = [value for chain in chains for step in chain for value in step.parameters.values()]
        found = tuple(self._files[value] for value in dict.fromkeys(values) if value in self._files)
        if len(found) > MAX_ASSETS:
            raise ParameterError(
                f"{len(found)} files are named, and {MAX_ASSETS} travel with a job; serve some from the workers' "
                "--assets folder, and name them as @NAME"
            )
        return found

    def _parameters(self, step: Step) -> Iterable[tuple[str, int | float | str | bool]]:
        schema = self._schemas.get(step.name)
        files = {each.name for each in schema.parameters if each.type == "asset"} if schema is not None else set()
        for name, value in step.parameters.items():
            is_here = name in files and isinstance(value, str) and value and not value.startswith(SERVED)
            yield name, self._read(f"{step.name}: {name}={value}", self._find(str(value))) if is_here else value

    def _read(self, told: str, path: Path) -> str:
        try:
            if not path.is_file():
                reason = "there is no such file" if not path.exists() else "this is not a file"
                raise ParameterError(
                    f"{told}: {reason}; check the path, or name a file that the workers serve as @NAME"
                )
            with path.open("rb") as file:
                content = file.read(MAX_ASSET_SIZE + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, ParameterError):
                raise
            words = getattr(error, "strerror", None) or str(error)
            raise ParameterError(f"{told}: it cannot be read ({words}); check the path and its permissions") from error
        if len(content) > MAX_ASSET_SIZE:
            raise ParameterError(
                f"{told}: it has more than the {MAX_ASSET_SIZE // MIB} MiB that travel with a job; put it into the "
                f"folder that every worker serves (--assets), and name it as {SERVED}{path.name}"
            )
        value = value_of(content)
        self._files.setdefault(value, AssetFile(value, encodable(path.name)[:MAX_NAME], content, path))
        return value


class ChunkReader(Protocol):
    """A source that is read chunk by chunk, as often as it takes."""

    @property
    def source(self) -> Source:
        """The source: at the beginning as it is submitted, behind the last chunk as it is known then."""

    def next_chunk(self) -> Chunk | None:
        """Return the next chunk, or None after the last one. Raises UnreadableSource."""

    def rewind(self) -> None:
        """Begin again with the first chunk."""


class AssetsFirst:
    """A reader that gives a job's files before the source's chunks, as a stream behind the source's own."""

    def __init__(self, reader: ChunkReader, files: Sequence[AssetFile]) -> None:
        self._reader, self._files = reader, files
        self._position = 0

    @property
    def source(self) -> Source:
        """The source as the reader knows it."""
        return self._reader.source

    def next_chunk(self) -> Chunk | None:
        """Return the next chunk; None after the last. Raise what the reader raises."""
        if self._position == len(self._files):
            return self._reader.next_chunk()
        index, file = self._position, self._files[self._position]
        self._position += 1
        return Chunk(self.source.stream_count, index, 1, file.content)

    def rewind(self) -> None:
        """Begin with the first file again. Raise what the reader raises."""
        self._position = 0
        self._reader.rewind()
