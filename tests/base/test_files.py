"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from moviola.base.files import MAX_SYNCED_SINGLY, aside, sync, sync_folder, written_aside


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_hidden_beside_its_place_until_it_is_whole(tmp_path: Path) -> None:
    final = tmp_path / "blur.mp4"
    final.write_text("old")
    with written_aside(final) as partial:
        partial.write_text("new")
        assert (partial.parent, partial.name[0], partial.suffix) == (tmp_path, ".", ".part")
        assert final.read_text() == "old"
    assert (final.read_text(), names(tmp_path)) == ("new", ["blur.mp4"])


def test_what_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    final = tmp_path / "blur.mp4"
    final.write_text("old")

    def fail() -> None:
        with written_aside(final) as partial:
            partial.write_text("half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert (final.read_text(), names(tmp_path)) == ("old", ["blur.mp4"])


def test_what_another_thread_writes_as_soon_as_the_file_has_its_place_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final, replace = tmp_path / "users.json", Path.replace

    def replaced(partial: Path, target: Path) -> Path:
        result = replace(partial, target)
        partial.write_text("of another thread")
        return result

    monkeypatch.setattr(Path, "replace", replaced)
    with written_aside(final) as written:
        written.write_text("new")
    assert (final.read_text(), written.read_text()) == ("new", "of another thread")


def test_a_mark_tells_writers_apart() -> None:
    final = Path("results/blur.mp4")
    assert aside(final) == Path("results/.blur.mp4.part")
    assert aside(final, "job-1") == Path("results/.blur.mp4.job-1.part")


def test_few_files_and_many_are_synced_and_one_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr("os.fsync", lambda _descriptor: calls.append("one"))
    monkeypatch.setattr("os.sync", lambda: calls.append("all"))
    paths = [tmp_path / str(number) for number in range(MAX_SYNCED_SINGLY + 1)]
    for path in paths:
        path.touch()
    sync(paths[:2])
    sync_folder(tmp_path)
    assert calls == ["one"] * 3
    sync(paths)
    assert calls == ["one"] * 3 + ["all"]
    with pytest.raises(FileNotFoundError):
        sync([tmp_path / "gone"])
