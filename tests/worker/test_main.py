"""What a person types, and what is wrong with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from moviola.base import extras
from moviola.base.processes import core_count
from moviola.filters import registry
from moviola.wire.addresses import Address
from worker import __main__ as program
from worker.child_settings import ChildSettings, ParentSettings
from worker.offered import chosen_filters, lacking_filters
from worker.parent import Parent


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FILTER_TYPE", "WORKER_CAPABILITIES", "MOVIOLA_HOST", "MOVIOLA_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_all_filters_on_all_cores_unless_told_otherwise() -> None:
    given = program.parse([])
    assert chosen_filters(given.filters) == registry.names()
    assert given.processes == core_count() >= 1
    assert (given.host, given.port) == ("localhost", 5000)


def test_the_flag_wins_over_filter_type_and_that_over_capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_CAPABILITIES", "blur")
    assert program.parse([]).filters == "blur"
    monkeypatch.setenv("FILTER_TYPE", "edges")
    assert program.parse([]).filters == "edges"
    assert program.parse(["--filters", "identity"]).filters == "identity"
    monkeypatch.setenv("FILTER_TYPE", "")
    assert program.parse([]).filters == "blur"


def test_names_may_be_repeated_and_spaced_and_all_is_all() -> None:
    assert chosen_filters(" edges, blur,edges,") == ("edges", "blur")
    assert chosen_filters("blur,all") == registry.names()


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)


@pytest.mark.usefixtures("nothing_installed")
def test_filters_that_cannot_run_here_are_not_offered_and_their_lack_is_told() -> None:
    assert chosen_filters("all") == tuple(name for name in registry.names() if name not in registry.EXTRAS)
    assert "detect" in registry.EXTRAS
    settings = ParentSettings(Address("127.0.0.1", 1), ("w",), chosen_filters("all")).child("w", 0, None)
    assert settings.lacks.keys() == registry.EXTRAS.keys()
    assert "onnxruntime is not installed; install what filters with networks need" in settings.lacks["detect"]
    assert ChildSettings.from_line(settings.to_line()).lacks == settings.lacks


@pytest.mark.usefixtures("nothing_installed")
def test_a_worker_that_is_to_offer_some_filters_lacks_no_others() -> None:
    settings = ParentSettings(Address("127.0.0.1", 1), ("w",), chosen_filters("blur"), wanted="blur")
    assert settings.child("w", 0, None).lacks == {}


@pytest.mark.usefixtures("nothing_installed")
def test_a_filter_that_is_asked_for_and_cannot_run_here_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["worker", "--filters", "blur,detect"])
    assert program.main() == 2
    said = capsys.readouterr().err
    assert said.startswith("python -m worker: 'detect' cannot run here: onnxruntime is not installed; install ")


def test_nothing_is_lacking_where_all_is_installed() -> None:
    assert registry.lacking() == lacking_filters("all") == {}


def test_an_unknown_filter_is_one_sentence_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["worker", "--filters", "blur,wobble"])
    assert program.main() == 2
    said = capsys.readouterr().err
    known = ", ".join(registry.names())
    assert said == f"python -m worker: no filter is called 'wobble'; known are {known}\n"


def test_a_misspelt_filter_gets_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["worker", "--filters", "edges,blurr"])
    assert program.main() == 2
    assert capsys.readouterr().err == "python -m worker: no filter is called 'blurr'; did you mean 'blur'?\n"


def test_a_full_temporary_folder_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["worker", "--filters", "blur", "--no-secret"])
    monkeypatch.setattr("worker.shared_status.tempfile.TemporaryFile", partial(open, "/dev/full", "r+b"))
    assert program.main() == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "python -m worker: what this worker shares with its processes cannot be kept: No space left on device; "
        "make room for temporary files, or say in TMPDIR where there is some"
    )


@pytest.mark.parametrize("text", ["", " , "])
def test_no_filter_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no filter; known are "):
        chosen_filters(text)


@pytest.mark.parametrize(
    "arguments",
    [["--processes", "0"], ["--processes", "many"], ["--processes", "257"], ["--port", "70000"], ["--name", ""]],
)
def test_bad_numbers_and_names_end_with_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        program.parse(arguments)
    assert end.value.code == 2


def test_a_secret_that_cannot_be_had_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "empty").chmod(0o600)
    for name, reason in (("empty", "is empty"), ("absent", "cannot be read: No such file or directory")):
        monkeypatch.setattr("sys.argv", ["worker", "--secret-file", str(tmp_path / name)])
        assert program.main() == 2
        assert capsys.readouterr().err == f"python -m worker: the secret file {tmp_path / name} {reason}\n"


PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Mine(Filter):
    name: ClassVar[str] = "mine"
    summary: ClassVar[str] = "a filter of one's own"
"""


def test_plugins_are_offered_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent names them, and the children are told which files to load."""
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    started: list[ParentSettings] = []
    monkeypatch.setattr(Parent, "__init__", lambda _self, settings: started.append(settings))
    monkeypatch.setattr(Parent, "run", lambda _self: 0)
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr("sys.argv", ["worker", "--processes", "1", "--filters", "mine,blur", "--plugins", str(path)])
    assert program.main() == 0
    child = started[0].child("w-1", 5, None)
    assert child.filters == ("mine", "blur")
    assert [file for file, _ in started[0].plugins.files] == [path.resolve()]
    assert ChildSettings.from_line(child.to_line()) == child


def test_a_plugin_that_is_none_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.py"
    path.write_text("1 / 0")
    monkeypatch.setattr("sys.argv", ["worker", "--plugins", str(path)])
    assert program.main() == 2
    assert capsys.readouterr().err == (
        f"python -m worker: {path} cannot be loaded: ZeroDivisionError: division by zero\n"
    )


def test_a_folder_that_takes_no_locks_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["worker", "--processes", "1"])
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "nowhere"))
    assert program.main() == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m worker: the names of the worker processes cannot be reserved: ")
    assert "No such file or directory" in line


def test_labels_are_repeated_separated_by_commas_or_told_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert program.parse([]).labels == ()
    assert program.parse(["--label", "gpu, big", "--label", "gpu,fast,"]).labels == ("gpu", "big", "fast")
    monkeypatch.setenv("MOVIOLA_WORKER_LABEL", "gpu,big fast")
    assert program.parse([]).labels == ("gpu", "big", "fast")
    assert program.parse(["--label", "slow"]).labels == ("slow",)


def test_what_is_no_label_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        program.parse(["--label", "gpu,GPU"])
    assert end.value.code == 2
    assert "a label has 1 to 63 characters of a-z, 0-9, '.', '_' and '-'" in capsys.readouterr().err


def test_too_many_labels_are_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    labels = [f"l{number}" for number in range(17)]
    monkeypatch.setattr("sys.argv", ["worker", *(word for label in labels for word in ("--label", label))])
    assert program.main() == 2
    assert capsys.readouterr().err == "python -m worker: a worker has 16 labels at most, not 17\n"


def test_children_are_told_the_labels() -> None:
    told = ParentSettings(Address("127.0.0.1", 5000), ("w-1",), ("blur",), labels=("big", "gpu"))
    assert ChildSettings.from_line(told.child("w-1", 3, None).to_line()).labels == ("big", "gpu")
