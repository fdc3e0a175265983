"""Writes requirements.txt, requirements-dev.txt, and one of the same kind for each of the extras web, networks and ray.

They have the newest versions that pyproject.toml allows, pinned.

Run it as `python3 tools/lock.py`, then ./test.sh. Exact versions and no hashes: one hash for each platform's
wheel would make these thirty lines into a thousand that nobody reads.
"""

from __future__ import annotations

import subprocess
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RUN = "Everything that runs Moviola, at the versions it was tested with; pyproject.toml says what each is for."
WEB = "What `moviola web` needs beside requirements.txt."
NETWORKS = "What filters with networks need beside requirements.txt."
RAY = "What jobs on a Ray cluster need beside requirements.txt."
DEV = "Everything that checks and tests Moviola, the gateway with it, beside requirements.txt."


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        run = install_and_list(Path(folder), project["dependencies"])
        extras = project["optional-dependencies"]
        web = install_and_list(Path(folder), [*run, *extras["web"]])
        all_of_it = install_and_list(Path(folder), [*web, *extras["dev"]])
    networks, ray = (alone([*run, *extras[name]]) for name in ("networks", "ray"))
    write(ROOT / "requirements.txt", RUN, run)
    write(ROOT / "requirements-web.txt", WEB, [line for line in web if line not in run])
    write(ROOT / "requirements-networks.txt", NETWORKS, [line for line in networks if line not in run])
    write(ROOT / "requirements-ray.txt", RAY, [line for line in ray if line not in run])
    write(ROOT / "requirements-dev.txt", DEV, [line for line in all_of_it if line not in run])


def alone(requirements: list[str]) -> list[str]:
    """Return what pip installs for these requirements, pinned, in an environment of their own: without what only the
    gateway needs."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        return install_and_list(Path(folder), requirements)


def install_and_list(environment: Path, requirements: list[str]) -> list[str]:
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *requirements], check=True)
    freeze = [*pip, "freeze", "--exclude", "pip", "--exclude", "setuptools"]
    return subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.splitlines()


def write(path: Path, title: str, lines: list[str]) -> None:
    path.write_text("\n".join([f"# {title}", "# Made by tools/lock.py.", *lines, ""]))


if __name__ == "__main__":
    main()
