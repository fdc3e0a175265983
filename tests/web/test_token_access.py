"""Who asks is told by a token; each refusal has its status, and the file counts as it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from moviola.web import token_access
from moviola.web.access import User
from moviola.web.failed_tries import TRIES, TRY_EVERY_S
from moviola.web.problems import Problem
from moviola.web.token_access import TokenAccess
from moviola.web.tokens import TokenHash
from moviola.web.users import Role, UsersFileError, add_user, remove_user

pytestmark = pytest.mark.usefixtures("cheap_scrypt")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.json"


@pytest.fixture
def scrypts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the tokens that were verified by scrypt."""
    done: list[str] = []
    matches = TokenHash.matches

    def counted(self: TokenHash, secret: str) -> bool:
        done.append(self.id)
        return matches(self, secret)

    monkeypatch.setattr(TokenHash, "matches", counted)
    return done


def asked(authorization: str | None = None, host: str = "10.0.0.1") -> HTTPConnection:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    return HTTPConnection({"type": "http", "headers": headers, "client": (host, 5)})


def refusal(access: TokenAccess, connection: HTTPConnection) -> Problem:
    with pytest.raises(Problem) as refused:
        asyncio.run(access.identify(connection))
    return refused.value


def test_a_token_tells_whose_a_request_is(path: Path) -> None:
    anna, boss = add_user(path, "anna", Role.USER, 0), add_user(path, "boss", Role.ADMIN, 0)
    access = TokenAccess(path)
    assert asyncio.run(access.identify(asked(f"Bearer {anna}"))) == User("anna")
    assert asyncio.run(access.identify(asked(f"bearer  {boss}"))) == User("boss", is_admin=True)


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer"])
def test_without_a_token_it_is_said_how_to_give_one(header: str | None, path: Path) -> None:
    add_user(path, "anna", Role.USER, 0)
    problem = refusal(TokenAccess(path), asked(header))
    assert problem.status == 401
    assert problem.headers["WWW-Authenticate"].startswith('Bearer realm="moviola"')


def test_a_wrong_token_is_refused_and_costs_one_scrypt_only_where_its_id_is_known(
    path: Path, scrypts: list[str]
) -> None:
    token = add_user(path, "anna", Role.USER, 0)
    access = TokenAccess(path)
    wrong = token[:-3] + ("abc" if not token.endswith("abc") else "abd")
    for given in (wrong, "mv_" + "0" * 16 + token[19:], "rubbish", "é" * 3):
        problem = refusal(access, asked(f"Bearer {given}"))
        assert (problem.status, problem.code) == (401, "wrong-token")
        assert 'error="invalid_token"' in problem.headers["WWW-Authenticate"]
    assert len(scrypts) == 1


def test_a_token_is_verified_once_and_then_known(path: Path, scrypts: list[str]) -> None:
    token = add_user(path, "anna", Role.USER, 0)
    access = TokenAccess(path)

    async def ask_often() -> None:
        for _ in range(100):
            await access.identify(asked(f"Bearer {token}"))

    asyncio.run(ask_often())
    assert len(scrypts) == 1


def test_no_more_tokens_are_known_than_the_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_access, "MAX_VERIFIED", 2)
    tokens = [add_user(path, f"user {number}", Role.USER, 0) for number in range(4)]
    access = TokenAccess(path)
    for token in tokens:
        asyncio.run(access.identify(asked(f"Bearer {token}")))
    assert len(access._verified) == 2


def test_after_many_wrong_tokens_an_address_must_wait_but_not_with_a_token_that_is_known(path: Path) -> None:
    token, now = add_user(path, "anna", Role.USER, 0), [0.0]
    access = TokenAccess(path, lambda: now[0])
    asyncio.run(access.identify(asked(f"Bearer {token}")))
    wrong = asked("Bearer mv_" + "0" * 16 + "_" + "a" * 43)
    assert [refusal(access, wrong).status for _ in range(TRIES)] == [401] * TRIES
    problem = refusal(access, wrong)
    assert (problem.status, problem.headers["Retry-After"]) == (429, str(int(TRY_EVERY_S)))
    assert asyncio.run(access.identify(asked(f"Bearer {token}"))) == User("anna")
    assert refusal(access, asked("Bearer mv_" + "0" * 16 + "_" + "a" * 43, host="10.0.0.2")).status == 401
    now[0] += TRY_EVERY_S
    assert refusal(access, wrong).status == 401


def test_tokens_that_wait_to_be_verified_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_access, "MAX_VERIFYING", 0)
    token = add_user(path, "anna", Role.USER, 0)
    problem = refusal(TokenAccess(path), asked(f"Bearer {token}"))
    assert (problem.status, problem.headers["Retry-After"]) == (503, "1")


def test_a_change_of_the_file_counts_from_the_next_request_on(path: Path) -> None:
    anna = add_user(path, "anna", Role.USER, 0)
    access = TokenAccess(path)

    async def story() -> list[Any]:
        first = await access.identify(asked(f"Bearer {anna}"))
        berta = add_user(path, "berta", Role.USER, 0)
        second = await access.identify(asked(f"Bearer {berta}"))
        remove_user(path, "anna")
        with pytest.raises(Problem) as refused:
            await access.identify(asked(f"Bearer {anna}"))
        return [first, second, int(refused.value.status)]

    assert asyncio.run(story()) == [User("anna"), User("berta"), 401]


@pytest.mark.parametrize(
    "break_it", [Path.unlink, lambda path: path.write_text("rubbish"), lambda path: path.chmod(0o644)]
)
def test_while_the_file_cannot_be_read_nobody_may_in(break_it: Callable[[Path], object], path: Path) -> None:
    token = add_user(path, "anna", Role.USER, 0)
    kept = path.read_bytes()
    access = TokenAccess(path)
    asyncio.run(access.identify(asked(f"Bearer {token}")))
    break_it(path)
    problem = refusal(access, asked(f"Bearer {token}"))
    assert problem.status == 503
    assert str(path.parent) not in problem.detail
    path.write_bytes(kept)
    path.chmod(0o600)
    assert asyncio.run(access.identify(asked(f"Bearer {token}"))) == User("anna")


def test_a_gateway_does_not_start_with_a_file_that_cannot_be_read(path: Path) -> None:
    with pytest.raises(UsersFileError, match="there is no users file"):
        TokenAccess(path)
