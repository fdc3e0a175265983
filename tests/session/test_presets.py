"""The presets that are built in: each does what it says, to all that it is for."""

from __future__ import annotations

from typing import Any

import pytest

from moviola.base.settings import from_values
from moviola.filters import registry
from moviola.media.material import Material
from moviola.session.job_settings import JobSettings
from moviola.session.order import OutputRequest
from moviola.session.presets import PRESETS


@pytest.mark.parametrize("kind", ["video", "images"])
@pytest.mark.parametrize("values", PRESETS.values(), ids=PRESETS)
def test_each_can_be_asked_for_and_says_what_it_does(values: dict[str, Any], kind: str) -> None:
    assert values["help"]
    named = {key.replace("-", "_"): value for key, value in values.items() if key != "help"}
    job = from_values(JobSettings, named)
    request = OutputRequest(job.filters, registry.schemas(), job.encoder, job.cutting, job.on_error)
    assert len(request.order(Material.single(kind, kind)).outputs) == len(job.filters)


def test_who_asks_to_hide_faces_gets_no_frame_that_shows_them() -> None:
    job = from_values(JobSettings, {"filters": PRESETS["anonymise"]["filters"]})
    request = OutputRequest(job.filters, registry.schemas(), on_error=job.on_error)
    assert "on-error" not in PRESETS["anonymise"]
    assert {each.on_error for each in request.order(Material.single("video", "video")).outputs} == {"black"}
