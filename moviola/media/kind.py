"""A kind of material as one record: what the programs know of it, and the functions that work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

from moviola.base.vocabulary import Mode
from moviola.media.fidelity import Finding, Trait
from moviola.media.frame import Frame
from moviola.media.growing import GrowingFile
from moviola.media.material import Chunk, Cutting, Encoder, Files, Header, Material, Output, Result, Source
from moviola.media.spliced import Spliced

if TYPE_CHECKING:
    from moviola.media.manifest.writer import ManifestWriter

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Deferred(Generic[F]):
    """A function by its dotted name, imported when it is first needed.

    So a client loads splitting alone, a worker processing, an aggregator splicing, and a command that only names a
    kind loads no library at all.
    """

    name: str

    def load(self) -> F:
        """Return the function. Raise ImportError or AttributeError where there is none of that name."""
        module, _, function = self.name.rpartition(".")
        return cast(F, getattr(import_module(module), function))


class Split(Protocol):
    """Reads files and decides where they are cut."""

    def __call__(self, material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
        """Return the source that `material` is, and its chunks, read as they are asked for.

        Where it is cut depends on the material and `cutting` alone. Raise UnreadableSource, also from the iterator.
        """
        ...


class Front(Protocol):
    """Cuts the first chunks of a material of one file while that still comes."""

    def __call__(
        self, material: Material, growing: GrowingFile, cutting: Cutting
    ) -> tuple[Source, Iterator[Chunk]] | None:
        """Return the source as far as the file's beginning tells, with an empty fingerprint, and the first chunks of
        stream 0, read as they come; None where nothing is settled before the file's end.

        They are those of `split`, but for files whose end shows that they are other than they began: whoever uses this
        compares both. It waits for the file, and so does the iterator. Raise UnreadableSource and
        moviola.media.growing's ComesLast and BrokenOff, also from the iterator.
        """
        ...


class Check(Protocol):
    """Tells before anything is sent what does not go together."""

    def __call__(self, source: Source, outputs: Iterable[Output]) -> None:
        """Raise UnreadableSource where these outputs cannot be made of this source."""
        ...


class Findings(Protocol):
    """Tells before anything is sent what an output changes or loses of its source, and what it keeps."""

    def __call__(self, source: Source, output: Output, /) -> Iterator[Finding]:
        """Yield what this output decides; what is so of every output stands among the source's facts.

        It is asked of the same source before it is sent and when its output is made, and says the same.
        Raise moviola.media.errors.BadHeader.
        """
        ...


class Traits(Protocol):
    """Tells people what a source is, before anything is sent."""

    def __call__(self, source: Source, /) -> Iterator[Trait]:
        """Yield what a source is, by its facts, the most important first. Raise moviola.media.errors.BadHeader."""
        ...


class Verify(Protocol):
    """Tries on the whole material whether its cuts change anything, for those who ask for it."""

    def __call__(self, material: Material, cutting: Cutting) -> None:
        """Raise UnreadableSource where something comes out differently when the material is cut."""
        ...


class Process(Protocol):
    """Makes a result of a chunk; moviola/media/video/filtering/process.py tells what each argument means."""

    def __call__(
        self,
        payload: bytes | bytearray | memoryview,
        source_process: Header,
        output: Output,
        *,
        mode: str = Mode.FILTER,
        on_frame: Callable[[int], None] | None = None,
    ) -> Result: ...


class Splice(Protocol):
    """Joins the results of one output into files."""

    def __call__(
        self,
        files: Files,
        source: Source,
        output: Output,
        results: Iterable[bytes],
        passthrough: Mapping[int, Iterable[bytes]],
        manifest: ManifestWriter,
    ) -> Spliced:
        """Make an output's files from the payloads of its results, in order, which may be asked for more than once.

        An empty payload is that of a chunk that is left out. `passthrough` has the payloads of the streams that are
        not filtered. `manifest` is told what each chunk became. Raise moviola.media.errors.SpliceError, BundleError,
        OSError.
        """
        ...


class Frames(Protocol):
    """Decodes the results of one output while others are still to come."""

    def __call__(self, source: Source, output: Output, results: Iterable[bytes], /) -> Iterator[Frame]:
        """Yield the pictures of an output's results, whose payloads come in order and are taken one by one.

        Each picture, with its time and its notes, is that of the finished output. An empty payload is that of a chunk
        that is left out. Raise moviola.media.errors.MediaError.
        """
        ...


class Excerpt(Protocol):
    """Makes a chunk a file that a person can look at."""

    def __call__(self, stem: Path, process: Header, payload: bytes, /) -> Path:
        """Write a chunk of a source that `Source.process` describes to `stem` with a suffix; return the path.

        Raise moviola.media.errors.MediaError, OSError.
        """
        ...


class UnsuitedName(ValueError):
    """A file cannot be called so, because its name says another format than the output can have."""


def _any_name(encoder: Encoder, _suffix: str) -> Encoder:
    return encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNaming:
    """How the only file of an output can be called, of a kind whose outputs are folders, where a material is one file.

    Attributes:
        fitted: as in `Naming`.
        obstacle: (source, encoder) → why the output is not one file, as the end of a sentence; empty where it is one.
        digest: (material, encoder, path) → the output's digest, as if the file at `path` lay in the output's folder.
    """

    fitted: Callable[[Encoder, str], Encoder]
    obstacle: Callable[[Source, Encoder], str]
    digest: Deferred[Callable[[Material, Encoder, Path], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How the main files of a kind's outputs are called, and what a name that a person gives one says of its format.

    Attributes:
        endings: encoder → all that may stand behind the output's name, suffixes included; ("",) where the main file is
            a folder. The first is the usual one.
        ending: (source, encoder) → the one of `endings` that it will be; None where there is never more than one.
        fitted: (encoder, suffix with its dot, or "" for a name without one) → the encoder for a file of that suffix.
            Raise UnsuitedName with a sentence that ends in a way out where no output can be one.
        digest: of a finished main file or folder, as the metrics tell it; None where it is the file's SHA-256.
        is_text: (encoder) → whether people can read the main file, so that it may go to a terminal.
        single: where the main file is a folder, how the only file in it is called instead; None where it is not.
    """

    endings: Callable[[Encoder], tuple[str, ...]]
    ending: Deferred[Callable[[Source, Encoder], str]] | None = None
    fitted: Callable[[Encoder, str], Encoder] = _any_name
    digest: Deferred[Callable[[Path], str]] | None = None
    is_text: Callable[[Encoder], bool] = lambda _encoder: False
    single: FileNaming | None = None

    def ending_of(self, source: Source, encoder: Encoder) -> str:
        """Return what stands behind the output's name in the name of its main file."""
        return self.endings(encoder)[0] if self.ending is None else self.ending.load()(source, encoder)


