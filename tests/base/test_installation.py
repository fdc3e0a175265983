"""Where things lie in a checkout and in an installation, and that docs/INSTALL.md says so."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from client.command.shells import HOW
from moviola.base import installation
from moviola.base.installation import ROOT, results_folder, samples_folder, state_folder
from moviola.wire import secret

PAGE = ROOT / "docs" / "INSTALL.md"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if the package were installed, for a user on Linux whose home is returned."""
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MOVIOLA_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(installation, "is_checkout", lambda: False)
    monkeypatch.setattr("platformdirs.PlatformDirs", Unix)
    return tmp_path


def test_a_checkout_keeps_everything_in_its_folder() -> None:
    assert installation.is_checkout()
    assert (state_folder(), results_folder(), samples_folder()) == (ROOT / "state", ROOT / "results", ROOT / "data")


def test_an_installation_keeps_it_in_its_users_folders_as_the_page_says(installed: Path) -> None:
    page = PAGE.read_text()
    for folder in (state_folder(), results_folder(), samples_folder()):
        assert folder.is_relative_to(installed)
        assert f"| `~/{folder.relative_to(installed)}` |" in page
    assert (
        f"| `~/{Path(Unix('moviola', appauthor=False).user_config_dir).relative_to(installed)}/moviola.toml` |" in page
    )


def test_the_page_has_the_folders_of_macos(installed: Path) -> None:
    page = PAGE.read_text()
    mac = MacOS("moviola", appauthor=False)
    for folder in (mac.user_state_dir, f"{mac.user_data_dir}/results", mac.user_cache_dir):
        assert f"| `~/{Path(folder).relative_to(installed)}` |" in page


def test_the_secret_of_an_installation_is_found_from_any_folder(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    made = secret.make_secret(state_folder() / secret.SECRET_NAME)
    assert secret.cluster_secret(None, False) == secret.read_secret(made) != b""


def test_the_version_is_the_projects_or_that_of_the_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert installation.version.__wrapped__() == project["version"]
    monkeypatch.setattr(installation, "is_checkout", lambda: False)
    monkeypatch.setattr(metadata, "version", lambda name: f"that of {name}")
    assert installation.version.__wrapped__() == "that of moviola"


def test_the_page_has_the_line_for_each_shell() -> None:
    page = PAGE.read_text().replace("\\|", "|")
    assert all(f"`{line}`" in page for line in HOW.values())
