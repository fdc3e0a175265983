"""What is known of a job before it is sent: once what is so of all outputs, with its name what is so of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from moviola.filters.chain import Step
from moviola.media.fidelity import Fate
from moviola.media.kinds import split
from moviola.media.local import run_local
from moviola.media.material import Cutting, Encoder, Material, Output, Source
from moviola.media.preflight import preflight
from tests.media.video.clips import encode

MOV, MP4 = (
    Output(name, (Step("identity", {}),), Encoder(container=name, preset="ultrafast")) for name in ("mov", "mp4")
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With sound that only a QuickTime file takes as it is."""
    return encode(tmp_path_factory.mktemp("sources") / "film.avi", "mpeg4", 12, sound="pcm_u8")


@pytest.fixture(scope="module")
def source(clip: Path) -> Source:
    found, _ = split(Material.single("video", clip), Cutting())
    return found


def test_what_is_so_of_one_output_only_has_its_name(source: Source) -> None:
    told = {each.output: each.fate for each in preflight(source, [MOV, MP4]).findings if "pcm_u8" in each.subject}
    assert told == {"mov": Fate.KEPT, "mp4": Fate.CHANGED}
    (remark,) = preflight(source, [MOV, MP4]).remarks()
    assert remark.startswith("mp4: stream 1 (audio, pcm_u8) is stored decoded, as ALAC: an MP4 file cannot hold it; ")
    assert remark.endswith("a name that ends in .mov or .mkv keeps it")


def test_what_is_so_of_all_outputs_is_told_once(source: Source) -> None:
    two = [MP4, replace(MP4, name="two")]
    (remark,) = preflight(source, two).remarks()
    assert remark.startswith("stream 1 (audio, pcm_u8) is stored decoded")
    assert not preflight(source, [MOV]).remarks()


def test_the_metrics_warn_of_what_was_said_before(clip: Path, source: Source, tmp_path: Path) -> None:
    (made,) = run_local(Material.single("video", clip), [MP4], Cutting(), lambda name: tmp_path / name)
    assert made.metrics.warnings == preflight(source, [MP4]).remarks()
