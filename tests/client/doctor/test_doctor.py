"""`moviola doctor`: every check with a tick, and with what is wrong and the way out."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from client.doctor import cluster as cluster_checks
from client.doctor import machine, software
from client.doctor.__main__ import main
from client.doctor.finding import Finding, Mark
from moviola.base import extras, result_folders
from moviola.launcher.settings import UpSettings
from moviola.session.cluster_settings import ClientSettings
from moviola.wire import descriptors
from moviola.wire.limits import GIB
from tests.closed import close
from tests.ports import free_port
from tests.session.fakes import FakeCluster

Found = tuple[int, dict[str, list[dict[str, str]]]]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Found]:
    """The command in this process, where nothing is said and nothing runs: its exit status, and findings by name."""
    for name in [name for name in os.environ if name.startswith("MOVIOLA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIOLA_USER_CONFIG", str(tmp_path / "user.toml"))
    for name in ("PORT", "AGGREGATOR_PORT"):
        monkeypatch.setenv(f"MOVIOLA_{name}", str(free_port()))
    for name in ("STATE", "RESULTS"):
        monkeypatch.setenv(f"MOVIOLA_{name}", str(tmp_path / name.lower()))
    monkeypatch.setattr(machine, "ENOUGH_FREE", 0)
    monkeypatch.setattr(machine, "LEAST_FREE", 0)

    def typed(*arguments: str) -> Found:
        status = main([*arguments, "--json"])
        found: dict[str, list[dict[str, str]]] = {}
        for each in json.loads(capsys.readouterr().out)["findings"]:
            found.setdefault(each["name"], []).append(each)
        return status, found

    return typed


def make_secret(folder: Path, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "secret"
    path.write_text("reel")
    path.chmod(mode)
    return path


def test_nothing_is_wrong_where_nothing_runs(doctor: Callable[..., Found], tmp_path: Path) -> None:
    make_secret(tmp_path / "state")
    status, found = doctor()
    assert status == 0
    marks = {name: {each["mark"] for each in findings} for name, findings in found.items()}
    assert set(marks) == {
        "Moviola", "Python", "packages", "FFmpeg", "networks", "settings", "state", "results", "memory", "open files",
        "secret", "ports", "cluster",
    }  # fmt: skip
    assert {
        mark for name in ("Moviola", "Python", "packages", "FFmpeg", "secret", "ports") for mark in marks[name]
    } == {Mark.GOOD}
    (finding,) = found["cluster"]
    assert finding["mark"] == Mark.WARNING
    assert "no middleware answers at localhost:" in finding["text"]
    assert "start one: " in finding["way_out"]


def test_a_cluster_that_answers_is_counted(doctor: Callable[..., Found], tmp_path: Path) -> None:
    make_secret(tmp_path / "state")
    with FakeCluster(secret=b"reel") as running:
        status, found = doctor("--host", "127.0.0.1", "--port", str(running.port))
        assert status == 0
        assert found["cluster"][0]["text"] == f"127.0.0.1:{running.port} answers: 2 workers, 1 aggregator"
        assert found["cluster"][0]["mark"] == Mark.GOOD
        running.script.workers = 0
        (finding,) = doctor("--host", "127.0.0.1", "--port", str(running.port))[1]["cluster"]
        assert finding["mark"] == Mark.WARNING
        assert finding["way_out"] == "jobs wait: start one with python -m worker"


def test_a_wrong_secret_is_wrong(doctor: Callable[..., Found], tmp_path: Path) -> None:
    make_secret(tmp_path / "state")
    with FakeCluster(secret=b"other") as running:
        status, found = doctor("--host", "127.0.0.1", "--port", str(running.port))
    assert status == 1
    assert found["cluster"][0]["mark"] == Mark.WRONG
    assert "refuses us" in found["cluster"][0]["text"]
    assert "--secret-file" in found["cluster"][0]["text"]


def test_a_cluster_elsewhere_that_does_not_answer_is_wrong() -> None:
    finding, view = cluster_checks.answers(ClientSettings(host="192.0.2.1.invalid", port=1, no_secret=True))
    assert (finding.mark, view) == (Mark.WRONG, None)


@pytest.mark.parametrize(
    ("mode", "mark", "words"),
    [(0o600, Mark.GOOD, "which only you can read"), (0o644, Mark.WRONG, "can be read by others")],
)
def test_the_secret_is_its_users_alone(tmp_path: Path, mode: int, mark: Mark, words: str) -> None:
    (finding,) = cluster_checks.secret(ClientSettings(secret_file=make_secret(tmp_path, mode)))
    assert finding.mark is mark
    assert words in finding.text
    assert mark is Mark.GOOD or f"chmod 600 {tmp_path / 'secret'}" in finding.way_out


def test_an_empty_secret_is_to_be_copied_anew(tmp_path: Path) -> None:
    path = make_secret(tmp_path)
    path.write_text("\n")
    (finding,) = cluster_checks.secret(ClientSettings(secret_file=path))
    assert (finding.mark, finding.text) == (Mark.WRONG, f"the secret file {path} is empty")
    assert finding.way_out == "copy it anew from its cluster; if that is here, remove it: ./run.sh makes another"
    path.chmod(0o644)
    (finding,) = cluster_checks.secret(ClientSettings(secret_file=path))
    assert "chmod 600" in finding.way_out


def test_a_secret_that_is_not_there(doctor: Callable[..., Found], tmp_path: Path) -> None:
    status, found = doctor()
    assert (status, found["secret"][0]["mark"]) == (0, Mark.WARNING)
    assert "copy the file 'secret'" in found["secret"][0]["way_out"]
    (finding,) = cluster_checks.secret(ClientSettings(secret_file=tmp_path / "nowhere"))
    assert finding.mark is Mark.WRONG
    (finding,) = cluster_checks.secret(ClientSettings(no_secret=True))
    assert finding.mark is Mark.GOOD


def test_folders_that_may_not_be_entered_are_findings_like_others(
    doctor: Callable[..., Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("state", "results"):
        (tmp_path / name).mkdir()
        close(tmp_path / name, monkeypatch)
    monkeypatch.setenv("MOVIOLA_STATE", str(tmp_path / "state" / "below"))
    status, found = doctor()
    assert status == 1
    (state,), (results,), (secret,) = found["state"], found["results"], found["secret"]
    closed = tmp_path / "state"
    assert (state["mark"], state["text"]) == (
        Mark.WRONG,
        f"{closed / 'below'} cannot be made: {closed} cannot be written to",
    )
    assert (results["mark"], results["text"]) == (Mark.WRONG, f"{tmp_path / 'results'} cannot be written to")
    told = f"{closed / 'below' / 'secret'} cannot be read: Permission denied"
    assert (secret["mark"], secret["text"]) == (Mark.WRONG, told)
    assert "name a copy with --secret-file" in secret["way_out"]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_wrong_unless_a_middleware_answers_there(tmp_path: Path, taken: int) -> None:
    up = UpSettings(state=tmp_path, port=taken, aggregator_port=free_port())
    first, second = cluster_checks.ports(up, ClientSettings(port=taken), is_answering=False)
    assert first == Finding(
        "ports",
        Mark.WRONG,
        f"Port {taken} is taken by another program",
        "stop that one, or choose another port with --port",
    )
    assert second.mark is Mark.GOOD
    first, _ = cluster_checks.ports(up, ClientSettings(port=taken), is_answering=True)
    assert first.mark is Mark.GOOD


def test_a_state_of_a_user_that_there_is_not_is_a_finding_like_others(
    doctor: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVIOLA_STATE", "~nobody-of-this-name/state")
    status, found = doctor()
    assert status == 1
    (ports,) = found["ports"]
    assert ports["mark"] == Mark.WRONG
    assert ports["text"].startswith("--state cannot be '~nobody-of-this-name/state': ")


def test_a_mistake_in_a_configuration_is_a_finding_like_others(
    doctor: Callable[..., Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "moviola.toml").write_text("[client]\nuzer = 1\n")
    status, found = doctor()
    assert status == 1
    assert "did you mean 'user'?" in found["settings"][0]["text"]
    assert found["cluster"]
    (tmp_path / "moviola.toml").unlink()
    monkeypatch.setenv("MOVIOLA_WORKER_FILTRES", "blur")
    assert [each["mark"] for each in doctor()[1]["settings"]] == [Mark.GOOD, Mark.WARNING]


class Usage(NamedTuple):
    """As shutil.disk_usage returns."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "mark"), [(GIB // 2, Mark.WRONG), (2 * GIB, Mark.WARNING), (20 * GIB, Mark.GOOD)])
