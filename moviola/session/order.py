"""What is asked for: outputs made of filter chains, and the key that names one submission."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from moviola.base.texts import MAX_NAME
from moviola.base.vocabulary import OnError
from moviola.filters.chain import ChainError, Step, parse_chain
from moviola.filters.schema import MATERIALS, FilterSchema, check_chain, context_frames, hides
from moviola.media.errors import UnreadableSource
from moviola.media.kind import Kind
from moviola.media.kinds import KINDS
from moviola.media.material import NO_VIDEO, Cutting, Encoder, Material, Output, Source
from moviola.session.assets import AssetFile, Assets
from moviola.session.chains import MAX_OUTPUT_NAME, read_chain
from moviola.session.job_settings import OutputSettings
from moviola.wire.limits import MAX_DESCRIPTION
from moviola.wire.messages import packed_size

AUTOMATIC: Final = Cutting()

PICTURELESS: Final = frozenset(("metadata",))
"""Filters that change no picture: an output of one of them alone has no video, only what it noted."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of every source of a kind: the outputs, how finely the source is cut, and the files that the
    outputs' filters name."""

    outputs: tuple[Output, ...]
    cutting: Cutting = AUTOMATIC
    assets: tuple[AssetFile, ...] = ()

    @property
    def on_error(self) -> str:
        """Return the outputs' `on_error` where it is the same for all. Where they differ, return BLACK if one of them
        says so, otherwise ORIGINAL; each output still follows its own."""
        asked = {output.on_error for output in self.outputs}
        if len(asked) == 1:
            return asked.pop()
        return OnError.BLACK if OnError.BLACK in asked else OnError.ORIGINAL


@dataclass(frozen=True, slots=True)
class Submission:
    """One source to be sent under one key. The same key continues an unfinished job, unless a `new` one is wanted.

    `priority` is above that of other jobs where it is higher; `origin` says where the source lies, so that an edited
    one is known again. A `is_preview` is for whoever sends it alone, and goes when its connection ends.
    """

    key: str
    source: Source
    order: Order
    priority: int = 0
    new: bool = False
    origin: str = ""
    is_preview: bool = False


class OutputRequest:
    """What a person asks for, whatever it is to be done to: each kind of material gets the chains that are for it.

    `chains` are texts, `CHAIN` or `NAME=CHAIN`. Without `on_error` the filters of each chain decide. `find_asset`
    returns where a file is that a chain names. With `manifest` each output gets one beside it.

    Raises:
        moviola.filters.chain.ChainError, moviola.filters.schema.ParameterError: one sentence for the person who wrote a
        chain.
    """

    def __init__(
        self,
        chains: Sequence[str],
        schemas: Mapping[str, FilterSchema],
        encoder: Encoder | None = None,
        cutting: Cutting | None = None,
        on_error: str = "",
        find_asset: Callable[[str], Path] = Path,
        *,
        manifest: bool = True,
    ) -> None:
        named = [read_chain(text) for text in chains]
        _refuse_equal_names([name for name, _ in named if name])
        self._assets = Assets(schemas, find_asset)
        self._chains = [(name, check_chain(self._assets.taken_from(steps), schemas)) for name, steps in named]
        self._assets.of(chain for _, chain in self._chains)
        self._schemas = schemas
        self._encoder, self._cutting = encoder or Encoder(), cutting or Cutting()
        self._on_error, self._manifest = on_error, manifest

    @classmethod
    def of(
        cls, settings: OutputSettings, schemas: Mapping[str, FilterSchema], find_asset: Callable[[str], Path] = Path
    ) -> Self:
        """Return what settings ask for. Raise as the class does."""
        return cls(
            settings.filters,
            schemas,
            settings.encoder,
            settings.cutting,
            settings.on_error,
            find_asset,
            manifest=not settings.no_manifest,
        )

    def order(self, material: Material) -> Order:
        """The outputs for such material. Raises UnreadableSource when no chain is for it, which says why."""
        kind = KINDS[material.kind]
        if self._on_error == OnError.BLACK and not _has_pictures(kind):
            raise UnreadableSource(
                Path(material.name), f"{kind.phrase}: nothing of it can be black", "choose another --on-error"
            )
        chains = self._chains or [("", check_chain(parse_chain(text), self._schemas)) for text in kind.default_chains]
        obstacles = [self._obstacle(chain, kind) for _, chain in chains]
        suited = [named for named, obstacle in zip(chains, obstacles, strict=True) if not obstacle]
        if not suited:
            hint = f"ask for others, such as --filters {kind.default_chains[0]}"
            raise UnreadableSource(Path(material.name), obstacles[0], hint)
        outputs = tuple(
            Output(name, chain, self._encoder_of(chain, kind), self._on_error_of(chain, kind), self._manifest)
            for name, (_, chain) in zip(output_names(suited), suited, strict=True)
        )
        context = max(context_frames(chain, self._schemas) for _, chain in suited)
        has_video = any(output.encoder.codec != NO_VIDEO for output in outputs)
        cutting = replace(self._cutting, context_frames=context, passthrough=has_video)
        return Order(outputs, cutting, self._assets.of(chain for _, chain in suited))

    def _encoder_of(self, chain: Sequence[Step], kind: Kind) -> Encoder:
        """Return the encoder of an output. It has the codec NO_VIDEO if that was asked for or the chain changes no
        picture; kinds that have no such option get the default codec instead."""
        changes_nothing = all(step.name in PICTURELESS for step in chain)
        if "no_video" in kind.options and (changes_nothing or self._encoder.codec == NO_VIDEO):
            return Encoder(NO_VIDEO)
        return replace(self._encoder, codec=Encoder().codec) if self._encoder.codec == NO_VIDEO else self._encoder

    def _on_error_of(self, chain: Sequence[Step], kind: Kind) -> str:
        """Return the `on_error` that was asked for. By default it is ORIGINAL, but if a filter of the chain hides
        something, it is what shows nothing: BLACK for pictures, DROP for other material."""
        if self._on_error or not hides(chain, self._schemas):
            return self._on_error or OnError.ORIGINAL
        return OnError.BLACK if _has_pictures(kind) else OnError.DROP

    def idle(self, kinds: Iterable[str]) -> Iterator[str]:
        """A sentence for each chain that is for no material of these kinds."""
        for _, chain in self._chains if kinds else ():
            obstacles = [self._obstacle(chain, KINDS[kind]) for kind in kinds]
            if all(obstacles):
                yield obstacles[0]

    def _obstacle(self, chain: Sequence[Step], kind: Kind) -> str:
        """Why a chain cannot be applied to such material, or nothing."""
        for step in chain:
            schema = self._schemas[step.name]
            if schema.material not in kind.takes:
                return f"the filter {step.name} is for {MATERIALS[schema.material]}, and {kind.phrase}"
            if not kind.is_sequence and schema.context_needed and schema.context_frames(step.parameters):
                return f"the filter {step.name} compares frames that follow each other, and {kind.phrase}"
        return ""


