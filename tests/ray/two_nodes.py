"""A Ray cluster of two nodes on this machine: `python -m tests.ray.two_nodes STORE_SIZE SPILL_FOLDER`.

Prints the address as a line, then does what lines on standard input say: `kill` ends the second node without a word. It
ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}

from ray.cluster_utils import Cluster

TRIES = 5
"""Of a node that is not there within the 30 s that Ray gives it: a machine that is busy takes longer."""


def started(head: dict[str, object]) -> Any:
    """Return a cluster of a head."""
    for left in reversed(range(TRIES)):
        cluster = Cluster()
        try:
            cluster.add_node(**head)
            return cluster
        except Exception as error:
            cluster.shutdown()
            if not left or "timed out" not in str(error):
                raise
    raise AssertionError


def main() -> int:
    size, folder = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as session:  # the path of a socket has to be short
        os.environ["RAY_TMPDIR"] = session
        run(size, folder)
    return 0


def run(size: int, folder: str) -> None:
    """Have the cluster until standard input ends."""
    common = {"object_store_memory": size, "num_cpus": 1, "include_dashboard": False, "include_log_monitor": False}
    config = {"object_spilling_config": json.dumps({"type": "filesystem", "params": {"directory_path": folder}})}
    cluster = started({**common, "no_monitor": True, "_system_config": config})
    second = cluster.add_node(**common)
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(second, allow_graceful=False)
            print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main())
