"""Rules for the tests themselves, and for how the programs open files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the full name of every module, or name in a module, that a module of `package` imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{each.name}" for each in node.names)


def borrowed(source: str, package: str) -> list[str]:
    """Return what a module of `package` imports of test modules."""
    names = imported(ast.parse(source), package)
    return [name for name in names if name.startswith("tests.") and ".test_" in name and is_of_test_module(name)]


def is_of_test_module(name: str) -> bool:
    """Tell whether a full name is that of a test module, or of something in one."""
    module = Path(*name.split("."))
    return any((TESTS.parent / each).with_suffix(".py").exists() for each in (module, module.parent) if is_test(each))


def is_test(path: Path) -> bool:
    return path.name.startswith("test_")


@pytest.mark.parametrize(
    "line",
    [
        "from tests.test_house import TESTS",
        "from tests import test_house",
        "import tests.test_house",
        "from ..test_house import TESTS",
        "from .. import test_house",
        "def test() -> None:\n    from tests.test_house import TESTS",
    ],
)
def test_every_way_to_import_a_test_module_is_seen(line: str) -> None:
    assert borrowed(line, "tests.wire")


def test_what_is_no_test_module_may_be_imported() -> None:
    assert not borrowed("from tests.end_to_end import clips\nfrom tests import ports\nimport pytest", "tests.wire")


def test_no_module_imports_from_a_test_module() -> None:
    """What tests share has a module of its own: one that is read and changed for its tests is no library for others."""
    borrowing = {
        str(path.relative_to(TESTS.parent)): found
        for path in sorted(TESTS.rglob("*.py"))
        if (found := borrowed(path.read_text(), ".".join(path.relative_to(TESTS.parent).parent.parts)))
    }
    assert not borrowing, f"move what is shared to a module whose name does not begin with test_: {borrowing}"


def opened_by_name(source: str) -> list[str]:
    """Return the calls of PyAV's `open` in a module that are given the name of a file as it is."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args)
    return [
        ast.unparse(call)
        for call in calls
        if ast.unparse(call.func) == "av.open"
        and isinstance(call.args[0], ast.Call)
        and ast.unparse(call.args[0].func) in ("str", "os.fspath", "os.fsdecode")
    ]


def test_a_file_that_is_opened_by_its_name_is_seen() -> None:
    assert opened_by_name("with av.open(str(path), 'r') as file:\n    pass") == ["av.open(str(path), 'r')"]
    assert not opened_by_name("av.open(for_ffmpeg(path))\nav.open(buffer, 'w')")


@pytest.mark.parametrize("package", ["aggregator", "client", "middleware", "moviola", "worker"])
def test_no_program_opens_a_file_by_a_name_that_ffmpeg_may_take_for_an_address(package: str) -> None:
    opening = {
        str(path.relative_to(TESTS.parent)): found
        for path in sorted((TESTS.parent / package).rglob("*.py"))
        if (found := opened_by_name(path.read_text()))
    }
    assert not opening, f"give PyAV the name that moviola.base.file_names.for_ffmpeg returns: {opening}"
