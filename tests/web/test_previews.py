"""Previews without a cluster: places, and what becomes of one that the cluster does not come to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from anyio import CapacityLimiter

from moviola.base.vocabulary import JobState
from moviola.filters import registry
from moviola.media.material import Material
from moviola.session.destination import Place
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest
from moviola.session.preparing import upload_request
from moviola.session.target import Target
from moviola.web.excerpts import OUTPUT, Excerpt, results_of
from moviola.web.orders import settings_from
from moviola.web.preview_places import MAX_PREVIEWS, MAX_PREVIEWS_EACH, PreviewPlaces
from moviola.web.problems import Problem
from moviola.web.sending import Sending
from moviola.wire.addresses import Address
from moviola.wire.asyncio_links import ReceiveMemory
from tests.end_to_end import clips


def test_a_user_holds_some_of_the_places_and_never_all() -> None:
    places = PreviewPlaces(1000, CapacityLimiter(1))
    held = [places.place(user) for user in ("ada", "bob", "cy") for _ in range(MAX_PREVIEWS_EACH)][:MAX_PREVIEWS]
    for place in held[:MAX_PREVIEWS_EACH]:
        place.__enter__()
    with pytest.raises(Problem) as refused, places.place("ada"):
        pass
    assert (refused.value.status, refused.value.code) == (429, "too-many-previews")
    assert int(refused.value.headers["Retry-After"]) > 0
    for place in held[MAX_PREVIEWS_EACH:]:
        place.__enter__()
    with pytest.raises(Problem), places.place("dan"):
        pass
    for place in held:
        place.__exit__(None, None, None)
    with places.place("ada"), places.place("dan"):
        pass


def test_a_note_with_a_separator_of_lines_in_its_text_is_told(tmp_path: Path) -> None:
    note = {"frame": 0, "filter": "mine", "label": "a\u2028b\u0085c"}
    path = tmp_path / f"{OUTPUT}.annotations.jsonl"
    path.write_text(json.dumps(note, ensure_ascii=False) + "\n", encoding="utf-8")
    excerpt = Excerpt(request=SimpleNamespace(), kind="video", shown=[0])  # type: ignore[arg-type]
    outcome = SimpleNamespace(state=JobState.DONE, failures=[], warnings=[], seconds=1.0)
    assert results_of(excerpt, outcome, tmp_path)["notes"] == [{"picture": 0, **note}]  # type: ignore[arg-type]


def test_a_cluster_that_does_not_come_to_it_in_time_is_said_to(tmp_path: Path) -> None:
    clip = clips.moving(tmp_path / "clip.mp4", frames=2)
    settings, _ = settings_from({"filters": ["blur"]}, JobSettings)
    material = Material.single("video", clip)
    order = OutputRequest(settings.filters, registry.schemas()).order(material)
    request = replace(upload_request(material, order, Place(tmp_path), settings), window_size=1000)

    async def story() -> None:
        silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        address = Address("127.0.0.1", silent.sockets[0].getsockname()[1])
        async with silent:
            await Sending(Target(address), request, ReceiveMemory(1 << 20)).go(CapacityLimiter(1), limit_s=0.1)

    with pytest.raises(Problem) as late:
        asyncio.run(story())
    assert (late.value.status, late.value.code) == (504, "too-late")
    assert "has not come to this in time" in late.value.detail
