"""`/api/events` and `/api/jobs/ID/events`: what happens, as it happens, by server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from moviola.base.suggestions import did_you_mean
from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ClusterEvent, EventId
from moviola.web.access import User
from moviola.web.feed import Feed, Listener, Told
from moviola.web.gateway import gateway_of, user_of
from moviola.web.jobs import job_of
from moviola.web.places import Places
from moviola.web.problems import Problem
from moviola.web.records import job_json
from moviola.wire.errors import WireError
from moviola.wire.messages import Job

SEND_TIMEOUT_S: Final = 20.0
"""How long a listener may read nothing while something waits to be written: then it is cut off. It may come back with
the id of the last event that it has."""

RETRY_AFTER_S: Final = 10
"""What is told to whoever finds all places taken."""

PING_S: Final = 15
"""How often a stream without events says that it lives."""


async def stream_all(request: Request) -> Response:
    """Tell what happens in the cluster, that whoever asks may know of; with `kinds`, of these kinds only."""
    gateway, user = gateway_of(request), user_of(request)
    refuse_too_many(gateway.listeners, user)
    after, kinds = _after(request), _kinds(request)
    feed = gateway.mirrors.feed_of(gateway.cluster_user(user))
    await feed.current()

    def wants(event: ClusterEvent) -> bool:
        return (not kinds or event.kind in kinds) and _may_know(user, event)

    async def written() -> AsyncIterator[ServerSentEvent]:
        with _listening(feed, wants, after) as listener:
            while True:
                yield _as_sse(await listener.next())

    return EventStream(written(), gateway.listeners, user)


async def stream_job(request: Request) -> Response:
    """Tell what happens to one job: first its record, unless it is known up to an event. The stream ends with it."""
    gateway, asking, job = await job_of(request)
    user, after = user_of(request), _after(request)
    refuse_too_many(gateway.listeners, user)
    feed = gateway.mirrors.feed_of(asking)
    await feed.current()
    if after is not None and feed.has_ended(job.job, after):
        return Response(status_code=HTTPStatus.NO_CONTENT)  # a browser that calls again and again stops

    def wants(event: ClusterEvent) -> bool:
        return event.job == job.job and _may_know(user, event)

    async def written() -> AsyncIterator[ServerSentEvent]:
        with _listening(feed, wants, after) as listener:
            place = feed.place
            try:
                record = await gateway.caller.job_details(asking, job.job)  # newer than what the listener was not told
            except (WireError, TimeoutError):
                return  # the middleware has just gone: whoever listens comes back
            if after is None:
                yield _record(record, place)
            while listener.has_news or not feed.is_over(job.job):
                told = await listener.next()
                yield _as_sse(told)
                if told.event.ends_job or told.event.kind == EventKind.JOB_FORGOTTEN:
                    return
            if after is not None:
                yield _record(record, feed.place)

    return EventStream(written(), gateway.listeners, user)


@contextmanager
def _listening(feed: Feed, wants: Callable[[ClusterEvent], bool], after: EventId | None) -> Iterator[Listener]:
    """Give the block a listener."""
    listener = feed.listen(wants, after)
    try:
        yield listener
    finally:
        feed.leave(listener)


def refuse_too_many(listeners: Places, user: User) -> None:
    """Raise Problem where so many streams are open that there is no place for another one of a user."""
    if not listeners.has_one_for(user.name):
        are_open = f"{listeners.taken} streams of events are open, {listeners.of(user.name)} of them yours"
        detail = f"{are_open}, the most allowed at a time; end one, or try again later"
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, "too-many-listeners", {"Retry-After": str(RETRY_AFTER_S)})


def _may_know(user: User, event: ClusterEvent) -> bool:
    return not event.job or user.may_see(event.user)


def _record(job: Job, place: EventId | None) -> ServerSentEvent:
    """Return a job's record as an event. Its id is `place`, so that a listener that comes back with it is told what
    happened after that."""
    data = json.dumps(job_json(job), ensure_ascii=False)
    return ServerSentEvent(data, event="job", id=None if place is None else str(place))


def _as_sse(told: Told) -> ServerSentEvent:
    event = told.event
    return ServerSentEvent(told.data, event=str(event.kind), id=None if event.id is None else str(event.id))


class EventStream(EventSourceResponse):
    """An answer that is a stream of events. It has a place from when it is made until it ends, so that nobody is let in
    between the look for a place and the first event.

    Args:
        written: the events.
        listeners: the places.
        user: whose place it takes.

    Raises:
        Problem: there is none.
    """

    def __init__(self, written: AsyncIterator[ServerSentEvent], listeners: Places, user: User) -> None:
        refuse_too_many(listeners, user)
        super().__init__(written, ping=PING_S, send_timeout=SEND_TIMEOUT_S, sep="\n")
        listeners.take(user.name)
        self._leave = partial(listeners.give_back, user.name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


def _after(request: Request) -> EventId | None:
    """Return the last event that a listener has, as the header Last-Event-ID, or the query, says. Raises Problem."""
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    try:
        return EventId.parse(text) if text else None
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error), "bad-parameter") from error


def _kinds(request: Request) -> frozenset[str]:
    kinds = [kind for text in request.query_params.getlist("kinds") for kind in text.split(",") if kind]
    for kind in kinds:
        if kind not in set(EventKind):
            meant = did_you_mean(kind, [*EventKind]) or f"; there are {', '.join(EventKind)}"
            raise Problem(HTTPStatus.BAD_REQUEST, f"No kind of event is called '{kind:.40}'{meant}", "bad-parameter")
    return frozenset(kinds)


ROUTES: Final = (
    Route("/api/events", stream_all, methods=["GET"]),
    Route("/api/jobs/{id}/events", stream_job, methods=["GET"]),
)
