"""Filters that workers announced stay known: over their absence, over restarts, and within bounds."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from middleware.events import ForgetFilter, SaveFilter
from middleware.model import catalogue
from middleware.model.catalogue import Catalogue
from moviola.wire.messages import Filters, Hello, Watch, WorkerDetails
from tests.middleware.script import Script

SCHEMAS = st.fixed_dictionaries({"name": st.sampled_from("abcdefgh"), "summary": st.text(max_size=20)})


def told(script: Script, peer: int = 5) -> list[Any]:
    script.client(peer)
    script.tell(peer, Watch(topics=["filters"]))
    (message,) = script.said(peer, Filters)
    return [msgpack.unpackb(schema) for schema in message.schemas]


def test_filters_are_known_after_their_worker_left_and_after_a_restart() -> None:
    script = Script()
    script.worker(11, filters=("blur", "gate"))
    script.leave(11)
    assert told(script) == [{"name": "blur"}, {"name": "gate"}]
    later = script.restarted(2).restarted(3)
    assert told(later) == [{"name": "blur"}, {"name": "gate"}]
    assert later.dispatcher.cluster.catalogue.names == {"blur", "gate"}


def test_of_two_schemas_the_newest_counts_and_the_same_again_writes_nothing() -> None:
    script = Script()
    script.worker(11, filters=("gate",))
    newer = {"name": "gate", "summary": "another"}
    for session in ("a", "b"):
        details = WorkerDetails([newer], ["video"], 1, "f").to_wire()
        script.tell(12, Hello("worker", "w12", session, [1], details=details))
        script.leave(12)
    assert told(script) == told(script.restarted(2)) == [newer]
    assert len([one for one in script.commands if isinstance(one, SaveFilter)]) == 2


def test_what_has_no_name_is_passed_over() -> None:
    script = Script()
    filters: list[dict[str, Any]] = [{}, {"name": 5}, {"name": ""}, {"name": "x" * 300}]
    assert script.dispatcher.cluster.catalogue.announce([*filters, {"name": "good"}]) == [
        SaveFilter("good", msgpack.packb({"name": "good"}))
    ]


@given(st.lists(st.lists(SCHEMAS, max_size=6), max_size=12))
def test_memory_and_ledger_agree_within_their_bounds(announcements: list[list[dict[str, Any]]]) -> None:
    with patch.object(catalogue, "MAX_FILTERS", 4), patch.object(catalogue, "MAX_BYTES", 100):
        known, ledger = Catalogue(), dict[str, bytes]()
        for filters in announcements:
            for command in known.announce(filters):
                if isinstance(command, SaveFilter):
                    ledger[command.name] = command.schema
                elif isinstance(command, ForgetFilter):
                    del ledger[command.name]
            known.validate()
            assert ledger == dict(
                zip((msgpack.unpackb(one)["name"] for one in known.schemas), known.schemas, strict=True)
            )
            newest = {each["name"]: each for each in filters}
            last = list({each["name"]: 0 for each in reversed(filters)})
            assert not last or last[0] in known.names, "the last announced is never the one that is forgotten"
            assert all(msgpack.unpackb(ledger[name]) == newest[name] for name in newest if name in ledger)
        restored = Catalogue()
        restored.restore(ledger.items())
        restored.validate()
        assert restored.names == known.names
