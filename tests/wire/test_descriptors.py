from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from moviola.wire import descriptors


def test_the_soft_limit_is_raised_as_far_as_the_hard_one_goes() -> None:
    script = """
import resource
from moviola.wire import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
assert descriptors.raise_limit() == 128
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (128, 128)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((256, resource.RLIM_INFINITY), (descriptors.WANTED, resource.RLIM_INFINITY)),  # macOS
        ((1024, 1 << 20), (descriptors.WANTED, 1 << 20)),
        ((1 << 20, 1 << 20), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_no_more_is_asked_for_than_is_needed(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: tuple[int, int] | None
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: before)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    descriptors.raise_limit()
    assert asked == ([after] if after else [])


def test_a_system_that_says_no_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert descriptors.raise_limit() == 256


@pytest.mark.parametrize(
    ("soft", "connections"),
    [(resource.RLIM_INFINITY, 4096), (10_240, 4096), (1024, 704), (256, 128)],
)
def test_connections_leave_some_for_files(monkeypatch: pytest.MonkeyPatch, soft: int, connections: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert descriptors.for_connections() == connections
