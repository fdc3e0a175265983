from __future__ import annotations

from pathlib import Path

import pytest

from moviola.base.paths import current_folder, expanded, near


def test_a_home_folder_is_put_in_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    assert expanded(Path("~/films")) == Path("/home/ana/films")
    assert expanded(Path("films")) == Path("films")
    with pytest.raises(ValueError, match=r"^there is no user 'nobody-of-this-name'$"):
        expanded(Path("~nobody-of-this-name/films"))


def test_a_path_is_told_from_the_current_folder_while_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    film = str(folder / "film.mp4")
    assert (current_folder(), near(film), near("/film.mp4"), near("")) == (folder, "film.mp4", "/film.mp4", "")
    folder.rmdir()
    assert (current_folder(), near(film)) == (None, film)
