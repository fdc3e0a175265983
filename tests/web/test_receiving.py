"""Uploads that a gateway does not take for want of places, of time or of room: each with its status, and nothing stays.

Without a cluster: they are refused before one is asked.
"""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from anyio import CapacityLimiter
from starlette.applications import Starlette

from moviola.session.target import Target
from moviola.web import gateway, receiving
from moviola.web.access import OnlyUser
from moviola.web.app import make_app
from moviola.web.gateway import Gateway
from moviola.web.problems import Problem
from moviola.web.receiving import PREFIX, Receiver
from moviola.wire.addresses import Address

from .asking import ByName

LIMIT: Final = 1000
HEAD: Final = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'


class Way(NamedTuple):
    """A way to upload: a request, and what its body has before and behind the file."""

    method: str
    path: str
    head: bytes
    end: bytes
    headers: dict[str, str]


PLAIN: Final = Way("PUT", "/api/jobs/a.mp4", b"", b"", {})
FORM: Final = Way("POST", "/api/jobs", HEAD, b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"})

both_ways = pytest.mark.parametrize("way", [PLAIN, FORM], ids=["plain", "form"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """One upload is taken at a time."""
    monkeypatch.setattr(receiving, "MAX_UPLOADS", 1)


@pytest.fixture
def app() -> Starlette:
    return make_app(Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada"), LIMIT))


def left(folder: Path) -> list[Path]:
    """What uploads have left."""
    return list(folder.glob(f"{PREFIX}*/*"))


async def send(app: Starlette, way: Way, body: AsyncIterator[bytes], user: str = "ada") -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {**way.headers, "User": user}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(way.method, way.path, content=body, headers=headers)


async def pieces(way: Way, *more: bytes) -> AsyncIterator[bytes]:
    for piece in (way.head, *more, way.end):
        yield piece


@both_ways
def test_one_upload_more_than_there_are_places_is_asked_to_come_again(
    way: Way, one_place: None, app: Starlette, folder: Path
) -> None:
    async def story() -> tuple[httpx.Response, ...]:
        has_begun, goes_on = asyncio.Event(), asyncio.Event()

        async def held() -> AsyncIterator[bytes]:
            yield way.head + b"0"
            has_begun.set()
            await goes_on.wait()
            yield bytes(LIMIT) + way.end

        first = asyncio.create_task(send(app, way, held()))
        await has_begun.wait()
        refused = await send(app, way, pieces(way, b"0"))
        goes_on.set()
        return refused, await first, await send(app, way, pieces(way, bytes(LIMIT + 1)))

    refused, first, later = asyncio.run(story())
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-uploads")
    assert int(refused.headers["retry-after"]) > 0
    assert (first.status_code, later.status_code) == (413, 413), "its place is free again"
    assert not left(folder)


@both_ways
def test_a_user_who_has_all_places_that_one_may_have_leaves_others_theirs(
    way: Way, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MAX_UPLOADS_EACH", 2)
    app = make_app(Gateway(Target(Address("127.0.0.1", 1)), ByName(), LIMIT))

    async def story() -> tuple[httpx.Response, ...]:
        goes_on = asyncio.Event()
        begun = [asyncio.Event(), asyncio.Event()]

        async def held(has_begun: asyncio.Event) -> AsyncIterator[bytes]:
            yield way.head + b"0"
            has_begun.set()
            await goes_on.wait()
            yield bytes(LIMIT) + way.end

        first = [asyncio.create_task(send(app, way, held(each))) for each in begun]
        for each in begun:
            await each.wait()
        refused = await send(app, way, pieces(way, b"0"))
        other = await send(app, way, pieces(way, bytes(LIMIT + 1)), "bob")
        goes_on.set()
        return refused, other, *(await asyncio.gather(*first))

    refused, other, *first = asyncio.run(story())
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-uploads")
    assert "2 of them yours" in refused.json()["detail"]
    assert [answer.status_code for answer in (other, *first)] == [413] * 3, "all of them were received"
    assert not left(folder)


@both_ways
def test_a_body_that_stands_still_loses_its_place(
    way: Way, app: Starlette, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "SILENCE_S", 0.05)

    async def still() -> AsyncIterator[bytes]:
        yield way.head + b"0"
        await asyncio.Event().wait()

    answer = asyncio.run(send(app, way, still()))
    assert (answer.status_code, answer.json()["code"]) == (408, "request-timeout")
    assert answer.json()["detail"].startswith("Nothing came of the body for ")
    assert not left(folder)


@both_ways
def test_a_body_for_which_the_disk_has_no_room_is_refused(
    way: Way, app: Starlette, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MIN_FREE_SIZE", 2**62)
    answer = asyncio.run(send(app, way, pieces(way, b"hello")))
    assert (answer.status_code, answer.json()["code"]) == (507, "insufficient-storage")
    assert answer.json()["detail"] == "The gateway's disk has no room for more of a.mp4; try again later, or send less."
    assert not left(folder)


def test_a_disk_that_is_full_after_all_is_said() -> None:
    class Full(BytesIO):
        def write(self, block: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def write() -> None:
        await Receiver(LIMIT, CapacityLimiter(1)).write(Full(), b"0")

    with pytest.raises(Problem, match=r"cannot keep the upload.*No space left on device") as refused:
        asyncio.run(write())
    assert refused.value.status == 507
