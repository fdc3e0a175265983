"""Tries files of filters in a process of its own: `python -m moviola.filters.trial FILE …` loads them, and ends.

Whatever such a file does when it is loaded, it does not do to the process that asks. Exit status: 0 all can be loaded;
2 one cannot, and a sentence on standard error says why.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from moviola.filters import registry

EXIT_REFUSED: Final = 2


def main(files: Sequence[str] | None = None) -> int:
    """Load the files and return the exit status."""
    try:
        for file in sys.argv[1:] if files is None else files:
            registry.load_plugin(Path(file))
    except registry.PluginError as error:
        print(error, file=sys.stderr)
        return EXIT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
