"""Tries files of filters in a process of its own: `python -m worker.trial FD FILTERS ANSWER`.

Loads what the inherited file FD holds (see moviola/filters/plugin_sources.py), and writes the filters that a worker
would offer then into the inherited file ANSWER, as JSON: standard output is for what the files of filters and their
libraries print, also after `main`. Exit status: 0 it would; 2 it could not, and a sentence on standard error says why.
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
        with open(int(sys.argv[3]), "w") as answer:
            json.dump(chosen_filters(sys.argv[2]), answer)
    except (PluginError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
