"""What is asked for: outputs made of filter chains, and the key that names one submission."""

from __future__ import annotations

import getpass
import hashlib
import json
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from filters.chain import Step, parse_chain
from filters.schema import FilterSchema, check_chain, context_frames
from media.errors import UnreadableSource
from media.material import Cutting, Encoder, Material, Output, Source
from wire.limits import MAX_NAME
from wire.messages import VERSIONS, Hello

TAKES: Final[Mapping[str, frozenset[str]]] = {
    "video": frozenset(("picture", "frames")),
    "images": frozenset(("picture",)),
    "table": frozenset(("record",)),
}
"""Which filters, by what they work on, each kind of material takes."""

DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "video": ("blur",),
    "images": ("blur",),
    "table": ("post_2000", "argentina_spain"),
}
"""What is done where nothing is asked for: an output for each of these filters."""

AUTOMATIC: Final = Cutting()

UNITS: Final[Mapping[str, str]] = {"video": "frame", "images": "image", "table": "record"}
"""What is counted of each kind of material."""

_WORDS: Final = {"picture": "pictures", "frames": "the frames of videos", "record": "the records of tables"}
_MATERIALS: Final = {
    "video": "this is a video",
    "images": "these are images, each by itself",
    "table": "these are tables",
}

MAX_OUTPUT_NAME: Final = 60
"""Characters of an output's name: its files' names stay short, whatever the chain."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of every source of a kind: the outputs and how finely the source is cut."""

    outputs: tuple[Output, ...]
    cutting: Cutting = AUTOMATIC


@dataclass(frozen=True, slots=True)
class Submission:
    """One source to be sent under one key. The same key continues an unfinished job, unless a `new` one is wanted.

    `priority` is above that of other jobs where it is higher; `origin` says where the source lies, so that an edited
    one is known again.
    """

    key: str
    source: Source
    order: Order
    priority: int = 0
    new: bool = False
    origin: str = ""


class Wishes:
    """What a person asks for, whatever it is to be done to: each kind of material gets the chains that are for it.

    Raises:
        filters.chain.ChainError, filters.schema.ParameterError: one sentence for the person who wrote a chain.
    """

    def __init__(
        self,
        chains: Sequence[str],
        schemas: Mapping[str, FilterSchema],
        encoder: Encoder | None = None,
        cutting: Cutting | None = None,
        on_error: str = "original",
    ) -> None:
        self._chains = [check_chain(parse_chain(text), schemas) for text in chains]
        self._schemas = schemas
        self._encoder, self._cutting = encoder or Encoder(), cutting or Cutting()
        self._on_error = on_error

    def order(self, material: Material) -> Order:
        """The outputs for such material. Raises UnreadableSource when no chain is for it, which says why."""
        chains = self._chains or [check_chain([Step(name)], self._schemas) for name in DEFAULTS[material.kind]]
        obstacles = [self._obstacle(chain, material.kind) for chain in chains]
        suited = [chain for chain, obstacle in zip(chains, obstacles, strict=True) if not obstacle]
        if not suited:
            way_out = f"ask for others, such as --filters {DEFAULTS[material.kind][0]}"
            raise UnreadableSource(Path(material.name), obstacles[0], way_out)
        named = zip(output_names(suited), suited, strict=True)
        outputs = tuple(Output(name, chain, self._encoder, self._on_error) for name, chain in named)
        context = max(context_frames(chain, self._schemas) for chain in suited)
        return Order(outputs, replace(self._cutting, context_frames=context))

    def idle(self, kinds: Iterable[str]) -> Iterator[str]:
        """A sentence for each chain that is for no material of these kinds."""
        for chain in self._chains if kinds else ():
            obstacles = [self._obstacle(chain, kind) for kind in kinds]
            if all(obstacles):
                yield obstacles[0]

    def _obstacle(self, chain: Sequence[Step], kind: str) -> str:
        """Why a chain cannot be applied to such material, or nothing."""
        for step in chain:
            schema = self._schemas[step.name]
            if schema.material not in TAKES[kind]:
                return f"the filter {step.name} is for {_WORDS[schema.material]}, and {_MATERIALS[kind]}"
            if kind == "images" and schema.context_needed and schema.context_frames(step.parameters):
                return f"the filter {step.name} compares frames that follow each other, and {_MATERIALS[kind]}"
        return ""


def output_names(chains: Iterable[Sequence[Step]]) -> list[str]:
    """A file's stem for each chain, made of its filters: `blur`, `blur-edges`; `blur-2` when there was one already."""
    return unique("-".join(step.name for step in chain)[:MAX_OUTPUT_NAME] for chain in chains)


def unique(names: Iterable[str]) -> list[str]:
    """The names, later equal ones with `-2`, `-3`, … behind, also where a file system knows no capitals."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(candidate.lower())
        result.append(candidate)
    return result


def unit_of(source: Source) -> str:
    """What one of the things is called that are counted of a source: `frame`, `image` or `record`."""
    return UNITS[source.kind]


def submission_key(source: Source, order: Order) -> str:
    """The same for the same bytes and the same wishes, whoever asks, wherever the file lies."""
    canonical: dict[str, Any] = {
        "kind": source.kind,
        "fingerprint": source.fingerprint,
        "outputs": [output.to_wire() for output in order.outputs],
        "chunk_frames": order.cutting.chunk_frames,
        "chunk_records": order.cutting.chunk_records,
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def hello() -> Hello:
    """Who we are: `user@host`, and a session that nobody else has."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "somebody"
    name = f"{user}@{socket.gethostname()}"[:MAX_NAME]
    return Hello(role="client", name=name, session=secrets.token_hex(16), versions=list(VERSIONS))
