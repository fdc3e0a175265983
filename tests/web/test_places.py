"""Places that users share: nobody's uploads or streams keep others out, however long they take."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from moviola.session.target import Target
from moviola.web import uploads
from moviola.web.access import Access, OnlyUser, User
from moviola.web.app import make_app
from moviola.web.gateway import MAX_LISTENERS, MAX_LISTENERS_EACH, Gateway
from moviola.web.places import AwaitedPlaces, Places
from moviola.web.sending import MAX_SENDING, MAX_SENDING_EACH
from moviola.wire.addresses import Address

from .asking import ByName


def gateway_for(access: Access) -> Gateway:
    return Gateway(Target(Address("127.0.0.1", 1)), access)


def test_a_user_takes_some_of_the_places_and_all_users_all() -> None:
    places = Places(3, 2)
    assert [places.take(user) for user in ("ada", "ada", "ada", "bob", "cy")] == [True, True, False, True, False]
    assert (places.taken, places.of("ada"), places.of("cy")) == (3, 2, 0)
    places.give_back("ada")
    assert places.has_one_for("cy")
    assert places.has_one_for("ada")


def test_who_waits_for_own_places_holds_up_nobody() -> None:
    async def story() -> None:
        places, held = AwaitedPlaces(3, 2), list[str]()
        gates = {name: asyncio.Event() for name in ("ada 1", "ada 2", "ada 3", "ada 4", "bob 1", "bob 2")}

        async def hold(name: str) -> None:
            async with places.one_for(name.split(maxsplit=1)[0]):
                held.append(name)
                await gates[name].wait()

        tasks = {name: asyncio.create_task(hold(name)) for name in gates}
        await settled()
        assert held == ["ada 1", "ada 2", "bob 1"]
        tasks["ada 3"].cancel()
        gates["ada 1"].set()
        await settled()
        assert held[3:] == ["bob 2"], "who has waited the longest for what all share goes first"
        gates["bob 1"].set()
        await settled()
        assert held[4:] == ["ada 4"]
        for gate in gates.values():
            gate.set()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    asyncio.run(story())


@pytest.mark.parametrize(("access", "each"), [(ByName(), MAX_SENDING_EACH), (OnlyUser("ada"), MAX_SENDING)])
def test_uploads_of_one_user_that_go_on_for_hours_leave_others_a_place(
    access: Access, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is one user alone, all places are that one's."""
    gateway, begun = gateway_for(access), list[str]()

    class Slow:
        def __init__(self, target: Target, *_: Any) -> None:
            self._user = target.user

        async def go(self, *_: Any) -> Any:
            begun.append(self._user)
            await asyncio.Event().wait()

    monkeypatch.setattr(uploads, "Sending", Slow)

    async def story() -> None:
        users = [User("ada")] * (MAX_SENDING + 2) + [User("bob")]
        tasks = [asyncio.create_task(uploads._sent(gateway, user, Any, [])) for user in users]  # type: ignore[arg-type]
        await settled()
        assert begun == ["ada"] * each + ["bob"] * (each < MAX_SENDING)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())


def test_listeners_have_a_share_where_there_are_users() -> None:
    assert gateway_for(ByName()).listeners.most_each == MAX_LISTENERS_EACH
    assert gateway_for(OnlyUser("ada")).listeners.most_each == MAX_LISTENERS


def test_listeners_that_wait_for_the_cluster_do_not_all_get_past_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        gateway, is_back, stays = gateway_for(ByName()), asyncio.Event(), asyncio.Event()
        gateway.listeners = Places(3, 2)
        listener = SimpleNamespace(next=stays.wait)
        feed = SimpleNamespace(current=is_back.wait, listen=lambda *_: listener, leave=lambda _: None)
        monkeypatch.setattr(gateway.mirrors, "feed_of", lambda _: feed)
        app, statuses = make_app(gateway), dict[str, list[int]](ada=[], bob=[])
        asked = [asyncio.create_task(listen(app, user, statuses[user])) for user in ["ada"] * 5 + ["bob"] * 5]
        await settled()
        assert statuses == {"ada": [], "bob": []}
        is_back.set()
        await settled()
        assert {user: sorted(told) for user, told in statuses.items()} == {
            "ada": [200] * 2 + [429] * 3, "bob": [200] + [429] * 4,
        }  # fmt: skip
        assert gateway.listeners.taken == 3
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert gateway.listeners.taken == 0

    asyncio.run(story())


async def listen(app: Any, user: str, statuses: list[int]) -> None:
    """Read a stream of events until this is cancelled."""
    request = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return request.pop() if request else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"host", b"localhost"), (b"user", user.encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/events", "raw_path": b"/api/events", "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    await app(scope, receive, send)


async def settled() -> None:
    """Let everything go on that waits for nothing."""
    for _ in range(100):
        await asyncio.sleep(0)
