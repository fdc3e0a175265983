"""What a codec makes of the form of pictures is said before it is done, in the same words."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from moviola.filters.chain import Step
from moviola.media.kinds import split
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.preflight import preflight
from tests.media.video.clips import encode

H264 = Output("out", (Step("identity", {}),), Encoder("h264", preset="ultrafast"))


def test_another_pixel_format_and_size_are_said_before_and_come(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mkv", "ffv1", 4, pixel_format="yuv411p", size=(63, 48))
    material = Material.single("video", clip)
    source, _ = split(material, Cutting())
    told = preflight(source, [H264]).remarks()
    assert any("yuv411p" in each and "yuv422p" in each for each in told)
    assert any("63x48" in each and "64x48" in each for each in told)
    (made,) = run_local(material, [H264], Cutting(), lambda name: tmp_path / name)
    assert made.metrics.warnings == told
    with av.open(str(made.path)) as file:
        stream = file.streams.video[0].codec_context
        assert (stream.pix_fmt, stream.width, stream.height) == ("yuv422p", 64, 48)


@pytest.mark.parametrize(
    ("step", "is_odd"), [(Step("resize", {"width": 62, "height": 46}), False), (Step("identity", {}), True)]
)
def test_the_size_is_that_behind_the_filters(step: Step, is_odd: bool, tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mkv", "ffv1", 2, size=(63, 47))
    source, _ = split(Material.single("video", clip), Cutting())
    told = preflight(source, [Output("out", (step,), H264.encoder)]).remarks()
    assert any("last row or column" in each for each in told) == is_odd
