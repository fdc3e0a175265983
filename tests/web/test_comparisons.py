"""`DELETE` of a comparison: what it is for, and what that leaves alone. tests/end_to_end/test_compare.py makes some."""

from __future__ import annotations

import pytest

from moviola.comparison.records import Comparison, State
from moviola.session.target import Target
from moviola.web.access import OnlyUser
from moviola.web.app import make_app
from moviola.web.comparison_runs import Running
from moviola.web.gateway import Gateway
from moviola.wire.addresses import Address

from .asking import ask


@pytest.mark.parametrize(
    ("state", "query", "status", "said"),
    [
        (State.DONE, "", 200, "forgotten"),
        (State.DONE, "?of=over", 200, "forgotten"),
        (State.DONE, "?of=open", 409, "wrong-state"),
        (State.RUNNING, "", 200, "cancelled"),
        (State.RUNNING, "?of=open", 200, "cancelled"),
        (State.RUNNING, "?of=over", 409, "wrong-state"),
        (State.DONE, "?of=both", 400, "bad-parameter"),
    ],
)
def test_one_that_has_ended_meanwhile_is_not_forgotten(state: State, query: str, status: int, said: str) -> None:
    gateway = Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada"))
    told = Comparison("clip.mp4", "video", "", ["blur"], state=state, iterations=1, warm_ups=0, cores=2)
    gateway.comparisons._kept["c"] = Running("c", "ada", 0.0, told)
    answer = ask(make_app(gateway), f"/api/comparisons/c{query}", "DELETE")
    assert answer.status_code == status, answer.text
    assert said in (answer.json().get("done"), answer.json().get("code"))
    assert (gateway.comparisons.get("c") is None) == (said == "forgotten")
