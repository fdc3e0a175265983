"""A worker's parent with the fake kind of material: `python -m tests.worker.program PORT NAME …`."""

from __future__ import annotations

import sys

from moviola.wire.addresses import Address
from moviola.wire.options import set_up_log
from worker.child_settings import ParentSettings
from worker.parent import Parent

if __name__ == "__main__":
    set_up_log("info")
    middleware = Address("127.0.0.1", int(sys.argv[1]))
    kinds = {"fake": "tests.worker.fake_kind.process"}
    sys.exit(Parent(ParentSettings(middleware, tuple(sys.argv[2:]), ("blur", "edges"), kinds=kinds)).run())
