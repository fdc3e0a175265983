"""The kinds of material by name. To add one is to add its folder, and its record here; CONTRIBUTING.md tells how.

Importing this module loads no library that reads or writes media: see `moviola.media.kind.Deferred`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from moviola.media import images, table, video
from moviola.media.fidelity import Finding, Trait, bounded
from moviola.media.frame import Frame
from moviola.media.growing import GrowingFile
from moviola.media.kind import HEAD_SIZE, Excerpt, Kind, Process
from moviola.media.manifest import SUFFIX as MANIFEST
from moviola.media.material import NO_VIDEO, Chunk, Cutting, Files, Material, Output, Source
from moviola.media.spliced import Spliced

if TYPE_CHECKING:
    from moviola.media.manifest.writer import Makers

KINDS: Final[dict[str, Kind]] = {each.name: each for each in (video.KIND, images.KIND, table.KIND)}
"""By name."""

USUAL: Final = video.KIND.name
"""The kind that a file is taken for if neither its content nor its name tells one."""


def kind_named(name: str) -> Kind:
    """Return the record of a kind. Raise ValueError where there is none of that name."""
    try:
        return KINDS[name]
    except KeyError:
        raise ValueError(f"there is no kind of material {name!r}, only {', '.join(KINDS)}") from None


def known_kind(path: Path) -> Kind | None:
    """Return the kind of a file, by its content where that is sure, else by its suffix; None where neither tells."""
    head, suffix = _head_of(path), path.suffix.lower()
    by_content = next((kind for kind in KINDS.values() if kind.recognises(head)), None)
    return by_content or next((kind for kind in KINDS.values() if suffix in kind.suffixes), None)


def kind_of_file(path: Path) -> Kind:
    """Return the kind that a file is: `known_kind`, USUAL where that is not known."""
    return known_kind(path) or KINDS[USUAL]


def _head_of(path: Path) -> bytes:
    """Return the first bytes of a file; none where it cannot be read, which is said when it is needed."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(HEAD_SIZE)
    except (OSError, ValueError):
        return b""


def suffix_of(data: bytes) -> str:
    """Return the suffix for a file that begins so and has no name; "" where its content says nothing, as that of a
    video, which is USUAL."""
    return next((suffix for kind in KINDS.values() if (suffix := kind.suffix_of(data))), "")


def unit_of(name: str) -> str:
    """Return what one is called; that of USUAL where the kind is not known, as of a cluster that does not say it."""
    return KINDS.get(name, KINDS[USUAL]).unit


def split(material: Material, cutting: Cutting) -> tuple[Source, Iterator[Chunk]]:
    """Return the source that `material` is, and its chunks, read as they are asked for.

    Raise moviola.media.errors.UnreadableSource, also from the iterator.
    """
    return kind_named(material.kind).split.load()(material, cutting)


def front(material: Material, growing: GrowingFile, cutting: Cutting) -> tuple[Source, Iterator[Chunk]] | None:
    """Return what the beginning of a file tells that still comes, and its first chunks; `moviola.media.kind.Front`
    tells how. None where its kind has to be whole, or nothing is settled before its end.

    Raise moviola.media.errors.UnreadableSource, moviola.media.growing.ComesLast, BrokenOff, also from the iterator.
    """
    function = kind_named(material.kind).front
    return None if function is None else function.load()(material, growing, cutting)


def check(source: Source, outputs: Iterable[Output]) -> None:
    """Raise UnreadableSource where these outputs cannot be made of this source, as far as that is known before
    anything is sent."""
    function = kind_named(source.kind).check
    if function is not None:
        function.load()(source, outputs)


def verify(material: Material, cutting: Cutting) -> None:
    """Raise UnreadableSource where something comes out differently when the material is cut; this reads all of it."""
    function = kind_named(material.kind).verify
    if function is not None:
        function.load()(material, cutting)


def traits(source: Source) -> list[Trait]:
    """Return what people are told of a source. Raise moviola.media.errors.BadHeader."""
    function = kind_named(source.kind).traits
    return [] if function is None else list(function.load()(source))


def findings(source: Source, output: Output) -> list[Finding]:
    """Return what becomes of a source in one output, beside what its facts say of every output; MAX_FINDINGS at most.

    Raise moviola.media.errors.BadHeader.
    """
    function = kind_named(source.kind).findings
    return [] if function is None else bounded(function.load()(source, output))


def processor(name: str) -> Process:
    """Return what works on chunks of this kind."""
    return kind_named(name).process.load()


def splice(
    files: Files,
    source: Source,
    output: Output,
    results: Iterable[bytes],
    passthrough: Mapping[int, Iterable[bytes]],
    makers: Makers | None = None,
    job: str = "",
) -> Spliced:
    """Make an output's files from the payloads of its results, in order, and its manifest beside them;
    `moviola.media.kind.Splice` tells how.

    Args:
        makers: who made the results; None where the work is done in one process.
        job: the job's id; empty where there is no job.
    """
    from moviola.media.manifest import writer  # noqa: PLC0415 - gzip and xxhash, which commands that send do without

    function = kind_named(source.kind).splice.load()
    if not output.manifest:
        return function(files, source, output, results, passthrough, writer.NOTHING)
    with writer.opened(files.partial(output.name + MANIFEST), makers or writer.in_this_process, job) as manifest:
        manifest.begin(source, output)
        spliced = function(files, source, output, results, passthrough, manifest)
        manifest.end(spliced, None if makes_folder(source.kind, output) else files.partial(spliced.main))
    return spliced


def makes_folder(name: str, output: Output) -> bool:
    """Whether the main file of an output of a material of this kind is a folder."""
    return kind_named(name).makes_folder and output.encoder.codec != NO_VIDEO


def has_pictures(name: str, output: Output) -> bool:
    """Whether an output of a material of this kind consists of pictures."""
    return kind_named(name).frames is not None and output.encoder.codec != NO_VIDEO


def frames(source: Source, output: Output, results: Iterable[bytes]) -> Iterator[Frame] | None:
    """Return the pictures of an output's results, taken one by one; `moviola.media.kind.Frames` tells how. None where
    it has none."""
    function = kind_named(source.kind).frames
    return (
        None if function is None or not has_pictures(source.kind, output) else function.load()(source, output, results)
    )


def excerpt(name: str) -> Excerpt | None:
    """Return what makes a chunk a file that a person can look at; None for kinds that have no use for that."""
    kind = KINDS.get(name)
    return None if kind is None or kind.excerpt is None else kind.excerpt.load()
