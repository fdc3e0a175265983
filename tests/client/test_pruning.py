from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from client.jobs import main
from moviola.base.result_folders import LISTS, note
from tests.closed import close

DAY_S = 24 * 3600


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three jobs of one, eight and nine days."""
    for days in (1, 8, 9):
        job = tmp_path / "results" / f"job-{days}"
        job.mkdir(parents=True)
        (job / "blur.mp4").write_bytes(bytes(1000))
        note(job.parent, job.name, "blur.mp4", job / "blur.mp4")
        at = (job / "blur.mp4").stat().st_mtime - days * DAY_S
        os.utime(job.parent / LISTS / f"{job.name}.jsonl", (at, at))
    return tmp_path / "results"


def jobs_in(results: Path) -> list[str]:
    return sorted(path.name for path in results.iterdir() if path.name != LISTS)


def test_old_ones_go_and_the_newest_stay(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--results", str(results), "--older-than", "7d", "--keep", "2"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "job-9  1.0 kB, 9d old",
        f"{results}: files of 1 job removed, 1.0 kB; those of 2 jobs stay",
    ]
    assert jobs_in(results) == ["job-1", "job-8"]


def test_a_dry_run_says_the_same_and_removes_nothing(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--results", str(results), "--older-than", "7d", "--dry-run"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "job-9  1.0 kB, 9d old",
        "job-8  1.0 kB, 8d old",
        f"{results}: files of 2 jobs would go, 2.0 kB; those of 1 job stay",
    ]
    assert jobs_in(results) == ["job-1", "job-8", "job-9"]


def test_what_is_not_moviolas_is_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "job-9" / "mine.txt").touch()
    (results / "job-8" / "blur.mp4").write_bytes(b"cut by hand")
    assert main(["prune", "--results", str(results), "--keep", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == 2000
    assert {each["job_id"]: each["stay"] for each in told["removed"]} == {
        "job-9": ["mine.txt"],
        "job-8": ["blur.mp4"],
        "job-1": [],
    }
    assert jobs_in(results) == ["job-8", "job-9"]
    assert (results / "job-8" / "blur.mp4").read_bytes() == b"cut by hand"


def test_without_a_rule_nothing_goes(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--results", str(results)]) == 2
    assert "Give --older-than, --keep, or both" in capsys.readouterr().err
    assert jobs_in(results) == ["job-1", "job-8", "job-9"]


def test_a_folder_that_may_not_be_entered_is_said(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    close(results, monkeypatch)
    assert main(["prune", "--keep", "0", "--results", str(results)]) == 2
    assert f"{results} cannot be looked into: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["prune", "job-1", "--keep", "1"], "forget job-1 --files removes those of one job"),
        (["prune", "--older-than", "week"], "an age is a number of days such as 7d"),
        (["list", "--keep", "1"], "--keep is for prune, not for list"),
        (["cancel", "job-1", "--files"], "--files is for forget, not for cancel"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
