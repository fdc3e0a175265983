"""Functions of a script or a notebook as a file of filters, which a cluster's workers can load.

A module that can be imported is loaded as it is. The main module cannot be: if every worker ran it once more, whatever
the script does would be done again. So what a function needs is written out: its source, and the source of the
functions, classes, constants and imports that it names, and of what these name in turn.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
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
    for function in functions:
        source = _file_of(function)
        if source is not None:
            files[source] = None
        else:
            _write_out(function.__name__, function, function.__globals__, written, f"the filter {function.__name__}")
    if written:
        path = folder / "filters_of_main.py"
        path.write_text("\n\n".join(written.values()) + "\n", encoding="utf-8")
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
        source = _source(value, needs)
        written[name] = ""  # its place, should it name itself
        for other in _names_in(source):
            if other in names and other != name:
                _write_out(other, names[other], names, written, f"{needs}, which needs {other},")
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


def _names_in(source: str) -> Iterator[str]:
    """Every name that a definition uses, with those of its decorators, defaults and annotations."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value  # an annotation in quotes


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
