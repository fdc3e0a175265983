"""What a job can be told in Python is what it can be told on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from moviola.base.settings import from_values
from moviola.media.material import NO_VIDEO, Cutting, Encoder
from moviola.session.job_settings import JobSettings


def test_defaults_are_what_an_encoder_and_a_cutting_are_by_themselves() -> None:
    settings = from_values(JobSettings, {})
    assert settings == JobSettings()
    assert (settings.encoder, settings.cutting) == (Encoder(), Cutting())


def test_values_are_taken_with_the_types_of_their_settings() -> None:
    told = {"filters": ["blur", "e=edges"], "codec": "mpeg4", "crf": 30, "chunk_frames": 16, "chunk_records": None}
    settings = from_values(JobSettings, {**told, "no_video": False, "new": True})
    assert settings.filters == ("blur", "e=edges")
    assert (settings.encoder.codec, settings.encoder.crf, settings.new) == ("mpeg4", 30, True)
    assert settings.cutting == Cutting(16)


def test_without_video_there_is_no_codec() -> None:
    assert from_values(JobSettings, {"no_video": True, "codec": "mpeg4"}).encoder.codec == NO_VIDEO


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("crf", 52, "crf: must be a whole number from 0 to 51, not '52'"),
        ("crf", -1, "crf: must be a whole number from 0 to 51, not '-1'"),
        ("crf", True, "crf: must be a whole number from 0 to 51, not 'True'"),
        ("crf", 20.5, "crf: must be a whole number from 0 to 51, not '20.5'"),
        ("codec", "vp8", "codec is one of "),
        ("codec", 264, "codec is one of "),
        ("on_error", "ignore", "on_error is one of original, fail, drop, black, not 'ignore'"),
        ("new", "yes", "new is True or False, and 'yes' is neither"),
        ("new", 0, "new is True or False, and 0 is neither"),
        ("chunk_frames", 0, "chunk_frames: must be a whole number from 1 to"),
    ],
)
def test_what_a_setting_does_not_take_is_said_with_its_name(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + sentence.replace("(", r"\(")):
        from_values(JobSettings, {name: value})
