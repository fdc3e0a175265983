"""What a middleware can be told."""

from __future__ import annotations

import pytest

from middleware.__main__ import parse


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
    assert f"argument {flag}: " in error
    assert f"not '{value}'" in error or f"'{value}' is not" in error


def test_numbers_that_can_be() -> None:
    told = parse(["--credit", "3", "--max-lost", "1", "--worker-timeout", "2.5", "--stall-timeout", "1"])
    assert (told.credit, told.max_lost, told.worker_timeout, told.stall_timeout) == (3, 1, 2.5, 1.0)
    assert parse([]).upload_timeout == 600
