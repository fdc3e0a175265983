"""Clients, workers and aggregators have places of their own; who wants nothing gives his up."""

from __future__ import annotations

from middleware.events import Close
from middleware.model.rules import Rules
from moviola.wire.limits import IDLE_CLIENT_S
from moviola.wire.messages import Hello, Subscribe, Watch, WorkerDetails
from tests.middleware.script import Script

RULES = Rules(max_clients=3, max_workers=2)


def closed(script: Script) -> dict[int, str]:
    return {command.peer: command.code for command in script.commands if isinstance(command, Close)}


def test_a_client_takes_the_place_of_the_one_that_was_silent_the_longest() -> None:
    script = Script(rules=RULES)
    script.aggregator(9)
    for peer in (1, 2, 3):
        script.client(peer)
        script.tick(1)
    script.tell(1, script.submission())
    script.tell(2, Watch(topics=["jobs"]))
    script.client(4)
    assert closed(script) == {3: "idle"}
    script.client(5)
    assert closed(script) == {3: "idle", 4: "idle"}
    script.tell(5, script.submission(key="another"))
    script.client(6)  # nobody is idle: who only looks on goes
    assert closed(script) == {3: "idle", 4: "idle", 2: "idle"}
    script.tell(6, script.submission(key="a third"))
    script.client(7)
    assert closed(script)[7] == "busy"
    assert set(script.dispatcher.cluster.clients) == {1, 5, 6}
    script.worker(11)
    script.worker(12)
    assert 11 not in closed(script)
    assert closed(script)[12] == "busy"
    details = WorkerDetails([{"name": "blur"}], ["video"], 1, "build").to_wire()
    script.tell(13, Hello("worker", "w11", "another", [3], details=details))  # it comes again
    assert closed(script).get(13) != "busy"


def test_a_client_that_wants_nothing_is_sent_away_after_a_while_and_no_other() -> None:
    script = Script()
    script.aggregator(9)
    for peer in (1, 2, 3):
        script.client(peer)
    script.tell(1, script.submission())
    script.tell(2, Subscribe())
    script.tick(IDLE_CLIENT_S - 1)
    assert not closed(script)
    deadline = script.dispatcher.next_deadline()
    assert deadline is not None
    assert deadline <= script.now + 1
    script.tick(2)
    assert closed(script) == {3: "idle"}
    script.tick(10 * IDLE_CLIENT_S)
    assert closed(script) == {3: "idle"}
