"""Runs a measurement in a process of its own, so that none finds the memory and the caches of the one before.

`python -m bench.children MODULE:FUNCTION '{"argument": 1}'` prints what the function returns, as JSON.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class ChildFailed(Exception):
    """A measurement ended with an error; the text is what it wrote."""


def measured(function: str, **arguments: Any) -> Any:
    """Return what `module:name` returns when it is called in a fresh process.

    Args:
        function: `module:name` of a function of the bench.
        arguments: for it, plain data; the result is plain data as well.

    Raises:
        ChildFailed: it raised, or its process died.
    """
    command = [sys.executable, "-m", "bench.children", function, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildFailed(f"{function} with {arguments} ended with status {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    module, _, name = sys.argv[1].partition(":")
    print(json.dumps(getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
