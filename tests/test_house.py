"""Rules for the tests themselves."""

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
