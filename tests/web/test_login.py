"""Logging in with a browser: a token becomes a cookie, which pages of other sites cannot use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moviola.session.target import Target
from moviola.web.access import OnlyUser
from moviola.web.app import TABLES, make_app
from moviola.web.failed_tries import TRIES
from moviola.web.gateway import Gateway, user_of
from moviola.web.login import MAX_BODY
from moviola.web.sessions import Sessions
from moviola.web.token_access import TokenAccess
from moviola.web.users import Role, add_user, remove_user
from moviola.wire.addresses import Address

from .asking import ask

pytestmark = pytest.mark.usefixtures("cheap_scrypt")

HERE = {"Sec-Fetch-Site": "same-origin"}
ELSEWHERE = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://other.example"}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.json"


@pytest.fixture
def token(path: Path) -> str:
    return add_user(path, "anna", Role.USER, 0)


def app(path: Path) -> Starlette:
    """A gateway with users, and one more path, which tells who asks."""

    async def here(request: Request) -> Response:
        return Response(user_of(request).name)

    gateway = Gateway(Target(Address("127.0.0.1", 1)), TokenAccess(path, sessions=Sessions(b"of the cluster")))
    return make_app(gateway, (*TABLES, [Route("/here", here, methods=["GET", "POST"])]))


@asynccontextmanager
async def browser(app: Starlette, scheme: str = "http") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://gateway.example") as client:
        yield client


def test_who_logs_in_needs_no_token_any_more_until_they_log_out(path: Path, token: str) -> None:
    async def story() -> None:
        async with browser(app(path)) as client:
            before = (await client.get("/api/session")).json()
            assert before == {"user": "", "is_admin": False, "needs_login": True}
            answer = await client.post("/api/session", json={"token": f" {token}\n"}, headers=HERE)
            assert answer.json() == {"user": "anna", "is_admin": False, "needs_login": True}
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert "path=/;" in cookie
            assert "secure" not in cookie
            assert token not in cookie
            assert (await client.get("/here")).text == "anna"
            assert (await client.post("/here", headers=HERE)).text == "anna"
            assert (await client.get("/api/session")).json()["user"] == "anna"
            assert (await client.delete("/api/session", headers=HERE)).json()["user"] == ""
            assert (await client.get("/here")).status_code == 401

    asyncio.run(story())


def test_the_cookie_holds_at_another_gateway_and_ends_with_the_token(path: Path, token: str) -> None:
    async def story() -> None:
        async with browser(app(path)) as client, browser(app(path)) as other:
            await client.post("/api/session", json={"token": token}, headers=HERE)
            other.cookies = client.cookies
            assert (await other.get("/here")).text == "anna"
            remove_user(path, "anna")
            refused = await other.get("/here")
            assert (refused.status_code, refused.json()["code"]) == (401, "session-over")
            assert (await other.get("/api/session")).json()["user"] == ""

    asyncio.run(story())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_behind_https_the_cookie_goes_nowhere_else(path: Path, token: str, scheme: str) -> None:
    """Also where a proxy has the TLS, and the gateway itself is asked by http."""

    async def story() -> None:
        async with browser(app(path), scheme) as client:
            headers = {"Origin": "https://gateway.example", **HERE}
            answer = await client.post("/api/session", json={"token": token}, headers=headers)
            assert "; secure" in answer.headers["set-cookie"].lower()

    asyncio.run(story())


@pytest.mark.parametrize("headers", [*ELSEWHERE, {}, {"Origin": "null"}, {"Origin": "http://["}])
def test_no_page_of_another_site_changes_anything_with_somebodys_cookie(
    path: Path, token: str, headers: dict[str, str]
) -> None:
    async def story() -> None:
        async with browser(app(path)) as client:
            await client.post("/api/session", json={"token": token}, headers=HERE)
            refused = await client.post("/here", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "other-site")
            own = await client.post("/here", headers={"Origin": "http://gateway.example"})
            assert own.text == "anna"
            with_token = await client.post("/here", headers={**headers, "Authorization": f"Bearer {token}"})
            assert with_token.text == "anna"

    asyncio.run(story())


@pytest.mark.parametrize("headers", ELSEWHERE)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_no_page_of_another_site_logs_anybody_in_or_out(
    path: Path, token: str, method: str, headers: dict[str, str]
) -> None:
    refused = ask(app(path), "/api/session", method, json={"token": token}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "other-site")


def test_wrong_tokens_are_limited_like_those_of_programs(path: Path, token: str) -> None:
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    gateway = app(path)
    statuses = [ask(gateway, "/api/session", "POST", json={"token": wrong}).status_code for _ in range(TRIES + 1)]
    assert statuses == [401] * TRIES + [429]
    assert ask(gateway, "/here", headers={"Authorization": f"Bearer {wrong}"}).status_code == 429


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"token": 5}', 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"token": "nonsense"}', 401),
        (json.dumps({"token": "\ud800"}).encode(), 401),
        (b" " * (MAX_BODY + 1), 413),
    ],
)
def test_what_is_no_login_is_refused(path: Path, token: str, content: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert ask(app(path), "/api/session", "POST", content=content, headers=headers).status_code == status


def test_a_form_is_no_login(path: Path, token: str) -> None:
    assert ask(app(path), "/api/session", "POST", data={"token": token}).status_code == 415


def test_a_gateway_without_users_asks_for_no_login() -> None:
    gateway = make_app(Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada")))
    assert ask(gateway, "/api/session").json() == {"user": "ada", "is_admin": True, "needs_login": False}
    refused = ask(gateway, "/api/session", "POST", json={"token": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no-login")
    assert ask(gateway, "/api/session", headers={"Host": "other.example"}).status_code == 403
