"""Webhooks: what happens in the cluster, sent to receivers over HTTP, each event until it is taken or given up.

Where they are is said by whoever runs the gateway, and by no request: one that could name an address would have the
gateway call addresses for it that only the gateway reaches (server-side request forgery).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from moviola.base.installation import version
from moviola.session.cluster_events import ClusterEvent, ListenerKind
from moviola.web.deliveries import (
    Answered,
    Delivery,
    DeliveryEvent,
    DeliveryQueue,
    GiveUp,
    Happened,
    Post,
    WakeAt,
    Woken,
)
from moviola.web.feed import Feed
from moviola.web.hooks import Hooks
from moviola.web.metrics import Metrics, WebhookOutcome
from moviola.web.signing import headers_of
from moviola.wire.errors import Unreachable

log = logging.getLogger("web")

TRY_S: Final = 15.0
"""How long a receiver may take over an answer, as is usual for webhooks: it should take note, and work later."""


@asynccontextmanager
async def webhooks(hooks: Hooks, feed_of: Callable[[], Feed], metrics: Metrics) -> AsyncIterator[None]:
    """Tell the webhooks what happens as long as the block lasts.

    Args:
        feed_of: returns what happens; not called where there is no webhook.
        metrics: counts what becomes of deliveries.
    """
    if not hooks.urls:
        yield
        return
    for noisy in ("httpx", "httpcore"):  # which log whole addresses; a part of one may be a secret
        logging.getLogger(noisy).setLevel(logging.WARNING)
    async with httpx.AsyncClient(timeout=TRY_S, follow_redirects=False) as client:
        receivers = [_Hook(number, url, hooks.key, client, metrics) for number, url in enumerate(hooks.urls, 1)]
        listening = asyncio.create_task(_listen(feed_of(), hooks.kinds, receivers))
        try:
            yield
        finally:
            listening.cancel()
            ended = await asyncio.gather(listening, *(hook.close() for hook in receivers), return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    log.error("webhooks ended before the gateway", exc_info=error)


async def _listen(feed: Feed, kinds: frozenset[str], hooks: Sequence[_Hook]) -> None:
    """Give each event that webhooks are to be told of to all of them."""

    def wants(event: ClusterEvent) -> bool:
        return event.kind in kinds

    while True:
        try:
            await feed.current()  # what happened before the gateway began is told to nobody
            break
        except Unreachable as error:
            log.warning("webhooks wait for the cluster: %s", error)
    listener = feed.listen(wants, after=None)
    while True:
        told = await listener.next()
        event = told.event
        if event.kind == ListenerKind.MISSED:
            log.warning("webhooks: %s", event.text)
        if event.kind in kinds:
            delivery = Delivery(str(event.id or uuid.uuid4()), told.data.encode())
            for hook in hooks:
                hook.tell(delivery)


class _Hook:
    """One receiver of events.

    Args:
        number: its place among the webhooks, from 1.
    """

    def __init__(self, number: int, url: str, key: bytes, client: httpx.AsyncClient, metrics: Metrics) -> None:
        self._url, self._key, self._client, self._metrics = url, key, client, metrics
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._name = f"webhook {number} ({parts.scheme}://{host})"  # the rest of it may be a secret
        self._queue = DeliveryQueue()
        self._posting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refusals = 0  # since it took something

    def tell(self, delivery: Delivery) -> None:
        """Deliver an event after all earlier ones have been delivered or given up."""
        self._handle(Happened(delivery))

    async def close(self) -> None:
        """Try nothing more, and say what is lost by that."""
        if self._timer is not None:
            self._timer.cancel()
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.wait([self._posting])
        if self._queue:
            count = len(self._queue)
            what = "1 event is" if count == 1 else f"{count} events are"
            log.warning("%s: %s not delivered, for the gateway ends", self._name, what)

    def _handle(self, event: DeliveryEvent) -> None:
        loop = asyncio.get_running_loop()
        for command in self._queue.handle(event, loop.time()):
            match command:
                case Post(delivery):
                    self._posting = asyncio.create_task(self._post(delivery))
                case WakeAt(at):
                    if self._timer is not None:
                        self._timer.cancel()
                    self._timer = loop.call_at(at, self._handle, Woken())
                case GiveUp(delivery, reason):
                    log.error("%s: event %s is given up: %s", self._name, delivery.id, reason)
                    self._metrics.delivered(WebhookOutcome.GIVEN_UP)

    async def _post(self, delivery: Delivery) -> None:
        refusal = await self._refusal(delivery)
        self._metrics.delivered(WebhookOutcome.REFUSED if refusal else WebhookOutcome.TAKEN)
        if refusal and not self._refusals:
            log.warning("%s does not take event %s, and is tried again: %s", self._name, delivery.id, refusal)
        elif self._refusals and not refusal:
            log.info("%s takes events again", self._name)
        self._refusals = self._refusals + 1 if refusal else 0
        self._handle(Answered(refusal))

    async def _refusal(self, delivery: Delivery) -> str:
        """Send a delivery; return why it was not taken, or "" if it was. Only the status of the answer is read."""
        headers = {
            **headers_of(self._key, delivery.id, int(time.time()), delivery.body),  # noqa: TID251 - the time of day
            "content-type": "application/json",
            "user-agent": f"moviola/{version()}",
        }
        try:
            async with (
                asyncio.timeout(TRY_S),
                self._client.stream("POST", self._url, content=delivery.body, headers=headers) as answer,
            ):
                status = answer.status_code
        except TimeoutError:
            return f"no answer within {TRY_S:.0f} s"
        except Exception as error:  # whatever a library raises: the event is not lost by it, nor what waits behind it
            return f"{type(error).__name__}: {error}"
        return "" if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else f"it answers {status}"
