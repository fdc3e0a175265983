"""`POST /api/previews`: what a chain makes of a few pictures or records, before a job is sent.

A preview is a job of an excerpt, of the highest priority among its user's jobs. The cluster tells nobody else of it,
and ends and forgets it with the connection that asked: when its results are here, or whoever asked has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Final, TypeVar

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.session.target import Target, as_sentence
from moviola.web.excerpts import excerpt_of, results_of
from moviola.web.forms import take_form
from moviola.web.gateway import gateway_of, user_of
from moviola.web.problems import Problem
from moviola.web.sending import Sending

LIMIT_S: Final = 30.0
"""How long a preview may take. Whoever looks at one waits a second or two; a worker that is at a long task of another
job ends that first."""

T = TypeVar("T")


async def post_preview(request: Request) -> Response:
    """Return what a chain makes of the first, the middle and the last picture of a source, or of a table's first
    records.

    A video may come as it is (or its beginning: what is cut off is not shown), or, with `of=video`, as pictures of its
    frames; with `before=N` each of them follows N earlier ones, for filters that compare frames. Pictures of a video
    are as the filters make them, without the loss of the job's encoder. A preview is in no list, and no event tells of
    it.
    """
    gateway, user = gateway_of(request), user_of(request)
    with gateway.previews.place(user.name):
        async with gateway.previews.receiver.upload(request) as upload:
            try:
                await take_form(request, gateway.previews.receiver, upload)
            except ClientDisconnect as error:
                raise _gone() from error
            known = (await gateway.mirror_of(user).current()).known_filters()
            excerpt = await to_thread.run_sync(excerpt_of, upload, known, limiter=gateway.cutters)
            target = Target(gateway.target.address, gateway.target.family, gateway.target.secret, user.name)
            work = Sending(target, excerpt.request, gateway.memory).go(gateway.cutters, LIMIT_S)
            run = await _while_wanted(request, work)
            folder = upload.folder / "results"
            told = await to_thread.run_sync(results_of, excerpt, run.outcome(), folder, limiter=gateway.writers)
    return JSONResponse({**told, "remarks": [as_sentence(remark) for remark in told["remarks"]]})


async def _while_wanted(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what some work comes to. It is given up when whoever asked has gone; Problem follows."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _gone()
        return working.result()
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _gone() -> Problem:
    """Return the problem of a preview that nobody waits for any more; nobody reads it but a log."""
    return Problem(HTTPStatus.BAD_REQUEST, "Nobody waits for this preview any more; nothing of it was kept")


ROUTES: Final = (Route("/api/previews", post_preview, methods=["POST"]),)
