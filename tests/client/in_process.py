"""A command as a person types it, run in the process of the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pytest

Typed = Callable[..., tuple[int, str, str]]
"""Takes arguments of a command; returns its exit status, and what it has printed to stdout and stderr."""


def run_typed(
    main: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str], arguments: Sequence[str]
) -> tuple[int, str, str]:
    """Return the exit status of a command, and what it has printed to stdout and stderr."""
    try:
        status = main(arguments)
    except SystemExit as left:
        status = int(left.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def on_a_plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take our variables away, and have 80 columns."""
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