def test_room_on_disk(free: int, mark: Mark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.doctor.machine.shutil.disk_usage", lambda path: Usage(free, 0, free))
    (finding,) = machine.folder("state", tmp_path / "not" / "yet", "--state")
    assert finding.mark is mark
    assert f"{free / GIB:.1f} GiB free" in finding.text
    assert bool(finding.way_out) == (mark is not Mark.GOOD)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = machine.folder("results", tmp_path / "file" / "results", "--results")
    assert finding.mark is Mark.WRONG
    assert finding.text == f"{tmp_path / 'file' / 'results'} cannot be made: {tmp_path / 'file'} cannot be written to"
    assert finding.way_out == "choose another folder with --results"


def test_memory_is_a_containers_where_there_is_one(tmp_path: Path) -> None:
    limit = tmp_path / "sys/fs/cgroup/memory.max"
    limit.parent.mkdir(parents=True)
    limit.write_text(f"{2 * GIB}\n")
    (finding,) = machine.memory(1, tmp_path)
    assert finding.mark is Mark.GOOD
    assert finding.text.startswith("this container has 2.0 GiB; each of 1 worker processes may take 1.8 GiB")
    (finding,) = machine.memory(8, tmp_path)
    assert finding.mark is Mark.WARNING
    assert finding.way_out.endswith("--workers 1")


def test_a_low_limit_of_open_files_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "raise_limit", lambda: 256)
    (finding,) = machine.open_files()
    assert finding.mark is Mark.WARNING
    assert f"ulimit -n {descriptors.WANTED}" in finding.way_out


