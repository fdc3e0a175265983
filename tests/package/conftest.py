from __future__ import annotations

from pathlib import Path

import pytest

from tests.package import installed
from tests.package.installed import Built, Home


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has what builds and installs."""
    python = installed.environment(tmp_path_factory.mktemp("tools") / "environment")
    installed.install(python, *installed.TOOLS)
    return python


@pytest.fixture(scope="session")
def built(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and sdist of what is committed here."""
    return installed.build(tools, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def python(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has Moviola from its wheel, and nothing else."""
    made = installed.environment(tmp_path_factory.mktemp("wheel") / "environment")
    installed.install(made, built.wheel)
    return made


@pytest.fixture(scope="session")
def newest(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same from the sdist, under the newest Python of this machine."""
    made = installed.environment(tmp_path_factory.mktemp("sdist") / "environment", installed.newest_python())
    installed.install(made, built.sdist)
    return made


@pytest.fixture(scope="session")
def by_pipx(tools: Path, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as pipx installs it."""
    folder = tmp_path_factory.mktemp("pipx")
    variables = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    installed.run(tools, "-m", "pipx", "install", built.wheel, **variables)
    return folder / "bin" / "moviola"


@pytest.fixture(scope="session")
def by_uv(tools: Path, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as `uv tool` installs it."""
    folder = tmp_path_factory.mktemp("uv")
    variables = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    installed.run(tools, "-m", "uv", "tool", "install", "--python", tools, built.wheel, **variables)
    return folder / "bin" / "moviola"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user who has nothing yet."""
    return Home.make(tmp_path)
