"""What is asked for: outputs made of filter chains, and the key that names one submission."""

from __future__ import annotations

import getpass
import hashlib
import json
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from filters.chain import Step, parse_chain
from filters.schema import FilterSchema, check_chain, context_frames
from media.material import Encoder, Output, Source
from wire.limits import MAX_NAME
from wire.messages import VERSIONS, Hello

MAX_OUTPUT_NAME: Final = 60
"""Characters of an output's name: its files' names stay short, whatever the chain."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of every source: the outputs and how finely the source is cut.

    `context_frames` is how many earlier frames the most demanding output needs; `chunk_frames` None means automatic.
    """

    outputs: tuple[Output, ...]
    chunk_frames: int | None = None
    context_frames: int = 0


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


def read_order(
    chains: Sequence[str],
    schemas: Mapping[str, FilterSchema],
    encoder: Encoder,
    chunk_frames: int | None = None,
    on_error: str = "original",
) -> Order:
    """An output for each chain, all parameters checked.

    Raises:
        filters.chain.ChainError, filters.schema.ParameterError: one sentence for the person who wrote the chain.
    """
    checked = [check_chain(parse_chain(text), schemas) for text in chains]
    named = zip(output_names(checked), checked, strict=True)
    outputs = tuple(Output(name, chain, encoder, on_error) for name, chain in named)
    return Order(outputs, chunk_frames, max(context_frames(chain, schemas) for chain in checked))


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


def submission_key(source: Source, order: Order) -> str:
    """The same for the same bytes and the same wishes, whoever asks, wherever the file lies."""
    canonical: dict[str, Any] = {
        "kind": source.kind,
        "fingerprint": source.fingerprint,
        "outputs": [output.to_wire() for output in order.outputs],
        "chunk_frames": order.chunk_frames,
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