@pytest.mark.parametrize(
    ("version", "bounds", "fitting"),
    [
        ("4.10.0.84", ">=4.10,<5", True),
        ("5.0", ">=4.10,<5", False),
        ("5.0.0rc1", ">=4.10,<5", False),
        ("4.9.9", ">=4.10,<5", False),
        ("18.0", ">=18.0,<19", True),
        ("18", ">=18.0.0,<19", True),
        ("2.1", "", True),
        ("2.0.0", "==2.0.0", True),
        ("2.0.1", "==2.0.0", False),
    ],
)
def test_versions(version: str, bounds: str, fitting: bool) -> None:
    assert software.fits(version, bounds) is fitting


def test_networks_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert software.networks().text == f"onnxruntime {metadata.version('onnxruntime')} runs the networks of filters"
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    finding = software.networks()
    assert (finding.mark, finding.way_out) == (Mark.GOOD, "")
    assert finding.text.startswith("onnxruntime is not installed (the extra networks): workers here offer no filters")


def test_a_runtime_of_networks_may_come_in_a_package_of_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "onnxruntime":
            raise metadata.PackageNotFoundError(name)
        return {"onnxruntime-gpu": "1.23.0"}[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"onnxruntime": ["onnxruntime-gpu"]})
    assert software.networks().text == "onnxruntime 1.23.0 runs the networks of filters"
    monkeypatch.setattr(metadata, "packages_distributions", dict)
    assert software.networks().text == "onnxruntime runs the networks of filters"


def test_packages_that_are_missing_or_too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "gone":
            raise metadata.PackageNotFoundError(name)
        return "5.0"

    monkeypatch.setattr(metadata, "version", version)
    findings = list(software.packages(["good>=5,<6", "gone>=1", "new (>=4,<5)"]))
    assert [(each.mark, each.text) for each in findings] == [
        (Mark.WRONG, "gone is not installed"),
        (Mark.WRONG, "new 5.0 is installed, and >=4,<5 is needed"),
    ]
    assert findings[0].way_out.endswith("-m pip install 'gone>=1'")


def test_every_requirement_of_ours_can_be_read() -> None:
    needed = software.requirements()
    assert len(needed) >= 10
    assert all(software.fits("0", software._split(each)[1]) is False for each in needed)


def test_a_codec_that_cannot_be_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("av.codec.codecs_available", {"libx264", "mpeg4", "ffv1"})
    (finding,) = software.ffmpeg()
    assert finding.mark is Mark.WARNING
    assert "has no encoder libx265: workers here fail at --codec hevc" in finding.text


def test_what_a_person_sees_fits_80_columns(
    doctor: Callable[..., Found], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_secret(tmp_path / "state", 0o644)
    assert main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    (secret,) = [index for index, line in enumerate(lines) if line[2:8] == "secret"]
    assert lines[secret][0] in "✗x"
    assert "chmod 600" in " ".join(lines[secret : secret + 5])
    assert lines[-1] == "2 things are wrong."


def test_the_command_line_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--jsn"])
    assert end.value.code == 2
    assert "did you mean --json?" in capsys.readouterr().err


def test_how_much_finished_jobs_take_is_told_and_how_to_limit_it(tmp_path: Path) -> None:
    assert list(machine.kept_results(tmp_path)) == []
    for job in ("clip-1", "clip-2"):
        (tmp_path / job).mkdir()
        (tmp_path / job / "blur.mp4").write_bytes(b"x" * 1500)
        result_folders.note(tmp_path, job, "blur.mp4", tmp_path / job / "blur.mp4")
    now = (tmp_path / ".moviola" / "clip-1.jsonl").stat().st_mtime + 3 * 86_400 + 1
    (good,) = machine.kept_results(tmp_path, free=10_000, now_unix_s=now)
    assert (good.mark, good.way_out) == (Mark.GOOD, "")
    assert good.text == "2 jobs left files, the oldest 3 d ago; removing them would free 3.0 kB"
    (much,) = machine.kept_results(tmp_path, free=2_999, now_unix_s=now)
    assert much.mark is Mark.WARNING
    assert "prune --older-than 30d --dry-run" in much.way_out
    assert (tmp_path / "clip-1" / "blur.mp4").is_file()
