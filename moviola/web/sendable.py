"""`/api/kinds`: what can be sent, and what can be asked for with it, for pages that let people choose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.settings import Setting, default_of
from moviola.media.kind import Kind
from moviola.media.kinds import KINDS
from moviola.session.presets import PRESETS
from moviola.web.excerpts import MAX_BEFORE, MAX_FILES
from moviola.web.gateway import gateway_of, user_of
from moviola.web.orders import FIELDS

APART: Final = ("filters",)
"""Fields of an upload that are no options: they say what is done."""

_BOUNDS: Final = re.compile(r"([0-9]+) to ([0-9]+)")


@record
class KindTold(Mapped):
    """A kind of material.

    Attributes:
        name: `video`, `images`, `table`.
        plural: what people call several of its materials.
        unit: one of what is counted.
        suffixes: of its files, in small letters, with the dot.
        grouping: `each` file is a job, or all of them `together`.
        takes: which filters are for it, by their `material`.
        is_sequence: its pictures follow each other in time, so that filters can look back.
    """

    name: str
    plural: str
    unit: str
    suffixes: list[str]
    grouping: str
    takes: list[str]
    is_sequence: bool


@record
class OptionTold(Mapped):
    """A field of an upload, beside `filters`.

    Attributes:
        name: the field's.
        help: a few words for people.
        choices: what it may be; empty where that is no list.
        is_switch: it is `on` or `off`.
        minimum: of a whole number; nil of anything else.
        maximum: of a whole number; nil of anything else.
        default: what it is where it is not said.
        kinds: of material that it is for.
    """

    name: str
    help: str
    choices: list[str]
    is_switch: bool
    minimum: int | None
    maximum: int | None
    default: str
    kinds: list[str]


@record
class PresetTold(Mapped):
    """Some fields together, for what many people do.

    Attributes:
        name: the preset's.
        help: what it does, and what it is good for.
        filters: the chains.
        options: what else it says, by field.
    """

    name: str
    help: str
    filters: list[str]
    options: dict[str, str]


@record
class SendableTold(Mapped):
    """What can be sent, and what can be asked for with it.

    Attributes:
        kinds: of material.
        options: fields of an upload.
        presets: that are built in.
        upload_limit (bytes): the most that one upload may have.
        preview_limit (bytes): the most that a preview may bring.
        preview_files: the most pictures that a preview may bring.
        preview_before (frames): the most earlier frames in front of a picture of a video.
    """

    kinds: list[KindTold]
    options: list[OptionTold]
    presets: list[PresetTold]
    upload_limit: int
    preview_limit: int
    preview_files: int
    preview_before: int


async def sendable(request: Request) -> Response:
    """Return which files can be sent, the options that an upload can have, and presets of them."""
    user_of(request)
    gateway = gateway_of(request)
    told = SendableTold(
        kinds=[_kind(kind) for kind in KINDS.values()],
        options=[_option(one) for name, one in FIELDS.items() if name not in APART],
        presets=[_preset(name, values) for name, values in PRESETS.items()],
        upload_limit=gateway.upload_limit,
        preview_limit=gateway.previews.receiver.limit,
        preview_files=MAX_FILES,
        preview_before=MAX_BEFORE,
    )
    return JSONResponse(told.to_wire())


def _kind(kind: Kind) -> KindTold:
    return KindTold(
        name=kind.name,
        plural=kind.plural,
        unit=kind.unit,
        suffixes=sorted(kind.suffixes),
        grouping="each" if kind.grouping == "each" else "together",
        takes=sorted(kind.takes),
        is_sequence=kind.is_sequence,
    )


def _option(one: Setting) -> OptionTold:
    bounds = _BOUNDS.fullmatch(one.type.bounds)
    takers = [kind.name for kind in KINDS.values() if one.name in kind.options]
    return OptionTold(
        name=one.name,
        help=one.help,
        choices=list(one.type.choices),
        is_switch=one.is_switch,
        minimum=int(bounds[1]) if bounds else None,
        maximum=int(bounds[2]) if bounds else None,
        default="off" if one.is_switch else default_of(one),
        kinds=takers or list(KINDS),
    )


def _preset(name: str, values: Mapping[str, Any]) -> PresetTold:
    options = {key.replace("-", "_"): _text(value) for key, value in values.items() if key not in ("help", "filters")}
    return PresetTold(name, str(values["help"]), [str(chain) for chain in values["filters"]], options)


def _text(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


ROUTES: Final = (Route("/api/kinds", sendable, methods=["GET"]),)
"""What the page asks before it lets anybody choose."""
