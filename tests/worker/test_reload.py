"""Files of filters that change while a worker is at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from moviola.wire.messages import WorkerDetails
from tests.worker.workers import Workers

PLUGIN = """
from dataclasses import dataclass
from moviola.filters.base import Filter

@dataclass(frozen=True)
class Mine(Filter):
    name, summary = "NAME", "a filter of one's own"

    def apply(self, picture, earlier):
        return picture
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.replace("NAME", "first"))
    return path


@pytest.fixture
def workers(plugin: Path) -> Iterator[Workers]:
    """Two workers that offer all they know."""
    started = Workers("w-1", "w-2", plugins=[plugin])
    yield started
    started.close()


def replaced(path: Path, text: str) -> None:
    """As editors write: whole, in the place of what was there."""
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def offered(details: WorkerDetails) -> set[str]:
    return {str(schema["name"]) for schema in details.filters} & {"first", "other"}


def test_workers_begin_anew_one_by_one_with_a_changed_file(workers: Workers, plugin: Path, tmp_path: Path) -> None:
    cluster = workers.cluster
    assert [offered(workers.details(name)[0]) for name in ("w-1", "w-2")] == [{"first"}, {"first"}]
    lease = cluster.task("w-1", f"wait {tmp_path / 'go'}".encode())
    cluster.until(lambda: cluster.middleware.heard_beats(lease))
    replaced(plugin, PLUGIN.replace("NAME", "other"))  # of the same size
    workers.logged("begin anew with them")
    assert len(workers.details("w-2")) == 1, "the first one has a task yet"
    (tmp_path / "go").touch()
    cluster.until(lambda: lease in cluster.results())
    cluster.verdict(lease)
    for name in ("w-1", "w-2"):
        workers.joined(name, 2)
        before, after = workers.details(name)
        assert (offered(after), after.death) == ({"other"}, None)
        assert after.fingerprint.startswith(f"{before.fingerprint} plugins-")
    assert len({workers.details(name)[1].fingerprint for name in ("w-1", "w-2")}) == 1


def test_a_file_that_cannot_be_loaded_is_said_and_the_old_one_stays_in_use(workers: Workers, plugin: Path) -> None:
    replaced(plugin, "import nothing_such\n")
    workers.logged(f"{plugin} cannot be loaded: ModuleNotFoundError: No module named 'nothing_such'; the filters stay")
    os.kill(workers.details("w-1")[0].process_id, 9)
    workers.joined("w-1", 2)
    assert offered(workers.details("w-1")[1]) == {"first"}, "also in a process that begins now"
    assert len(workers.details("w-2")) == 1
    replaced(plugin, PLUGIN.replace("NAME", "other"))
    workers.joined("w-2", 2)
    assert offered(workers.details("w-2")[1]) == {"other"}
