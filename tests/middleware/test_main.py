"""What a middleware can be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from middleware.__main__ import parse
from middleware.model.rules import Rules
from moviola.wire.options import system_user


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--credit", "0"),
        ("--max-lost", "0"),
        ("--worker-timeout", "nan"),
        ("--stall-timeout", "-1"),
        ("--upload-timeout", "-5"),
        ("--spool-limit", "0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(flag: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([flag, value])
    error = capsys.readouterr().err
    assert f"Argument {flag}: " in error
    assert f"not '{value}'" in error or f"'{value}' is not" in error


def test_numbers_that_can_be() -> None:
    told = parse(["--credit", "3", "--max-lost", "1", "--worker-timeout", "2.5", "--stall-timeout", "1"])
    assert (told.credit, told.max_lost, told.worker_timeout, told.stall_timeout) == (3, 1, 2.5, 1.0)
    rules = told.rules
    assert (rules.credit, rules.max_losses, rules.worker_timeout_s, rules.stall_timeout_s) == (3, 1, 2.5, 1.0)


def test_the_defaults_are_those_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BIND", "PORT", "STATE"):
        monkeypatch.delenv(f"MOVIOLA_{name}", raising=False)
    told, rules = parse([]), Rules()
    assert (told.bind, told.port, told.state, told.spool_limit) == ("localhost", 5000, Path("state"), 8 * 2**30)
    made = told.rules
    places = (made.max_clients, made.max_workers)  # as many as this process may have descriptors
    assert made == replace(rules, admins=(system_user(),), max_clients=places[0], max_workers=places[1])
    assert parse(["--admin", "ana", "--admin", "bo"]).rules.admins == ("ana", "bo")
