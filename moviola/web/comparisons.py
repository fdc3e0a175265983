"""`/api/comparisons`: the same job by several modes, side by side; docs/COMPARE.md tells what is measured."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from sse_starlette import ServerSentEvent
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.processes import core_count
from moviola.base.settings import choice, setting
from moviola.comparison import request as comparison
from moviola.comparison.records import Mode
from moviola.filters import registry
from moviola.filters.schema import FilterSchema
from moviola.media.errors import UnreadableSource
from moviola.session import sources
from moviola.session.job_settings import OutputSettings
from moviola.session.order import OutputRequest
from moviola.session.target import Target
from moviola.web.comparison_runs import Running
from moviola.web.forms import take_form
from moviola.web.gateway import gateway_of, user_of
from moviola.web.jobs import meant_as_over
from moviola.web.orders import fields_of, finder, refuse_idle, settings_from, source_files, without_folder
from moviola.web.problems import Problem
from moviola.web.receiving import SOURCES, Upload
from moviola.web.streams import EventStream
from moviola.wire import options

MAX_ITERATIONS: Final = 20
MAX_WARM_UPS: Final = 2
MAX_WORKERS: Final = 16
"""Of one comparison: a gateway has other things to do."""

LIMIT_S: Final = 1800.0
"""How long one may take."""


@dataclass(frozen=True, slots=True)
class ComparisonSettings(OutputSettings):
    """What a comparison can be told beside its files."""

    mode: tuple[str, ...] = setting(
        (), type=choice(Mode), help="only this mode; several may be said", default_text="all four", repeats="append"
    )
    workers: int | None = setting(
        None,
        type=options.whole(1, MAX_WORKERS, "workers"),
        help="threads, and processes",
        default_text="one a core of the gateway's machine",
    )
    iterations: int = setting(1, type=options.whole(1, MAX_ITERATIONS, "rounds"), help="rounds of each mode that count")
    warm_ups: int = setting(
        1, type=options.whole(0, MAX_WARM_UPS, "rounds"), help="rounds before these, which do not count"
    )


FIELDS: Final = fields_of(ComparisonSettings)
"""What a form can say beside its files."""


async def begin(request: Request) -> Response:
    """Begin a comparison of the files of a form; how far it is can be followed."""
    gateway, user = gateway_of(request), user_of(request)
    await gateway.comparisons.check()
    async with gateway.comparison_receiver.upload(request) as upload:
        settings_from(upload.fields, ComparisonSettings)  # what is wrong with the query is said before the body comes
        try:
            await take_form(request, gateway.comparison_receiver, upload)
        except ClientDisconnect as error:
            raise Problem(HTTPStatus.BAD_REQUEST, "The body ended before its end; nothing of it was kept") from error
        known = (await gateway.mirror_of(user).current()).known_filters()
        target = replace(gateway.target, user=user.name)
        wanted = await to_thread.run_sync(_prepared, upload, target, known, limiter=gateway.cutters)
        sanitized = partial(_without_paths, upload.folder)
        running = await gateway.comparisons.begin(user.name, wanted, upload.folder, sanitized)
        upload.is_kept = True
    return JSONResponse(comparison_json(running), HTTPStatus.ACCEPTED, {"Location": _link(running)})


def _prepared(upload: Upload, target: Target, known: Mapping[str, FilterSchema]) -> comparison.Request:
    """Return what is compared. Raises Problem, ChainError, ParameterError, UnreadableSource, UsageError."""
    settings, said = settings_from(upload.fields, ComparisonSettings)
    modes = comparison.modes_in(settings.mode)
    paths = source_files(upload)
    try:
        material = comparison.one_of(*sources.find(paths))
        schemas = {**known, **registry.schemas()} if set(modes) == {Mode.DISTRIBUTED} else registry.schemas()
        wanted = OutputRequest.of(settings, schemas, finder(upload))
        refuse_idle([material], wanted, said)
        order = wanted.order(material)
    except UnreadableSource as error:
        raise without_folder(error, upload.folder) from error
    workers = min(core_count(), MAX_WORKERS) if settings.workers is None else settings.workers
    return comparison.Request(
        material, order, modes, workers, settings.iterations, settings.warm_ups, target, limit_s=LIMIT_S
    )


def _without_paths(folder: Path, text: str) -> str:
    """Return a sentence without where files lie here."""
    return text.replace(f"{folder / SOURCES}/", "").replace(f"{folder}/", "")


async def list_comparisons(request: Request) -> Response:
    """Return the newest comparisons of this gateway."""
    gateway, user = gateway_of(request), user_of(request)
    found = [comparison_json(each) for each in gateway.comparisons.all() if user.may_see(each.user)]
    return JSONResponse({"comparisons": found})


async def show(request: Request) -> Response:
    """Return what is known of a comparison."""
    return JSONResponse(comparison_json(_asked_for(request)))


async def delete(request: Request) -> Response:
    """Cancel a comparison that goes on, forget one that is over. With `of` it is refused where the comparison has ended
    since whoever asks has looked."""
    running = _asked_for(request)
    if meant_as_over(request, running.is_over) != running.is_over:
        way = "only one that goes on can be cancelled" if running.is_over else "cancel it first"
        detail = f"Comparison {running.id} is {running.told.state}; {way}"
        raise Problem(HTTPStatus.CONFLICT, detail, "wrong-state")
    done = "forgotten" if running.is_over else "cancelled"
    await gateway_of(request).comparisons.cancel(running)
    return JSONResponse({"id": running.id, "done": done})


async def stream(request: Request) -> Response:
    """Tell what is known of a comparison, again whenever it has changed. The stream ends with it."""
    running = _asked_for(request)

    async def written() -> AsyncIterator[ServerSentEvent]:
        while True:
            told = comparison_json(running)
            yield ServerSentEvent(json.dumps(told, ensure_ascii=False), event="comparison")
            if told["is_over"]:
                return
            await running.changed()

    return EventStream(written(), gateway_of(request).listeners, user_of(request))


def _asked_for(request: Request) -> Running:
    """Return the comparison that a request's path names. Raises Problem."""
    gateway, user, name = gateway_of(request), user_of(request), request.path_params["id"]
    running = gateway.comparisons.get(name)
    if running is None or not user.may_see(running.user):
        detail = f"There is no comparison '{name:.80}' of yours; GET /api/comparisons lists yours"
        raise Problem(HTTPStatus.NOT_FOUND, detail, "unknown-comparison")
    return running


def comparison_json(running: Running) -> dict[str, Any]:
    """Return what is told of a comparison."""
    return {
        "id": running.id,
        "user": running.user,
        "began_unix_s": running.began_unix_s,
        "is_over": running.is_over,
        **running.told.to_wire(),
        "links": {"self": _link(running), "events": f"{_link(running)}/events"},
    }


def _link(running: Running) -> str:
    return f"/api/comparisons/{running.id}"


ROUTES: Final = (
    Route("/api/comparisons", begin, methods=["POST"]),
    Route("/api/comparisons", list_comparisons, methods=["GET"]),
    Route("/api/comparisons/{id}", show, methods=["GET"]),
    Route("/api/comparisons/{id}", delete, methods=["DELETE"]),
    Route("/api/comparisons/{id}/events", stream, methods=["GET"]),
)