HEAD_SIZE: Final = 64
"""Bytes of a file's beginning by which its kind is recognised."""


class Grouping(StrEnum):
    """Which of the files that a person names are one material, and so one job."""

    EACH = "each"
    """Every file is one."""

    TOGETHER = "together"
    """All of them are one."""

    FOLDERS = "folders"
    """All of them are one; and so are, of a folder that has some, all in it and in the folders below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """All that the programs know of a kind of material.

    Attributes:
        name: what messages call it, and its folder.
        plural: what people call several of its materials.
        phrase: "this is a video": begins a sentence about what a filter met.
        unit: one of what is counted; several have an "s" behind.
        suffixes: in lower case, with the dot: how its files are found in a folder.
        grouping: which files are one material.
        takes: which filters are for it, by what they work on (moviola.filters.schema.MATERIALS).
        default_chains: what is done where nothing is asked for, an output for each.
        naming: how files of its outputs are called.
        recognises: the first HEAD_SIZE bytes of a file → whether it is of this kind, whatever its name says.
        suffix_of: the first bytes of a file without a name → the suffix that it should have; "" where it is none of
            this kind.
        options: those of client.file_sender, by their names there, that are for some kinds only and for this one.
        is_sequence: its pictures follow each other in time, so that a filter can look back.
        makes_folder: an output is a folder, with a file for each of the material's.
        tells_count: people are told how many units there are before they are sent.
        split, process, splice: the three functions of each kind; `split | process | splice` is the whole work.
        front: None where nothing can be cut before the last byte is here.
        check: None where nothing can be wrong that is known before.
        traits: what people are told of a source; None where they are told nothing.
        findings: what becomes of the source in an output; None where every output keeps all.
        verify: None where cuts cannot change anything.
        excerpt: None where nobody would look at a chunk.
        frames: None where an output has no pictures.
    """

    name: str
    plural: str
    phrase: str
    unit: str
    suffixes: frozenset[str]
    grouping: Grouping
    takes: frozenset[str]
    default_chains: tuple[str, ...]
    split: Deferred[Split]
    process: Deferred[Process]
    splice: Deferred[Splice]
    naming: Naming
    recognises: Callable[[bytes], bool] = lambda _head: False
    suffix_of: Callable[[bytes], str] = lambda _data: ""
    options: tuple[str, ...] = ()
    is_sequence: bool = False
    makes_folder: bool = False
    tells_count: bool = False
    front: Deferred[Front] | None = None
    check: Deferred[Check] | None = None
    traits: Deferred[Traits] | None = None
    findings: Deferred[Findings] | None = None
    verify: Deferred[Verify] | None = None
    excerpt: Deferred[Excerpt] | None = None
    frames: Deferred[Frames] | None = None
