"""Changed files of filters that go wrong in other ways than by their text: what is in use stays as it is."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moviola.base import processes
from moviola.filters.plugin_sources import PluginSources
from tests.waiting import until
from worker import plugins as module
from worker.plugins import MAX_SAID, TRY_AGAIN_S, Plugins

PLUGIN = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Mine(Filter):
    name, summary = "mine", "a filter of one's own"
"""


class Held:
    """Plugins with one file, looked at as a parent looks at them, but without its pauses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = time.monotonic()
        self.plugins = Plugins(PluginSources.read([path]), "mine", self.now)

    def look(self) -> tuple[str, ...]:
        self.now += module.LOOK_S
        return self.plugins.check(self.now)

    def changed(self, text: str) -> tuple[str, ...]:
        """Change the file, and return the filters to offer once it is judged."""
        self.path.write_text(text)
        self.begin()
        trial = self.plugins._trial
        assert trial is not None
        until(lambda: trial.process.poll() is not None, "the trial has ended")
        return self.plugins.check(self.now)

    def begin(self) -> None:
        """Look so often that a change is noticed."""
        for _ in range(2):
            assert self.look() == ()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    one = Held(path)
    yield one
    one.plugins.close()


@pytest.mark.parametrize("words", ["bye", '"abc"'])
def test_what_a_file_prints_at_the_end_is_not_taken_for_its_filters(held: Held, words: str) -> None:
    assert held.changed(f"import atexit\natexit.register(print, {words!r})\n{PLUGIN}") == ("mine",)
    assert (held.plugins.number, held.plugins.build[:8]) == (1, "plugins-")


def test_a_file_that_ends_its_process_before_it_is_loaded_is_refused(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    before = held.plugins.fd
    assert held.changed("import os, sys\nprint('words', file=sys.stderr, flush=True)\nos._exit(0)\n") == ()
    assert "loading them ended with exit status 0; the filters stay as they are" in caplog.text
    assert (held.plugins.fd, held.plugins.number, held.plugins.build) == (before, 0, "")
    assert held.changed(PLUGIN + "\n") == ("mine",)


@pytest.mark.parametrize("answer", [b"", b"bye", b"\xff", b"5", b"null", b'"abc"', b"[1]", b"[]", b'{"a": 1}'])
def test_only_a_list_of_names_is_an_answer(answer: bytes) -> None:
    assert module._filters_in(answer) == ()


def test_no_more_than_the_end_of_a_complaint_is_read(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    assert held.changed(f"raise ValueError('x' * {2 * MAX_SAID})") == ()
    assert f"have changed: {'x' * (MAX_SAID - 1)}; the filters stay" in caplog.text


def failing(call: Callable[..., object], number: int, successes: int) -> Callable[..., object]:
    """Return a function that raises this OSError after it has worked so often."""
    left = iter(range(successes))

    def called(*arguments: object, **options: object) -> object:
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))
        return call(*arguments, **options)

    return called


@pytest.mark.parametrize(
    ("owner", "name", "number", "successes"),
    [(tempfile, "TemporaryFile", errno.ENOSPC, count) for count in (0, 2)] + [(processes, "start", errno.EAGAIN, 0)],
)
def test_files_that_cannot_be_tried_now_are_tried_again(
    held: Held,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: object,
    name: str,
    number: int,
    successes: int,
) -> None:
    held.path.write_text(PLUGIN + "\n")
    descriptors = os.listdir("/dev/fd")
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, failing(getattr(owner, name), number, successes))
        held.begin()
    assert caplog.messages == [
        f"files of --plugins have changed: they cannot be tried ({os.strerror(number)}), and will be again in 30 s; "
        "the filters stay as they are"
    ]
    assert os.listdir("/dev/fd") == descriptors
    assert held.plugins.look_at == held.now + TRY_AGAIN_S
    held.now += TRY_AGAIN_S
    assert held.changed(PLUGIN + "\n") == ("mine",)
