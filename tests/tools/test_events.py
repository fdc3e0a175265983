"""The page on events tells what the code has."""

from __future__ import annotations

from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ListenerKind
from moviola.session.event_kinds import MEANINGS
from tools import events


def test_the_tables_are_fresh() -> None:
    text = events.PAGE.read_text()
    assert events.page(text) == text, "run python -m tools.events"


def test_every_kind_has_a_meaning() -> None:
    assert set(MEANINGS) == {*EventKind, *ListenerKind}
    assert "| `worker-excluded` | a worker failed" in events.kinds()
