"""Tries files of filters in a process of its own: `python -m worker.trial FD FILTERS`.

Loads what the inherited file FD holds (see moviola/filters/plugin_sources.py), and prints the filters that a worker
would offer then, as JSON. Exit status: 0 it would; 2 it could not, and a sentence on standard error says why.
"""

from __future__ import annotations

import json
import sys

from moviola.filters.plugin_sources import PluginSources
from moviola.filters.registry import PluginError

from .offered import chosen_filters


def main() -> int:
    """Load the files and return the exit status."""
    try:
        PluginSources.held(int(sys.argv[1])).load()
        print("\n" + json.dumps(chosen_filters(sys.argv[2])))
    except (PluginError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
