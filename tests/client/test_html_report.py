"""Where `moviola report` writes, and what it leaves as it is; what is in a report is tested in tests/report."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from client import html_report
from client.html_report import main
from tests.session.fakes import FakeCluster

JOB = SimpleNamespace(job="clip-1")


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command in a folder of its own, with one job whose report is short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(html_report, "read_target", lambda _options: None)
    monkeypatch.setattr(html_report, "look", lambda _target, _topics: SimpleNamespace(jobs={"clip-1": JOB}))
    monkeypatch.setattr(html_report, "_document", lambda _target, job: f"report of {job}".encode())

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["clip-1", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_it_is_called_after_the_job_where_nobody_says_how(report: Any, tmp_path: Path) -> None:
    assert report() == (0, "clip-1.html, 16 B\n", "")
    assert (tmp_path / "clip-1.html").read_text() == "report of clip-1"
    (tmp_path / "folder").mkdir()
    assert report("--out", "folder", "-q") == (0, "", "")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["clip-1.html"]


def test_a_file_that_is_there_is_left_as_it_is_unless_it_is_to_be_replaced(report: Any, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    status, _, err = report("--out", "mine.html")
    assert (status, mine.read_text()) == (2, "mine")
    assert "mine.html is there, and is left as it is; --overwrite replaces it" in " ".join(err.split())
    assert report("--out", "mine.html", "-y", "-q") == (0, "", "")
    assert mine.read_text() == "report of clip-1"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]


def test_a_file_that_comes_while_the_report_is_made_is_left(
    report: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(_target: object, _job: str) -> bytes:
        (tmp_path / "clip-1.html").write_text("another's")
        return b"report"

    monkeypatch.setattr(html_report, "_document", made)
    assert report()[0] == 2
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"clip-1.html": "another's"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "no/report.html"], "There is no folder no"),
        (["--out", "/dev/null"], "/dev/null is not an ordinary file"),
        (["--out", "-", "--open"], "--out - gives no file that --open could show"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_asked(
    report: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setattr(html_report, "_document", lambda *_: pytest.fail("it was made"))
    status, _, err = report(*arguments)
    assert (status, sentence in err) == (2, True), err


def test_a_browser_that_cannot_be_started_is_said(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def refuse(url: str) -> bool:
        shown.append(url)
        return False

    monkeypatch.setattr(webbrowser, "open", refuse)
    status, _, err = report("--open")
    assert (status, "No browser could be started here" in err) == (1, True)
    assert [(url[:8], url[-12:]) for url in shown] == [("file:///", "/clip-1.html")]


def test_a_job_that_is_none_is_said(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["nothing", "--port", str(cluster.port), "--host", "127.0.0.1", "--no-secret"]) == 2
