"""Functions of a script or a notebook as a file of filters, which a cluster's workers can load.

A module that can be imported is loaded as it is. The main module cannot be: if every worker ran it once more, whatever
the script does would be done again. So what a function needs is written out: its source, and the source of the
functions, classes, constants and imports that it names, and of what these name in turn.
"""

from __future__ import annotations

import ast
import inspect
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from moviola.api.errors import UsageError

MAIN: Final = "__main__"


def plugin_files(functions: Iterable[Callable[..., Any]], folder: Path) -> list[Path]:
    """Return the files that define these decorated functions; what is written out goes to `folder`.

    Raises:
        UsageError: a function has no source, or needs what cannot be written out.
    """
    files: dict[Path, None] = {}
    written: dict[str, str] = {}
    head = ""
    for function in functions:
        source = _file_of(function)
        if source is not None:
            files[source] = None
        else:
            _write_out(function.__name__, function, function.__globals__, written, f"the filter {function.__name__}")
            if function.__code__.co_flags & annotations.compiler_flag:
                head = "from __future__ import annotations\n\n"  # they may name what only type checkers know
    if written:
        path = folder / "filters_of_main.py"
        path.write_text(head + "\n\n".join(written.values()) + "\n", encoding="utf-8")
        files[path] = None
    return list(files)


def _file_of(function: Callable[..., Any]) -> Path | None:
    """Return the file of the module that defines a function; None for the main module, or where there is no file."""
    module = inspect.getmodule(function)
    path = getattr(module, "__file__", None)
    return Path(path).resolve() if module is not None and module.__name__ != MAIN and path else None


def _write_out(name: str, value: Any, names: dict[str, Any], written: dict[str, str], needs: str) -> None:
    """Add to `written` the source that defines a name, behind the definitions of all names that it needs.

    Args:
        names: the globals of the module in which it is defined.
        written: source by name, in the order in which it is to be written.
        needs: the beginning of an error's sentence: what needs this name.

    Raises:
        UsageError: the source is not known, or a value cannot be written as a literal.
    """
    if name in written:
        return
    if isinstance(value, ModuleType):
        written[name] = f"import {value.__name__} as {name}"
    elif inspect.isfunction(value) or inspect.isclass(value):
        module = value.__module__
        if module != names.get("__name__"):
            written[name] = f"from {module} import {value.__qualname__} as {name}"
            return
        own = value.__name__
        if own != name and names.get(own) is value:
            _write_out(own, value, names, written, needs)
            written[name] = f"{name} = {own}"
            return
        _refuse_closure(value, needs)
        source = _source(value, needs)
        written[name] = ""  # its place, should it name itself
        needed = {other: names[other] for other in _names_in(source) if other in names and other != name}
        for other, what in needed.items():
            _write_out(other, what, names, written, f"{needs}, which needs {other},")
        for module in _submodules_in(source, needed):
            written[module] = f"import {module}"
        del written[name]
        written[name] = source
    elif getattr(value, "__module__", None) not in (None, names.get("__name__")) and hasattr(value, "__name__"):
        written[name] = f"from {value.__module__} import {value.__name__} as {name}"
    else:
        written[name] = f"{name} = {_literal(name, value, needs)}"


def _source(value: Any, needs: str) -> str:
    try:
        return textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError) as error:
        raise UsageError(
            f"{needs} was typed at a prompt, so that its source cannot be given to workers; put it into a file"
        ) from error


def _refuse_closure(value: Any, needs: str) -> None:
    """Raise UsageError for a function that takes names from the function in which it is made."""
    if inspect.isfunction(value) and value.__code__.co_freevars:
        taken = ", ".join(value.__code__.co_freevars)
        raise UsageError(
            f"{needs} cannot be given to workers, because it takes {taken} from the function in which it is made; "
            "define it outside of any function, or make a parameter of what it takes"
        )


def _names_in(source: str) -> Iterator[str]:
    """Every global name that a definition uses, with those of its decorators, defaults and annotations."""
    tables = [symtable.symtable(source, "", "exec")]
    for table in tables:
        tables += table.get_children()
        yield from (each.get_name() for each in table.get_symbols() if each.is_referenced() and each.is_global())
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Constant):  # in quotes
            with suppress(SyntaxError):  # plain words
                yield from _names_in(str(node.annotation.value))


def _submodules_in(source: str, names: dict[str, Any]) -> Iterator[str]:
    """Modules that a definition reads as attributes of modules, such as `PIL.Image`: who imports `PIL` alone has them
    only where somebody has imported them as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and (module := _module_at(node, names)):
            yield module


def _module_at(node: ast.expr, names: dict[str, Any]) -> str:
    """Return the name of the module that an expression such as `PIL.Image` stands for; empty where it is none."""
    if isinstance(node, ast.Name):
        found = names.get(node.id)
        return found.__name__ if isinstance(found, ModuleType) else ""
    if isinstance(node, ast.Attribute) and (parent := _module_at(node.value, names)):
        name = f"{parent}.{node.attr}"
        return name if name in sys.modules else ""
    return ""


def _literal(name: str, value: Any, needs: str) -> str:
    text = repr(value)
    try:
        if ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError, TypeError):
        pass
    raise UsageError(
        f"{needs} cannot be given to workers, because {name} is a {type(value).__name__} of the script; make it where "
        "it is used, or put the filter and what it needs into a file of its own, and import that"
    )
