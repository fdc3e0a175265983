"""Who may ask a gateway that needs no token: this machine's programs and pages, and no page of another site."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import HTTPConnection

from moviola.session.target import UsageError
from moviola.web.access import OnlyUser, User
from moviola.web.problems import Problem
from moviola.web.server import access_of
from moviola.web.settings import WebSettings


def asked(method: str = "POST", **headers: str) -> HTTPConnection:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "method": method, "headers": named})


@pytest.mark.parametrize(
    "connection",
    [
        asked(),
        asked(host="localhost:8080"),
        asked(host="127.0.0.1:8080"),
        asked(host="[::1]:8080"),
        asked(host="localhost:8080", origin="http://localhost:8080", sec_fetch_site="same-origin"),
        asked("GET", host="localhost:8080", sec_fetch_site="cross-site"),
    ],
)
def test_this_machine_needs_nothing(connection: HTTPConnection) -> None:
    assert asyncio.run(OnlyUser("anna").identify(connection)) == User("anna", is_admin=True)


@pytest.mark.parametrize(
    ("connection", "code"),
    [
        (asked(host="example.org"), "other-host"),
        (asked("GET", host="example.org:8080"), "other-host"),
        (asked(host="[::1"), "other-host"),
        (asked(host="localhost:8080", origin="https://example.org"), "other-site"),
        (asked(host="localhost:8080", origin="null"), "other-site"),
        (asked(host="localhost:8080", origin="http://localhost:9000"), "other-site"),
        (asked("DELETE", host="localhost:8080", sec_fetch_site="cross-site"), "other-site"),
    ],
)
def test_a_page_of_another_site_may_not(connection: HTTPConnection, code: str) -> None:
    with pytest.raises(Problem) as refused:
        asyncio.run(OnlyUser("anna").identify(connection))
    assert (refused.value.status, refused.value.code) == (403, code)


@pytest.mark.parametrize("address", ["0.0.0.0", "*", "::", "192.0.2.1"])
def test_beyond_this_machine_a_gateway_needs_users(address: str) -> None:
    with pytest.raises(UsageError, match=r"name those who may with --users FILE .*, or leave out --bind"):
        access_of(WebSettings(bind=address))


def test_a_user_sees_their_own_jobs_and_an_admin_all() -> None:
    assert User("anna").may_see("anna")
    assert not User("anna").may_see("berta")
    assert User("boss", is_admin=True).may_see("berta")
