"""Names of workers on one machine."""

from __future__ import annotations

from pathlib import Path

from worker.names import NameLocks


def test_names_are_stable_and_nobody_takes_those_of_another(tmp_path: Path) -> None:
    first, second = NameLocks("5000", tmp_path), NameLocks("5000", tmp_path)
    assert first.take("host", 2) == ("host-1", "host-2")
    assert second.take("host", 2) == ("host-3", "host-4")
    first.release()
    assert NameLocks("5000", tmp_path).take("host", 1) == ("host-1",)


def test_another_cluster_has_names_of_its_own(tmp_path: Path) -> None:
    first, second = NameLocks("5000", tmp_path), NameLocks("6000", tmp_path)
    assert first.take("host", 1) == second.take("host", 1)


def test_no_file_stays(tmp_path: Path) -> None:
    locks = NameLocks("5000", tmp_path)
    locks.take("host", 3)
    assert len(list(tmp_path.iterdir())) == 3
    locks.release()
    assert not list(tmp_path.iterdir())
