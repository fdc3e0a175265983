"""The value of a session's cookie: at which gateways it holds, and when it ends."""

from __future__ import annotations

import pytest

from moviola.web.sessions import SESSION_S, Sessions
from moviola.web.tokens import new_token
from moviola.web.users import Account, Role, Users

pytestmark = pytest.mark.usefixtures("cheap_scrypt")

SECRET = b"of the cluster"


@pytest.fixture
def anna() -> Account:
    return Account("anna", Role.USER, new_token()[1])


def test_a_session_holds_at_every_gateway_of_the_cluster_also_after_a_restart(anna: Account) -> None:
    value = Sessions(SECRET).begin(anna)
    assert Sessions(SECRET).account_of(value, Users.of([anna])) == anna
    assert Sessions(b"of another cluster").account_of(value, Users.of([anna])) is None


def test_without_a_secret_it_holds_at_its_own_gateway_alone(anna: Account) -> None:
    own = Sessions()
    value = own.begin(anna)
    assert own.account_of(value, Users.of([anna])) == anna
    assert Sessions().account_of(value, Users.of([anna])) is None


def test_gateways_of_several_clusters_at_one_host_use_different_cookies() -> None:
    assert Sessions(SECRET).cookie == Sessions(SECRET).cookie != Sessions(b"of another cluster").cookie


def test_it_ends_with_its_time(anna: Account) -> None:
    now = [1000.0]
    sessions = Sessions(SECRET, lambda: now[0])
    value = sessions.begin(anna)
    now[0] += SESSION_S - 1
    assert sessions.account_of(value, Users.of([anna])) == anna
    now[0] += 1
    assert sessions.account_of(value, Users.of([anna])) is None


def test_it_ends_with_the_token(anna: Account) -> None:
    sessions = Sessions(SECRET)
    value = sessions.begin(anna)
    another = Account("anna", Role.USER, new_token()[1])
    same_id = Account("anna", Role.USER, new_token()[1])
    same_id = Account("anna", Role.USER, type(same_id.token)(**{**same_id.token.to_wire(), "id": anna.token.id}))
    for users in ([], [another], [same_id]):
        assert sessions.account_of(value, Users.of(users)) is None


def test_a_value_that_somebody_changed_is_nobodys(anna: Account) -> None:
    bob = Account("bob", Role.ADMIN, new_token()[1])
    users, sessions = Users.of([anna, bob]), Sessions(SECRET)
    token_id, end, mac = sessions.begin(anna).split(".")
    changed = [
        f"{bob.token.id}.{end}.{mac}",
        f"{token_id}.{int(end) + 1}.{mac}",
        f"{token_id}.{end}.{'0' * len(mac)}",
        f"{token_id}.{end}",
        f"{token_id}.{end}.{mac}.",
        "",
        "\u0663" * 8,
    ]
    for value in changed:
        assert sessions.account_of(value, users) is None, value


def test_the_cookie_is_not_the_token() -> None:
    token, kept = new_token()
    value = Sessions(SECRET).begin(Account("anna", Role.USER, kept))
    assert token.rpartition("_")[2] not in value
    assert kept.digest not in value
