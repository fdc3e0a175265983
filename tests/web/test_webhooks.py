"""Webhooks as their receivers see them: what is sent, signed, tried again and given up. Without a cluster."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest

from moviola.session.target import UsageError
from moviola.web import deliveries, signing
from moviola.web.feed import Feed
from moviola.web.hooks import Hooks
from moviola.web.metrics import Metrics, WebhookOutcome
from moviola.web.settings import WebSettings
from moviola.web.signing import headers_of, key_of
from moviola.web.webhooks import webhooks
from moviola.wire.messages import EventRecord, Events, JobGlance, Snapshot, Subscribed
from tests.end_to_end.cluster import ROOT

from .feeds import current, happened
from .hook_receivers import HookReceiver

KEY: Final = bytes(range(32))
SECRET: Final = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy is between, and tries follow each other soon."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(deliveries, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(deliveries, "LONGEST_DELAY_S", 0.02)


def run(hooks: Hooks, feed: Feed, metrics: Metrics, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play a story while webhooks are told of what comes over a feed."""

    async def all_of_it() -> None:
        async with webhooks(hooks, lambda: feed, metrics):
            while not feed._listeners:
                await asyncio.sleep(0)
            await story()

    asyncio.run(all_of_it())


def told(metrics: Metrics, outcome: WebhookOutcome) -> float:
    text = metrics.text(None, "")[0].decode()
    line = next(line for line in text.splitlines() if line.startswith(f'moviola_webhooks_total{{outcome="{outcome}"}}'))
    return float(line.split()[-1])


def done(number: int) -> Events:
    return happened(number, kind="job-done", job=f"job-{number}")


def soon(condition: Callable[[], object]) -> Coroutine[Any, Any, None]:
    async def wait() -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.005)

    return wait()


def test_what_a_receiver_refuses_twice_comes_again_signed_anew_under_its_id(caplog: pytest.LogCaptureFixture) -> None:
    metrics, feed = Metrics(), current()
    caplog.set_level(logging.INFO)
    with HookReceiver(lambda number: (500, 302, 200)[min(number, 2)]) as receiver:

        async def story() -> None:
            feed.take(happened(1, kind="job-started"))
            feed.take(done(2))
            feed.take(done(3))
            await soon(lambda: told(metrics, WebhookOutcome.TAKEN) == 2)

        run(Hooks((receiver.url,), KEY), feed, metrics, story)
    ids = [one.headers["webhook-id"] for one in receiver.sent]
    assert ids == ["1.abc-2", "1.abc-2", "1.abc-2", "1.abc-3"]
    assert {one.headers[":path"] for one in receiver.sent} == {"/a-secret-path"}, "a redirection is not followed"
    for one in receiver.sent:
        signed = headers_of(KEY, one.headers["webhook-id"], int(one.headers["webhook-timestamp"]), one.body)
        assert one.headers.items() >= signed.items()
        assert json.loads(one.body)["id"] == one.headers["webhook-id"]
    assert (told(metrics, WebhookOutcome.TAKEN), told(metrics, WebhookOutcome.REFUSED)) == (2, 2)
    assert "does not take event 1.abc-2, and is tried again: it answers 500" in caplog.text
    assert "a-secret-path" not in caplog.text


def test_a_receiver_that_is_not_there_keeps_nothing_from_another(caplog: pytest.LogCaptureFixture) -> None:
    metrics, feed = Metrics(), current()
    with HookReceiver() as gone:
        pass  # nobody listens there any more
    with HookReceiver() as receiver:

        async def story() -> None:
            feed.take(done(1))
            await soon(lambda: receiver.sent and told(metrics, WebhookOutcome.GIVEN_UP))

        run(Hooks((gone.url, receiver.url), KEY), feed, metrics, story)
    assert told(metrics, WebhookOutcome.GIVEN_UP) == 1
    assert told(metrics, WebhookOutcome.REFUSED) == deliveries.MAX_TRIES
    assert "event 1.abc-1 is given up: tried 10 times, at last: ConnectError" in caplog.text


