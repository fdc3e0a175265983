"""A bad job costs no link: long names work, what is too large is refused, and others' jobs go on beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.end_to_end.cluster import LocalCluster
from tests.end_to_end.hostile.peer import Honest, RawPeer, submission

JUST_BELOW_A_HEADER = 4 * 1024 * 1024 - 2000


NAMES = ("v" * 205 + ".mp4", "v" * 251 + ".mp4", "ä" * 125 + ".mp4")

REFUSED: tuple[dict[str, Any], ...] = (
    {"source": {"kind": "video", "name": "c", "stream_count": 1, "process": {"x": "y" * JUST_BELOW_A_HEADER}}},
    {"source": {"kind": "video", "name": "c" * 300, "stream_count": 1, "process": {}}},
    {"outputs": [{"name": "o" * 200, "chain": [{"name": "blur"}]}]},
)


def test_ordinary_long_file_names_just_work(cluster: LocalCluster, honest: Honest, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    for name in NAMES:
        long = tmp_path / "sources" / name
        shutil.copy(clip, long)
        sent = cluster.send(str(long), "--filters", "blur", "--new")
        assert Path(sent["outputs"][0]["path"]).is_file()
    honest.check()
    listed = json.loads(cluster.run("client.jobs", "list", "--json").stdout)["jobs"]
    assert set(NAMES) < {job["name"] for job in listed}
    assert cluster.run("client.status", "--json").returncode == 0


def test_what_is_too_large_to_derive_is_refused_when_it_is_submitted(cluster: LocalCluster, honest: Honest) -> None:
    with RawPeer(cluster.port) as bad:
        for changes in REFUSED:
            bad.say("Submit", **submission(**changes))
            refusal = bad.expect("Error", fatal=False)
            assert refusal["code"] == "bad-job"
            assert refusal["text"]
        honest.check()
        bad.say("Submit", **submission())  # its connection lives
        bad.expect("Job")
    assert cluster.log("aggregator").count("joined the middleware") == 1
    assert cluster.run("client.jobs", "list").returncode == 0
