from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from scripts import run
from scripts.cluster import Cluster
from scripts.supervision import Problem


@contextmanager
def listener(family: socket.AddressFamily, host: str) -> Iterator[int]:
    with closing(socket.socket(family)) as server:
        server.bind((host, 0))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_port_somebody_listens_on_is_refused_by_name(family: socket.AddressFamily, host: str) -> None:
    with listener(family, host) as port, pytest.raises(Problem, match=f"Port {port} is taken.*--port"):
        run.check_port("--port", port)


def test_port_held_without_listening_is_refused() -> None:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(Problem, match="is taken"):
            run.check_port("--port", holder.getsockname()[1])


def test_free_port_is_accepted() -> None:
    with listener(socket.AF_INET, "127.0.0.1") as port:
        pass
    run.check_port("--port", port)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "five", "5e3", "५000"])
def test_number_outside_its_range_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="--port is a number from 1 to 65535"):
        run.number("--port", text, 65535)


def test_number_that_was_not_given_is_none() -> None:
    assert run.number("--port", None, 65535) is None
    assert run.number("--port", "", 65535) is None  # an empty MOVIOLA_PORT


@pytest.mark.parametrize("name", ["a #b", "a ;b", "100%", "a\nb"])
def test_folder_that_supervisord_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem, match="--state cannot be"):
        run.folder("--state", tmp_path / name)


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(Problem, match=r"Cannot write to .*file.deeper \(.*\): choose another folder with --results"):
        run.make_folder("--results", file / "deeper")


def test_folder_is_left_empty(tmp_path: Path) -> None:
    run.make_folder("--state", tmp_path / "state")
    assert not list((tmp_path / "state").iterdir())


def test_flags_win_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIOLA_PORT", "6000")
    monkeypatch.setenv("MOVIOLA_AGGREGATOR_PORT", "6001")
    monkeypatch.setenv("MOVIOLA_STATE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["run", "--port", "7000", "demo"])
    options = run.read_options()
    assert (options.port, options.aggregator_port, options.state) == (7000, 6001, tmp_path.resolve())
    assert (options.demo, options.workers) == (True, None)


def test_what_was_not_asked_for_stays_as_it_is(tmp_path: Path) -> None:
    running = Cluster(state=tmp_path, results=tmp_path / "r", port=6000, aggregator_port=6001, workers=5)
    nothing = run.Options(state=tmp_path, results=None, port=None, aggregator_port=None, workers=None, demo=False)
    assert run.settle(nothing, running) == running


def test_running_cluster_is_not_moved_to_another_port(tmp_path: Path) -> None:
    running = Cluster(state=tmp_path, results=tmp_path / "r", port=6000, aggregator_port=6001, workers=5)
    asked = run.Options(state=tmp_path, results=None, port=7000, aggregator_port=None, workers=None, demo=False)
    with pytest.raises(Problem, match=r"running already, on ports 6000 and 6001 .*stop\.sh --state"):
        run.adjust(running, run.settle(asked, running))


def test_workers_are_at_most_the_cores_of_this_machine() -> None:
    assert 1 <= run.core_count() <= (os.cpu_count() or 1)