def test_what_happened_while_the_middleware_restarted_is_told() -> None:
    metrics, feed = Metrics(), current(1)
    with HookReceiver() as receiver:

        async def story() -> None:
            feed.take(Events(2, [EventRecord(2, "job-submitted", "", job="j", state="running")]))
            feed.lost("it is restarted")
            feed.welcomed()
            feed.take(Subscribed("2.def", 0))
            feed.take(Snapshot(0, [JobGlance("j", state="done")]))
            feed.take(done(1))
            await soon(lambda: len(receiver.sent) >= 2)

        run(Hooks((receiver.url,), KEY), feed, metrics, story)
    bodies = [json.loads(one.body) for one in receiver.sent]
    assert [(body["kind"], body["job"], body.get("caught_up")) for body in bodies] == [
        ("job-done", "j", True), ("job-done", "job-1", None)
    ]  # fmt: skip
    assert len({one.headers["webhook-id"] for one in receiver.sent}) == 2


def test_a_gateway_that_ends_says_what_it_has_not_delivered(caplog: pytest.LogCaptureFixture) -> None:
    feed = current()
    with HookReceiver(lambda number: 500) as receiver:

        async def story() -> None:
            feed.take(done(1))
            feed.take(done(2))
            await soon(lambda: receiver.sent)

        run(Hooks((receiver.url,), KEY), feed, Metrics(), story)
    assert "2 events are not delivered, for the gateway ends" in caplog.text


def test_the_example_in_the_documentation_takes_what_is_sent_and_nothing_else() -> None:
    page = (ROOT / "docs" / "WEB.md").read_text()
    (block,) = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    names: dict[str, Any] = {}
    exec(block, names)
    body, now = b'{"kind":"job-done"}', 1_700_000_000
    headers = headers_of(KEY, "1.abc-2", now, body)
    verify = names["verify"]
    assert verify(SECRET, headers, body, now) == {"kind": "job-done"}
    rotated = {**headers, "webhook-signature": f"v1,other {headers['webhook-signature']}"}
    assert verify(SECRET, rotated, body, now)
    for wrong in (
        {"headers": {**headers, "webhook-id": "1.abc-3"}}, {"headers": {**headers, "webhook-timestamp": f"{now + 1}"}},
        {"body": b"{}"}, {"now": now + 301}, {"secret": "whsec_" + "A" * 44},
    ):  # fmt: skip
        given = {"secret": SECRET, "headers": headers, "body": body, "now": now} | wrong
        with pytest.raises(ValueError, match=r"signature|old"):
            verify(**given)


def test_the_signature_is_that_of_the_specification() -> None:
    """Its own example: https://github.com/standard-webhooks/standard-webhooks, in the tests of its libraries."""
    key = key_of(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = headers_of(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("text", [b"", b"whsec_", b"whsec_AAAA", b"whsec_no base64", b"secret", b"\xff\xfe" * 20])
def test_a_secret_that_is_none_says_how_to_make_one(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"make one with: .*urandom"):
        key_of(text)
    assert key_of(SECRET.encode()) == KEY
    assert signing.KEY_PREFIX in SECRET


def test_settings_of_webhooks_go_together(tmp_path: Path) -> None:
    path = tmp_path / "hook-secret"
    url = "https://hooks.example/x"
    assert WebSettings().hooks.urls == ()
    with pytest.raises(UsageError, match=r"--webhook needs --webhook-secret-file"):
        _ = WebSettings(webhook=(url,)).hooks
    with pytest.raises(UsageError, match=r"cannot be read: .*No such file"):
        _ = WebSettings(webhook=(url,), webhook_secret_file=path).hooks
    path.write_text(SECRET + "\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others"):
        _ = WebSettings(webhook=(url,), webhook_secret_file=path).hooks
    path.chmod(0o600)
    hooks = WebSettings(webhook=(url,), webhook_secret_file=path).hooks
    assert (hooks.urls, hooks.key, "job-failed" in hooks.kinds) == ((url,), KEY, True)
    hooks = WebSettings(webhook=(url,), webhook_secret_file=path, webhook_kind=("worker-left",)).hooks
    assert hooks.kinds == {"worker-left"}
