"""Whole jobs on an engine, as the command does them: the files of `--local`, kept results, and what is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from client.file_sender import main
from moviola import engines
from moviola.filters import registry
from tests.client.in_process import run_typed
from tests.engines import in_process
from tests.media.images.pictures import corners, encoded
from tests.media.video.clips import encode

FAILS_ON_ONE = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class FailsOnOne(Filter):
    name = "fails_on_one"
    summary = "fails on one frame"

    def apply(self, picture, earlier):
        if picture.index == 7:
            raise ValueError("seven")
        return picture
"""


CUT = ("--config", "moviola.toml")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_loaded", {})  # an engine in this process forgets what other tests have defined
    (tmp_path / "moviola.toml").write_text("[send]\nchunk-frames = 10\nchunk-records = 40\n")
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(engines.ENGINES, "ray", "tests.engines.in_process")
    in_process.connected.clear()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("engines") / "clip.mp4", "libx264", 40, options={"g": "10"}, sound="aac")


def sent(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    """Return the exit status, what `--json` printed, and what was said."""
    engine = [] if "--engine" in arguments else ["--engine", "ray"]
    options = ["--json", "--state-folder", "state", *CUT, *engine]
    status, out, err = run_typed(main, capsys, [*map(str, arguments), *options])
    return status, json.loads(out) if out else {}, err


def digests(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    """Return those of `--local`."""
    options = [*map(str, arguments), "--local", "--json", *CUT, "--results", "local"]
    status, out, _ = run_typed(main, capsys, options)
    assert status == 0
    return [each["digest"] for each in json.loads(out)["outputs"]]


def test_the_outputs_are_those_of_one_process(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(encoded(corners(40 + number, 32)))
    rows = "".join(f"{number},{number % 7}\n" for number in range(100))
    (tmp_path / "table.csv").write_text(f"a,b\n{rows}")
    for source, *filters in (
        (clip, "blur:radius=2", "motion"),
        (tmp_path / "pictures", "blur:radius=2"),
        (tmp_path / "table.csv", "where:column=b:equals=3"),
    ):
        flags = [word for chain in filters for word in ("--filters", chain)]
        status, told, said = sent(capsys, source, *flags, "--out", f"{source.stem} done/")
        assert status == 0, said
        assert [each["digest"] for each in told["outputs"]] == digests(capsys, source, *flags)
    assert os.listdir("state/engines") == []  # nothing is kept of what is done


def test_what_was_stored_when_it_was_interrupted_is_not_done_again(
    clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (clip, "--filters", "blur:radius=2", "--out", "out.mp4")
    in_process.interrupted_after.append(3)
    status, told, err = sent(capsys, *arguments)
    assert status == 5
    assert told["state"] == "cancelled"
    assert str(told["reason"]).startswith("interrupted; 3 results are kept: type it again")
    status, told, err = sent(capsys, *arguments)
    assert status == 0
    assert "3 results are stored already, and not computed again; --new begins anew." in err
    assert [len(each.started) for each in in_process.connected] == [4, 1]
    assert [each["digest"] for each in told["outputs"]] == digests(capsys, *arguments[:3])


def test_new_begins_anew(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_process.interrupted_after.append(3)
    sent(capsys, clip, "--filters", "blur:radius=2", "--out", "out.mp4")
    status, _, err = sent(capsys, clip, "--filters", "blur:radius=2", "--out", "out.mp4", "--new")
    assert (status, "stored already" in err) == (0, False)
    assert len(in_process.connected[-1].started) == 4


@pytest.mark.parametrize(("policy", "status"), [("original", 4), ("drop", 4), ("fail", 1)])
def test_a_filter_that_fails_on_a_frame_costs_that_frame(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str, status: int
) -> None:
    (tmp_path / "plugin.py").write_text(FAILS_ON_ONE)
    flags = ("--plugins", tmp_path / "plugin.py", "--filters", "fails_on_one", "--on-error", policy)
    ended, told, _ = sent(capsys, clip, *flags, "--out", "out.mp4")
    assert ended == status, told
    if policy == "fail":
        assert "filter 'fails_on_one' failed on frame 7" in str(told["reason"])
        assert "(3 tries)" in str(told["reason"])
        return
    troubles = json.loads((tmp_path / "out.metrics.json").read_text())["troubles"]
    listed = troubles["fallback" if policy == "original" else "lost"]
    assert [each["frame"] for each in listed] == [7]


def test_an_engine_that_does_not_answer_is_said(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told, err = sent(capsys, clip, "--engine", f"ray://{in_process.NOBODY}")
    assert status == 3
    assert (told["state"], told["reason"]) == ("not-sent", "Nobody answers at nobody:1; try another")
    assert "Nobody answers at nobody:1; try another." in err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--local",), "--local computes in this process and --engine elsewhere; leave one out"),
        (("--detach",), "--detach and --priority are for a Moviola cluster; leave them out with --engine"),
        (("--engine", "dask"), "an engine is ray or ray://HOST:PORT, and 'dask' is not"),
        (("--engine", "ray://"), "an engine is ray or ray://HOST:PORT, and 'ray://' is not"),
    ],
)
def test_what_does_not_go_together_is_said(
    clip: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], sentence: str
) -> None:
    status, _, err = run_typed(main, capsys, [str(clip), "--engine", "ray", *flags])
    assert status == 2
    assert sentence in err
