"""Defects of what listeners are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from middleware.model.announced import Announced
from middleware.model.journal import Subscription
from middleware.subscriptions import Subscriptions
from moviola.base.vocabulary import EventKind, JobState
from moviola.session.event_feed import EventFeed
from moviola.wire.messages import Subscribe
from tests.simulation.mutants.patches import Patch


def _events_that_were_missed_untold() -> Patch:
    serve = Subscriptions._serve

    def silently(self: Subscriptions, subscription: Subscription, turn: Any) -> None:
        first = self._cluster.journal.first
        if subscription.told + 1 < first:
            subscription.told = first - 1
        serve(self, subscription, turn)

    return Subscriptions, "_serve", silently


def _events_from_now_on_for_who_comes_back() -> Patch:
    def newest(self: Subscriptions, message: Subscribe) -> int:
        return self._cluster.journal.last

    return Subscriptions, "_told_before", newest


def _everybody_waits_for_who_does_not_read() -> Patch:
    publish = Subscriptions.publish

    def patiently(self: Subscriptions, now: float, behind: Any, moved: Any) -> None:
        if not behind:
            publish(self, now, behind, moved)

    return Subscriptions, "publish", patiently


def _events_lost_to_who_does_not_read() -> Patch:
    publish = Subscriptions.publish

    def dropping(self: Subscriptions, now: float, behind: Any, moved: Any) -> None:
        for peer in behind:
            if peer in self._cluster.subscriptions:
                self._cluster.subscriptions[peer].told = self._cluster.journal.last
        publish(self, now, behind, moved)

    return Subscriptions, "publish", dropping


def _snapshot_before_the_events_that_it_contains() -> Patch:
    serve = Subscriptions._serve

    def hastily(self: Subscriptions, subscription: Subscription, turn: Any) -> None:
        if subscription.owes_snapshot:
            subscription.owes_snapshot = False
            self._tell_snapshot(subscription, turn)
        serve(self, subscription, turn)

    return Subscriptions, "_serve", hastily


def _no_snapshot_after_a_gap() -> Patch:
    def nothing(self: Subscriptions, subscription: Subscription, turn: Any) -> None:
        subscription.owes_snapshot = False

    return Subscriptions, "_tell_snapshot", nothing


def _ends_of_jobs_are_no_events() -> Patch:
    change = Announced.change

    def silent(self: Announced, state: JobState, code: str) -> EventKind | None:
        return None if state is JobState.CANCELLED else change(self, state, code)

    return Announced, "change", silent


def _a_listener_that_forgets_its_gap() -> Patch:
    def nothing(self: EventFeed, glances: Any, workers: Any) -> Iterator[Any]:
        return iter(())

    return EventFeed, "_differences", nothing
