"""A worker's parent with the fake kind of material: `python -m tests.worker.program PORT NAME … [-- PLUGIN …]`."""

from __future__ import annotations

import sys
from pathlib import Path

from moviola.filters.plugin_sources import PluginSources
from moviola.wire.addresses import Address
from moviola.wire.options import set_up_log
from worker.child_settings import ParentSettings
from worker.offered import chosen_filters
from worker.parent import Parent

if __name__ == "__main__":
    set_up_log("info")
    middleware = Address("127.0.0.1", int(sys.argv[1]))
    kinds = {"fake": "tests.worker.fake_kind.process"}
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    plugins = PluginSources.read(map(Path, sys.argv[split + 1 :]))
    plugins.load()
    wanted = "all" if plugins.files else "blur,edges"
    filters = chosen_filters(wanted)
    told = ParentSettings(middleware, tuple(sys.argv[2:split]), filters, plugins=plugins, wanted=wanted, kinds=kinds)
    sys.exit(Parent(told).run())
