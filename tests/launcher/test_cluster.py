from __future__ import annotations

import errno
import os
import shlex
import socket
import tempfile
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor.options import ServerOptions

from moviola.base import files
from moviola.launcher import cluster
from moviola.launcher.cluster import Cluster
from moviola.launcher.problem import Problem


def a_cluster(folder: Path) -> Cluster:
    state = folder / "state"
    return Cluster(state, folder / "results", port=6000, aggregator_port=6001, workers=3, secret_file=state / "secret")


def write(wanted: Cluster) -> None:
    wanted.logs.mkdir(parents=True)
    cluster.write_configuration(wanted)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    wanted = a_cluster(tmp_path)
    assert cluster.read_configuration(wanted.state) is None
    write(wanted)
    assert cluster.read_configuration(wanted.state) == wanted


def test_secret_and_address_are_kept(tmp_path: Path) -> None:
    for secret_file, flags in ((tmp_path / "mine", ["--secret-file", str(tmp_path / "mine")]), (None, ["--no-secret"])):
        wanted = replace(a_cluster(tmp_path / flags[0]), secret_file=secret_file, bind="192.168.1.10")
        write(wanted)
        assert cluster.read_configuration(wanted.state) == wanted
        for name in ("aggregator", "worker"):
            assert wanted.programs[name][:2] == ["--host", "192.168.1.10"]
        for line in wanted.programs.values():
            assert " ".join(flags) in " ".join(line)


@pytest.mark.parametrize("bind", ["", "localhost", "*", "::", "0.0.0.0"])
def test_its_programs_find_the_middleware_at_this_machine(bind: str, tmp_path: Path) -> None:
    assert replace(a_cluster(tmp_path), bind=bind).host == "127.0.0.1"


def test_files_of_filters_are_kept_and_handed_to_the_workers(tmp_path: Path) -> None:
    wanted = replace(a_cluster(tmp_path), plugins=(tmp_path / "it's mine.py", tmp_path / "b.py"))
    write(wanted)
    assert cluster.read_configuration(wanted.state) == wanted
    assert wanted.programs["worker"][-3:] == ["--plugins", str(tmp_path / "it's mine.py"), str(tmp_path / "b.py")]
    assert "--plugins" not in a_cluster(tmp_path).programs["worker"]


def test_what_was_started_before_there_were_such_files_is_read(tmp_path: Path) -> None:
    wanted = a_cluster(tmp_path)
    write(wanted)
    path = cluster.configuration_path(wanted.state)
    path.write_text(path.read_text().replace("plugins = \n", ""))
    assert "plugins" not in path.read_text()
    assert cluster.read_configuration(wanted.state) == wanted


def test_supervisord_reads_the_same_command_lines(tmp_path: Path) -> None:
    wanted = a_cluster(tmp_path / "it's a folder; with [marks]")
    wanted = replace(wanted, plugins=(tmp_path / "it's a plugin; with [marks].py",))
    write(wanted)
    options = ServerOptions()
    options.realize(["-c", str(cluster.configuration_path(wanted.state))])
    programs = {group.name: group.process_configs[0] for group in options.process_group_configs}
    assert list(programs) == ["middleware", "aggregator", "worker"]
    for name, arguments in wanted.programs.items():
        command = shlex.split(programs[name].command)
        assert command[-len(arguments) - 1 :] == [name, *arguments]
        assert programs[name].stdout_logfile == str(wanted.logs / f"{name}.log")
        assert programs[name].stdout_logfile_backups == cluster.LOG_BACKUPS


def test_control_socket_can_be_bound_however_deep_the_state_is(tmp_path: Path) -> None:
    shallow, deep = tmp_path / "s", tmp_path / ("d" * 120)
    assert cluster.socket_path(deep) != cluster.socket_path(deep / "other")
    for state in (shallow, deep):
        with socket.socket(socket.AF_UNIX) as server:
            path = f"{cluster.socket_path(state)}.4194304"
            state.mkdir(exist_ok=True)
            server.bind(path)
            Path(path).unlink()
    assert cluster.socket_path(Path("/s")).parent == Path("/s")


@given(place=st.integers(0, 10_000), mask=st.integers(1, 255), length=st.sampled_from([1, 8, 400]))
def test_damaged_bytes_are_said_with_the_file_or_change_nothing_else(place: int, mask: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        wanted = a_cluster(Path(made))
        write(wanted)
        state, path = wanted.state, cluster.configuration_path(wanted.state)
        content = bytearray(path.read_bytes())
        place %= len(content)
        content[place : place + length] = bytes(byte ^ mask for byte in content[place : place + length])
        path.write_bytes(content)
        said = ""
        try:
            assert cluster.read_configuration(state)
        except Problem as problem:
            said = str(problem)
        assert not said or (str(path) in said and "./stop.sh" in said)


def test_what_a_cluster_logs_is_its_users_own_and_its_results_are_as_they_were(tmp_path: Path) -> None:
    wanted = a_cluster(tmp_path)
    before = os.umask(0o022)
    try:
        write(wanted)
    finally:
        os.umask(before)
    parser = RawConfigParser()
    parser.read(cluster.configuration_path(wanted.state))
    assert parser["supervisord"]["umask"] == "077"
    assert parser["program:aggregator"]["umask"] == "022"
    assert f"--secret-file {wanted.state / 'secret'}" in parser["program:worker"]["command"]


def test_a_full_disk_is_one_sentence_and_what_was_written_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_files: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = a_cluster(tmp_path)
    write(before)
    monkeypatch.setattr(files, "sync", full)
    path = cluster.configuration_path(before.state)
    with pytest.raises(
        Problem, match=rf"^Cannot write {path} \(No space left on device\): make room there, or .* --state"
    ):
        cluster.write_configuration(replace(before, workers=9))
    assert cluster.read_configuration(before.state) == before
    assert sorted(each.name for each in before.state.iterdir()) == ["logs", "supervisord.conf"]
