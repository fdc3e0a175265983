"""The application without a socket: what is there, and how it says no."""

from __future__ import annotations

import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moviola.base.vocabulary import ErrorCode
from moviola.filters.chain import ChainError
from moviola.media.errors import UnreadableSource
from moviola.session.known_filters import NobodyToAsk
from moviola.session.target import Target, UsageError
from moviola.web.access import OnlyUser, User
from moviola.web.app import TABLES, make_app
from moviola.web.gateway import Gateway, user_of
from moviola.web.problems import MEDIA_TYPE, Problem
from moviola.wire.addresses import Address
from moviola.wire.errors import Refused, Unreachable

from .asking import ask


def app(error: Exception | None = None) -> Starlette:
    """An application with one more route, `/here`, which raises `error`, or else tells who asks."""

    async def here(request: Request) -> Response:
        if error is not None:
            raise error
        return Response(user_of(request).name)

    gateway = Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada"))
    return make_app(gateway, (*TABLES, [Route("/here", here)]))


def test_it_lives() -> None:
    assert ask(app(), "/api/health").json()["live"] is True


def test_whoever_asks_is_the_only_user() -> None:
    assert ask(app(), "/here").text == "ada"


@pytest.mark.parametrize(
    ("user", "owner", "may"),
    [(User("ada"), "ada", True), (User("ada"), "bob", False), (User("root", is_admin=True), "bob", True)],
)
def test_users_see_their_own_jobs_and_admins_all(user: User, owner: str, may: bool) -> None:
    assert user.may_see(owner) is may


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Problem(418, "no coffee", "teapot"), 418, "teapot"),
        (Refused(ErrorCode.BAD_JOB, "no"), 422, "bad-job"),
        (Refused(ErrorCode.UNKNOWN_JOB, "no"), 404, "unknown-job"),
        (Refused(ErrorCode.NOT_YOURS, "no"), 403, "not-yours"),
        (Refused(ErrorCode.BUSY, "no"), 503, "busy"),
        (Refused(ErrorCode.VERSION, "no"), 502, "version"),
        (Unreachable("nobody"), 503, "cluster-away"),
        (NobodyToAsk("nobody"), 503, "cluster-away"),
        (TimeoutError("late"), 504, "gateway-timeout"),
        (ChainError("no such filter"), 422, "bad-filters"),
        (UnreadableSource("a.txt", "no video", "send one"), 415, "unreadable-source"),
        (UsageError("both"), 400, "bad-request"),
        (RuntimeError("a bug, in /home/ada"), 500, "internal-server-error"),
    ],
)
def test_every_error_is_a_problem_document(error: Exception, status: int, code: str) -> None:
    answer = ask(app(error), "/here")
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["detail"].endswith(".")
    assert "/home" not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/api/health", 405)])
def test_what_is_not_there_is_a_problem_too(method: str, path: str, status: int) -> None:
    answer = ask(app(), path, method)
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert answer.json()["status"] == status


@pytest.mark.parametrize("digits", [1, 19, 4301, 60_000])
def test_a_chunk_of_any_number_of_digits_is_a_problem_too(digits: int) -> None:
    answer = ask(app(), f"/api/jobs/x/tasks/{'9' * digits}", headers={"Host": "example.org"})
    assert (answer.status_code, answer.headers["content-type"]) == (403 if digits < 19 else 404, MEDIA_TYPE)


def test_a_gateway_starts_without_what_only_some_requests_need() -> None:
    """NumPy and OpenCV take some 30 MB, of the 150 within which a gateway takes uploads of any size."""
    look = "import sys, moviola.web.server; print({'numpy', 'cv2'} & sys.modules.keys() or 'none of them')"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "none of them\n"
