"""The gateway beside a local cluster: when there is one, where it listens, and what is said where it cannot be."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from moviola.base import extras
from moviola.launcher import cluster, gateway, run, supervision
from moviola.launcher.cluster import Cluster
from moviola.launcher.gateway import Gateway
from moviola.launcher.options import Options
from moviola.launcher.problem import Problem
from moviola.wire.options import WEB_PORT
from tests.ports import free_port


def nothing_asked(folder: Path) -> Options:
    return Options(state=folder, results=None, port=None, aggregator_port=None, workers=None, demo=False)


def a_cluster(folder: Path, own: Gateway | None = None) -> Cluster:
    return Cluster(folder, folder / "results", free_port(), free_port(), workers=1, secret_file=None, gateway=own)


def test_there_is_one_once_it_was_asked_for_until_it_is_not_wanted(tmp_path: Path) -> None:
    nothing = nothing_asked(tmp_path)
    assert run.settle_gateway(nothing, None) is None
    assert run.settle_gateway(replace(nothing, web_port=9000), None) is None, "a port alone asks for none"
    assert run.settle_gateway(replace(nothing, web=True), None) == Gateway(WEB_PORT)
    running = Gateway(9000, "*")
    assert run.settle_gateway(nothing, running) == running
    assert run.settle_gateway(replace(nothing, web=True, web_port=9001), running) == Gateway(9001, "*")
    assert run.settle_gateway(replace(nothing, web_bind="::1"), running) == Gateway(9000, "::1")
    assert run.settle_gateway(replace(nothing, web=False), running) is None


@pytest.mark.parametrize(
    ("bind", "url"), [("*", "http://localhost:80"), ("10.0.0.7", "http://10.0.0.7:80"), ("::1", "http://[::1]:80")]
)
def test_its_address_is_one_that_this_machine_reaches(bind: str, url: str) -> None:
    assert Gateway(80, bind).url == url


def test_a_running_cluster_keeps_it(tmp_path: Path) -> None:
    for wanted in (a_cluster(tmp_path), a_cluster(tmp_path, Gateway(9000, "*"))):
        wanted.logs.mkdir(exist_ok=True)
        cluster.write_configuration(wanted)
        assert cluster.read_configuration(wanted.state) == wanted
        command = "moviola.web" in cluster.configuration_path(wanted.state).read_text()
        assert command is (wanted.gateway is not None)


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(wanted: Cluster) -> None:
        raise AssertionError(f"{wanted} is started")

    monkeypatch.setattr(supervision, "launch", launch)
    monkeypatch.setattr(supervision, "change", launch)


@pytest.mark.usefixtures("nothing_starts")
def test_missing_libraries_are_said_before_anything_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in ("httpx", "uvicorn") else name)
    said = (
        r"^--web: uvicorn, httpx are not installed; install .* with: \S+ -m pip install -r \S+/requirements-web\.txt\.$"
    )
    wanted = a_cluster(tmp_path, Gateway(free_port()))
    with pytest.raises(Problem, match=said):
        run.start(wanted)
    with pytest.raises(Problem, match=said):
        run.adjust(replace(wanted, gateway=None), wanted)


@pytest.mark.usefixtures("nothing_starts")
def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = a_cluster(tmp_path, Gateway(taken.getsockname()[1]))
        with pytest.raises(Problem, match=f"^Port {taken.getsockname()[1]} is taken .* with --web-port"):
            run.start(wanted)
        with pytest.raises(Problem, match=f"^Port {taken.getsockname()[1]} is taken .* with --web-port"):
            run.adjust(replace(wanted, gateway=None), wanted)
    same = replace(wanted, gateway=Gateway(wanted.aggregator_port))
    with pytest.raises(Problem, match="is for another program of the cluster: give --web-port another"):
        run.start(same)


def test_a_gateway_that_does_not_stay_up_ends_the_waiting() -> None:
    def check() -> None:
        raise Problem("The gateway does not stay up: no")

    with pytest.raises(Problem, match="does not stay up"):
        gateway.wait(Gateway(free_port()), check)