def _has_pictures(kind: Kind) -> bool:
    return "picture" in kind.takes


def _refuse_equal_names(names: Sequence[str]) -> None:
    if twice := [name for index, name in enumerate(names) if name.lower() in map(str.lower, names[:index])]:
        raise ChainError(f'two outputs are called "{twice[0]}"; files are told apart by other letters than capitals')


def output_names(chains: Iterable[tuple[str, Sequence[Step]]]) -> list[str]:
    """Return the stem of an output's files for each (name, chain): the name; without one the names of its filters, such
    as `blur` or `blur-edges`, and `blur-2` where that is taken."""
    chains = list(chains)
    made = unique(
        ("-".join(step.name for step in chain)[:MAX_OUTPUT_NAME] for name, chain in chains if not name),
        [name for name, _ in chains if name],
    )
    rest = iter(made)
    return [name or next(rest) for name, _ in chains]


def unique(names: Iterable[str], taken: Iterable[str] = (), *, are_files: bool = False) -> list[str]:
    """Return the names, each made unique: one that is `taken`, or equals an earlier one, gets `-2`, `-3`, … at its end,
    or before its suffix with `are_files`. Capitals do not count, as some file systems ignore them."""
    used = {name.lower() for name in taken}
    result = []
    for name in names:
        candidate, number = name, 1
        stem, suffix = (Path(name).stem, Path(name).suffix) if are_files else (name, "")
        while candidate.lower() in used:
            number += 1
            candidate = f"{stem}-{number}{suffix}"
        used.add(candidate.lower())
        result.append(candidate)
    return result


def submission_key(source: Source, order: Order) -> str:
    """Return the key of a submission. It is the same for the same source content, outputs and chunk sizes, whoever
    submits it and wherever the file lies."""
    canonical: dict[str, Any] = {
        "kind": source.kind,
        "fingerprint": source.fingerprint,
        "outputs": [output.to_wire() for output in order.outputs],
        "chunk_frames": order.cutting.chunk_frames,
        "chunk_records": order.cutting.chunk_records,
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def check_size(material: Material, submission: Submission) -> None:
    """Raise UnreadableSource for a submission that a middleware would refuse for its size, before anything is sent."""
    source, outputs = submission.source.to_wire(), [output.to_wire() for output in submission.order.outputs]
    size = packed_size([source, outputs])
    if size > MAX_DESCRIPTION:
        parts = f"its streams and metadata take {packed_size(source)}, the outputs {packed_size(outputs)}"
        reason = f"its description has {size} bytes, and {MAX_DESCRIPTION} are the most: {parts}"
        hint = "ask for fewer outputs, or take metadata and streams that are not needed out of the file"
        raise UnreadableSource(material.path, reason, hint)
    if len(source["name"]) > MAX_NAME:
        reason = f"its name has {len(source['name'])} characters, and {MAX_NAME} are the most"
        raise UnreadableSource(material.path, reason, "give it a shorter one")
