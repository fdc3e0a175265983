"""Takes pictures through the whole road in one process, and looks at what came out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moviola.filters.chain import parse_chain
from moviola.filters.registry import schemas
from moviola.filters.schema import check_chain
from moviola.media.fidelity import Fate
from moviola.media.images.process import process
from moviola.media.images.splice import splice
from moviola.media.images.split import split
from moviola.media.kinds import findings
from moviola.media.material import Chunk, Cutting, Encoder, Material, Output, Result, Source
from moviola.media.spliced import Spliced
from tests.media.shelf import Shelf


@dataclass(frozen=True)
class Hanging:
    """The pictures of an output and how they came about."""

    folder: Path
    source: Source
    spliced: Spliced
    results: list[Result]

    def __getitem__(self, name: str) -> bytes:
        return (self.folder / self.spliced.main / name).read_bytes()

    @property
    def names(self) -> list[str]:
        """Of all pictures, relative to the output's folder."""
        return sorted(self.files)

    @property
    def files(self) -> dict[str, bytes]:
        folder = self.folder / self.spliced.main
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    @property
    def digest(self) -> str:
        """By what is in the folder alone."""
        whole = hashlib.sha256()
        for name, data in sorted(self.files.items(), key=lambda item: item[0].encode()):
            whole.update(f"{name} {len(data)}\n".encode() + data)
        return whole.hexdigest()


def material(folder: Path, files: Mapping[str, bytes]) -> Material:
    """A folder of files that are written here, given in the wrong order."""
    listed = []
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        listed.append((name, path))
    return Material("images", folder.name, tuple(sorted(listed, reverse=True)))


def output(
    chain: str = "identity", *, format: str = "", quality: int = 95, codec: str = "h264", on_error: str = "original"
) -> Output:
    steps = check_chain(parse_chain(chain), schemas())
    return Output("out", steps, Encoder(codec, format=format, quality=quality), on_error)


def cut(folder: Path, files: Mapping[str, bytes], chunk_images: int | None = None) -> tuple[Source, list[Chunk]]:
    source, chunks = split(material(folder / "in", files), Cutting(chunk_images))
    return source, list(chunks)


def said(folder: Path, files: dict[str, bytes], format: str = "", codec: str = "h264") -> set[str]:
    """Return the sentences about what is not kept."""
    source, _ = cut(folder, files)
    found = [*source.common_facts.findings, *findings(source, output(format=format, codec=codec))]
    return {each.sentence for each in found if each.fate is not Fate.KEPT}


def hang(
    folder: Path,
    files: Mapping[str, bytes],
    wanted: Output | None = None,
    *,
    chunk_images: int | None = None,
    modes: Sequence[str] = (),
    without: Sequence[int] = (),
    on_frame: Callable[[int], None] | None = None,
) -> Hanging:
    """Split, process (each chunk in its mode), splice (leaving the chunks `without` out)."""
    wanted = wanted or output()
    source, chunks = cut(folder, files, chunk_images)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    results = [
        process(chunk.payload, source.process, wanted, mode=mode, on_frame=on_frame)
        for chunk, mode in zip(chunks, modes or ["filter"] * len(chunks), strict=True)
    ]
    payloads = (b"" if index in without else each.payload for index, each in enumerate(results))
    target = folder / f"to-{len(list(folder.iterdir()))}"
    return Hanging(target, source, splice(Shelf(target), source, wanted, payloads, {}), results)
