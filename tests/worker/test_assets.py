"""Files that tasks name: asked for, checked, kept by their hash, and never missing when a task is computed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moviola.filters.assets import value_of
from moviola.wire.messages import Asset, AssetRequest, Cause, Task
from moviola.wire.schema import Lease
from tests.worker.cluster import task
from tests.worker.script import RESULT, WELCOME, A, B, Script, released
from worker.assets import AssetCache
from worker.events import MIDDLEWARE, Command, Compute, Computed, Lost, Opened, Send, Tick

LOGO, MODEL = b"logo", b"model"


def asking(lease: Lease, content: bytes) -> Send:
    return Send(MIDDLEWARE, AssetRequest(lease, value_of(content)))


def with_files(lease: Lease, *contents: bytes) -> Task:
    return replace(task(lease), assets=[value_of(content) for content in contents])


def computes(commands: list[Command]) -> list[Compute]:
    return [one for one in commands if isinstance(one, Compute)]


def test_a_task_waits_for_its_files_and_another_one_does_not() -> None:
    script = Script().connect()
    first = script.told(with_files(A, LOGO, MODEL), b"a")
    assert asking(A, LOGO) in first
    assert asking(A, MODEL) in first
    assert not computes(first)
    assert computes(script.told(task(B), b"b")) == [Compute(task(B), b"b")]
    assert not computes(script.told(Asset(value_of(LOGO)), LOGO))
    assert not computes(script.told(Asset(value_of(MODEL)), MODEL))
    (compute,) = computes(script.after(Computed(B, RESULT)))
    assert compute.task.lease == A
    assert compute.assets == {value_of(LOGO): LOGO, value_of(MODEL): MODEL}


def test_what_is_here_is_not_asked_for_again() -> None:
    script = Script().connect()
    script.told(with_files(A, LOGO))
    assert computes(script.told(Asset(value_of(LOGO)), LOGO))
    script.after(Computed(A, RESULT))
    (compute,) = computes(script.told(with_files(B, LOGO)))
    assert compute.assets == {value_of(LOGO): LOGO}


def test_the_question_is_put_again_over_another_connection() -> None:
    script = Script().connect()
    script.told(with_files(A, LOGO))
    script.after(Lost(MIDDLEWARE, "torn"))
    script.now += 60
    script.after(Tick())
    assert asking(A, LOGO) in script.after(Opened(MIDDLEWARE, WELCOME))
    assert computes(script.told(Asset(value_of(LOGO)), LOGO))


def test_another_content_than_the_hash_says_fails_the_task_and_is_not_kept() -> None:
    script = Script().connect()
    script.told(with_files(A, LOGO))
    commands = script.told(Asset(value_of(LOGO)), b"another logo")
    cause = Cause(text=f"the file received as {value_of(LOGO)} has another content hash")
    assert released(A, "failed", cause) in commands
    assert asking(B, LOGO) in script.told(with_files(B, LOGO))


def test_what_nobody_asked_for_is_not_kept() -> None:
    script = Script().connect()
    script.told(Asset(value_of(LOGO)), LOGO)
    assert asking(A, LOGO) in script.told(with_files(A, LOGO))


def test_the_cache_keeps_what_is_needed_and_of_the_rest_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.assets.CACHE_SIZE", 10)
    cache = AssetCache()
    contents = [b"%06d" % number for number in range(4)]
    for content in contents:
        assert cache.add(value_of(content), content)
    cache.trim({value_of(contents[0])})
    assert cache.missing(map(value_of, contents)) == [value_of(contents[1]), value_of(contents[2])]
