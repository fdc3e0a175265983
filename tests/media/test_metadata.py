from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from moviola.filters.chain import Step
from moviola.media.account import Account
from moviola.media.material import NO_VIDEO, Source
from moviola.media.metadata import build
from moviola.media.spliced import Spliced
from tests.media.video.clips import encode
from tests.media.video.cutting_room import output, take

PAGE = Path(__file__).parents[2] / "docs" / "ANALYSIS.md"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("metadata")
    clip = encode(folder / "clip.mp4", "libx264", 12, sound="aac")
    measured = take(clip, folder, output(NO_VIDEO, (Step("metadata", {}),)))
    return build(measured.source, [measured.spliced])


def documented() -> set[str]:
    """The fields in the table of metadata.json; `.name` stands for what the field before it is in."""
    names: set[str] = set()
    for line in PAGE.read_text(encoding="utf-8").partition("## metadata.json")[2].splitlines():
        parent = ""
        for name in re.findall(r"`([^`]+)`", line.split("|")[1]) if line.startswith("| `") else ():
            whole = parent + name if name.startswith(".") else name
            parent = whole.rpartition(".")[0] or parent
            names.add(whole.replace("[]", ""))
    return names


def fields_of(told: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    for name, value in told.items():
        if name in ("container", "analysis"):
            names |= {f"{name}.{inner}" for inner in value}
        elif name == "streams":
            names |= {f"{name}.{inner}" for stream in value for inner in stream}
        else:
            names.add(name)
    return names


def test_every_field_is_documented_and_every_documented_field_is_there(told: dict[str, Any]) -> None:
    assert fields_of(told) == documented() - {"analysis"}


def test_frames_are_those_that_were_decoded(told: dict[str, Any]) -> None:
    assert (told["kind"], told["name"], told["frame_count"]) == ("video", "clip.mp4", 12)
    assert told["analysis"]["frames_measured"] == 12


def test_without_measuring_there_is_no_analysis(tmp_path: Path) -> None:
    reel = take(encode(tmp_path / "clip.mp4", "libx264", 3), tmp_path)
    assert build(reel.source, [reel.spliced])["analysis"] is None


def test_other_kinds_tell_their_facts() -> None:
    source = Source("table", "films", "f" * 32, {"unit": "record", "frame_count": 5}, {}, {}, 1)
    told = build(source, [Spliced(Account(frames_in=5), "d" * 64, "films_results.json")])
    assert (told["unit"], told["frame_count"], told["analysis"]) == ("record", 5, None)
