"""The finished files of a job without a cluster: what becomes of an answer whose file stops coming, and listings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from moviola.base.finished_file import FinishedFile
from moviola.media.errors import MediaError
from moviola.session.target import Target
from moviola.web import fetched, files
from moviola.web.access import OnlyUser
from moviola.web.app import make_app
from moviola.web.fetched import listed
from moviola.web.gateway import Gateway
from moviola.web.pieces import Pieces
from moviola.web.problems import Problem, away
from moviola.wire.addresses import Address
from moviola.wire.asyncio_links import ReceiveMemory
from moviola.wire.errors import Unreachable
from moviola.wire.messages import Job

FILE = FinishedFile("blur.mp4", 10, "abc")
JOB = Job("j", "clip.mp4", "done", files=[FILE])
TARGET = Target(Address("127.0.0.1", 1))


@pytest.mark.parametrize("gone", [away("The aggregator is away"), Problem(410, "It has the file no longer")])
def test_a_file_that_stops_coming_is_cut_off_without_a_traceback(
    gone: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    async def broken(*_: Any) -> AsyncGenerator[bytes, None]:
        try:
            yield b"01234"
            raise gone
        finally:
            ended.append(True)

    async def job_of(request: Request) -> tuple[Gateway, str, Job]:
        return request.app.state.gateway, "ada", JOB

    monkeypatch.setattr(files, "parts", broken)
    monkeypatch.setattr(files, "job_of", job_of)
    told = asyncio.run(answered(make_app(Gateway(TARGET, OnlyUser("ada"))), "/api/jobs/j/files/blur.mp4"))
    assert told == (200, b"01234", False)
    assert ended


@pytest.mark.parametrize("why", [MediaError("none of this version"), Unreachable("nobody"), TimeoutError()])
def test_whatever_ends_an_answer_that_has_begun_cuts_it_off(why: Exception) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"1"
        raise why

    assert asyncio.run(answered(Pieces("a file", b"0", broken(), 200, {}, "video/mp4"))) == (200, b"01", False)


def test_an_answer_that_comes_to_its_end_is_whole() -> None:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield b"1"

    assert asyncio.run(answered(Pieces("a file", b"0", whole(), 200, {}, "video/mp4"))) == (200, b"01", True)


async def answered(app: Any, path: str = "/") -> tuple[int, bytes, bool]:
    """The status, the bytes of the body, and whether its end was sent."""
    sent: list[Any] = []
    stays = asyncio.Event()

    async def receive() -> Any:
        await stays.wait()

    async def send(message: Any) -> None:
        sent.append(message)

    url = httpx.URL(f"http://localhost{path}")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": url.path, "raw_path": url.raw_path, "query_string": url.query, "root_path": "",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    async with asyncio.timeout(10):
        await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], body, not sent[-1].get("more_body", False)


def test_a_line_of_a_listing_that_cannot_be_read_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = FinishedFile("blur/1.png", 3, "abc")
    lines = [b"[" * 100_000, b"no json", b"7", json.dumps(wanted.to_wire()).encode()]

    async def told(*_: Any) -> AsyncGenerator[bytes, None]:
        yield b"\n".join(lines)

    monkeypatch.setattr(fetched, "parts", told)
    found = asyncio.run(listed(TARGET, JOB, FILE, "blur/1.png", ReceiveMemory()))
    assert found == wanted
