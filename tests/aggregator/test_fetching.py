"""The assembler by scripts: finished files are fetched, by those whose they are."""

from __future__ import annotations

import pytest

from aggregator.events import (
    MIDDLEWARE,
    Close,
    Left,
    SendFilePart,
    Spliced,
    Unsent,
)
from aggregator.peers import MAX_CONNECTIONS_OF_USER
from moviola.base.finished_file import FinishedFile
from moviola.wire.limits import MAX_PART
from moviola.wire.messages import (
    Error,
    Fetch,
    Finished,
    Hello,
    Limits,
    Own,
    Welcome,
)
from tests.aggregator.script import (
    CLEAN,
    CLIENT,
    FILES,
    KEY,
    OUTPUTS,
    SOURCE,
    Script,
    said,
)

# ── whose files they are ─────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_for_the_jobs_user_and_for_admins() -> None:
    script = Script()
    script.hear(MIDDLEWARE, Own("j", "clip.mp4", 1, SOURCE, OUTPUTS, KEY, "ann"))
    for user, code in (("bob", "not-yours"), ("", "not-yours"), ("ann", "not-found")):
        script.hear(30, Hello("client", "c", "s", [3], user=user))
        [answer] = said(script.hear(30, Fetch("j", "a.mp4", 0, 1)), 30)
        assert isinstance(answer, Error)
        assert (answer.code, answer.fatal) == (code, False)
        script.feed(Left(30, "gone"))
    script.feed(Left(MIDDLEWARE, "gone"))
    script.tick(1)
    script.hear(MIDDLEWARE, Welcome(1, 2, Limits(admins=["root"])))
    script.hear(30, Hello("client", "c", "s", [3], user="root"))
    [answer] = said(script.hear(30, Fetch("j", "a.mp4", 0, 1)), 30)
    assert isinstance(answer, Error)
    assert answer.code == "not-found"


def test_a_user_has_so_many_connections_and_the_one_that_asked_for_nothing_for_longest_goes() -> None:
    script = Script()
    for peer in range(100, 100 + MAX_CONNECTIONS_OF_USER):
        assert not [one for one in script.hear(peer, Hello("client", "c", "s", [3], user="ann")) if type(one) is Close]
    script.hear(100, Fetch("j", "a.mp4", 0, 1))
    close, *_ = script.hear(99, Hello("client", "c", "s", [3], user="ann"))
    assert isinstance(close, Close)
    assert (close.peer, close.code) == (101, "idle")
    assert said(script.hear(98, Hello("client", "c", "s", [3], user="bob")), 98)
    script.feed(Left(100, "gone"))
    assert said(script.hear(97, Hello("client", "c", "s", [3], user="ann")), 97)


# ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def finished() -> Script:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(Spliced("j", [CLEAN], FILES))
    return script


@pytest.mark.parametrize(
    ("offset", "length", "served"),
    [
        (0, 100, 100),
        (0, 2**40, MAX_PART),
        (19_999_990, MAX_PART, MAX_PART),
    ],
)
def test_parts_of_finished_files_are_served(offset: int, length: int, served: int) -> None:
    commands = finished().hear(CLIENT, Fetch("j", "blur.mp4", offset, length))
    assert commands == [SendFilePart(CLIENT, "j", "blur.mp4", offset, served, 20_000_000)]


@pytest.mark.parametrize(
    ("job", "file", "offset"),
    [("j", "blur/a.jpg", 0), ("j", "../ledger.sqlite", 0), ("j", ".blur.mp4.part", 0), ("k", "blur.mp4", 0)],
)
def test_nothing_else_is_served(job: str, file: str, offset: int) -> None:
    [answer] = said(finished().hear(CLIENT, Fetch(job, file, offset, 10)), CLIENT)
    assert isinstance(answer, Error)
    assert (answer.code, answer.fatal, answer.job) == ("not-found", False, job)


def test_files_of_a_folder_are_served_when_the_folder_was_told() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    script.feed(Spliced("j", [CLEAN], [FinishedFile("blur.files.jsonl", 10, "0" * 32, "blur")]))
    commands = script.hear(CLIENT, Fetch("j", "blur/deep/a.jpg", 0, 10))
    assert commands == [SendFilePart(CLIENT, "j", "blur/deep/a.jpg", 0, 10)]
    [answer] = said(script.hear(CLIENT, Fetch("j", "edges/a.jpg", 0, 10)), CLIENT)
    assert isinstance(answer, Error)


def test_an_unfinished_job_has_no_files() -> None:
    script = Script()
    script.collected()
    script.finish(2, 1)
    [answer] = said(script.hear(CLIENT, Fetch("j", "blur.mp4", 0, 10)), CLIENT)
    assert isinstance(answer, Error)


def test_what_cannot_be_told_of_a_job_ends_that_job_and_no_connection() -> None:
    script = Script()
    [answer] = said(script.own(), MIDDLEWARE)
    [told] = said(script.feed(Unsent(MIDDLEWARE, answer, "Holdings would have 5000000 bytes")), MIDDLEWARE)
    assert isinstance(told, Finished)
    assert (told.job, told.state, "5000000" in told.text) == ("j", "failed", True)
    assert script.brain.is_joined
