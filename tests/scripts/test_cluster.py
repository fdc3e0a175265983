from __future__ import annotations

import shlex
import socket
from pathlib import Path

from supervisor.options import ServerOptions

from scripts import cluster
from scripts.cluster import Cluster


def a_cluster(folder: Path) -> Cluster:
    return Cluster(state=folder / "state", results=folder / "results", port=6000, aggregator_port=6001, workers=3)


def write(wanted: Cluster) -> None:
    wanted.logs.mkdir(parents=True)
    cluster.write_configuration(wanted)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    wanted = a_cluster(tmp_path)
    assert cluster.read_configuration(wanted.state) is None
    write(wanted)
    assert cluster.read_configuration(wanted.state) == wanted


def test_supervisord_reads_the_same_command_lines(tmp_path: Path) -> None:
    wanted = a_cluster(tmp_path / "it's a folder; with [marks]")
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
