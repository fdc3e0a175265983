"""What is said where a Ray cluster cannot be used; nothing of it needs Ray."""

from __future__ import annotations

import socket
import sys
from types import ModuleType

import pytest

from moviola.base import extras
from moviola.base.installation import version
from moviola.engines import ray_engine
from moviola.engines.errors import EngineUnavailable
from moviola.filters.plugin_sources import PluginSources

PYTHON = ".".join(map(str, sys.version_info[:3]))

MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.40.0
    Python: 3.11.7
This process was started with:
    Ray: 2.60.0
    Python: 3.12.1
"""


def test_nodes_that_are_alike_have_one_build() -> None:
    assert ray_engine._agreed({"a": (PYTHON, version(), "avx2"), "b": (PYTHON, version(), "avx2")}) == "avx2"


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ((PYTHON, version(), "avx512bw"), "libraries or processors differ (a: avx2; b: avx512bw)"),
        ((PYTHON, "0.1.0", "avx2"), f"b has Moviola 0.1.0, and here is {version()}; install the same"),
        (("3.9.1", version(), "avx2"), f"b runs Python 3.9.1, and here is {PYTHON}; install the same"),
        (
            (PYTHON, "", "ModuleNotFoundError: moviola"),
            f"Moviola cannot be used on b (ModuleNotFoundError: moviola); install version {version()}",
        ),
    ],
)
def test_nodes_that_differ_are_told_with_what_differs(other: tuple[str, str, str], sentence: str) -> None:
    with pytest.raises(EngineUnavailable) as said:
        ray_engine._agreed({"a": (PYTHON, version(), "avx2"), "b": other})
    assert sentence in str(said.value)


def test_no_ray_is_said_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    with pytest.raises(EngineUnavailable, match=r"ray is not installed; install what jobs on a Ray .* pip"):
        ray_engine.connect("", PluginSources())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ConnectionError("Could not find any running Ray instance.\nMore"),
            "No Ray cluster answers on this machine (Could not find any",
        ),
        (
            RuntimeError(MISMATCH),
            "has other versions than this program: Version mismatch: The cluster was started with:",
        ),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_said(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = ModuleType("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def init(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(ray, "is_initialized", lambda: False, raising=False)
    monkeypatch.setattr(ray, "init", init, raising=False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(extras, "find_spec", lambda _name: ray)
    with pytest.raises(EngineUnavailable) as said:
        ray_engine.connect("", PluginSources())
    assert sentence in str(said.value)


def test_an_address_at_which_nothing_listens_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = ModuleType("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False, raising=False)  # and no `init`
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(extras, "find_spec", lambda _name: ray)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(EngineUnavailable, match=f"No Ray cluster answers at {address} .*refused"):
            ray_engine.connect(address, PluginSources())
