"""`detect` and `onnx` keep the contract with networks, and not only without."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from moviola.filters import registry
from moviola.filters.checking import check
from moviola.filters.checking.contract import CHECKS, Check
from tests.filters.networks import made
from tests.filters.networks.conftest import Given, given

__all__ = ["given"]

NETWORKS: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "detect": ("detect", made.bright_cells(), {}),
    "same size": ("onnx", made.smoothing(), {"overlap": 4, "multiple": 1}),
    "larger": ("onnx", made.larger(2), {"overlap": 4, "multiple": 1}),
    "luma": ("onnx", made.smoothing(1), {"overlap": 4, "multiple": 1}),
}


@pytest.mark.parametrize("check", [each for each in CHECKS if not each.bare], ids=lambda check: check.name)
@pytest.mark.parametrize("which", NETWORKS)
def test_networks_keep_the_contract(which: str, check: Check, given: Given) -> None:
    name, content, parameters = NETWORKS[which]
    assert not check.failure(registry.filter_class(name), {"model": given(content), **parameters})


def test_other_processors_cannot_be_tried_with_a_runtime_of_its_own() -> None:
    (bare,) = [each for each in CHECKS if each.bare]
    assert bare.name == "processors"
    assert not bare.concerns(registry.filter_class("detect"))
    assert bare.concerns(registry.filter_class("blur"))


def run(*arguments: object) -> tuple[int, str]:
    printed = io.StringIO()
    return check.main([str(each) for each in arguments], Console(file=printed, width=300)), printed.getvalue()


def test_the_command_is_given_a_network(tmp_path: Path) -> None:
    path = tmp_path / "cells.onnx"
    path.write_bytes(made.bright_cells())
    status, printed = run("--filter", "detect", "--set", f"model={path}", "--set", "score=0.5")
    assert (status, printed.count("✓"), printed.count("–")) == (check.KEPT, len(CHECKS) - 1, 1)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("model=gone.onnx", "--set model=gone.onnx: the file cannot be read: No such file"),
        (f"model={__file__}", "detect: the network given as model is not an ONNX file"),
        ("modell=a", "--set modell=a: give a parameter of detect, as NAME=VALUE"),
        ("model", "--set model: give a parameter of detect"),
        ("score=much", 'score takes a number, not "much"'),
    ],
)
def test_what_is_set_must_be_a_parameter_and_fit(told: str, words: str) -> None:
    status, printed = run("--filter", "detect", "--set", told)
    assert status == check.NOTHING
    assert words in printed
