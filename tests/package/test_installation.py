"""An installation in a fresh environment: one name and one command in it, and nothing that a user's own modules could
stand in for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from moviola.base.installation import version
from tests.end_to_end import clips
from tests.end_to_end.cluster import ROOT
from tests.package.installed import USERS_OWN, Built, Home

pytestmark = [pytest.mark.suite("package"), pytest.mark.timeout(1800)]


def test_an_installation_adds_one_name_and_one_command(python: Path) -> None:
    (record,) = python.parent.parent.glob("lib/python*/site-packages/moviola-*.dist-info/RECORD")
    tops = {line.partition("/")[0] for line in record.read_text().splitlines() if not line.startswith("..")}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"moviola"}
    outside = {line.partition(",")[0] for line in record.read_text().splitlines() if line.startswith("..")}
    assert outside == {"../../../bin/moviola"}


def test_it_has_every_module_of_the_checkout(python: Path) -> None:
    (installed,) = python.parent.parent.glob("lib/python*/site-packages/moviola")
    for top in ("moviola", "middleware", "worker", "aggregator", "client"):
        target = installed if top == "moviola" else installed / top
        listed = subprocess.run(["git", "ls-files", top], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.split():
            assert (target / Path(name).relative_to(top)).is_file(), name


def test_a_clip_is_filtered_beside_modules_of_the_users_own(python: Path, home: Home) -> None:
    for name in USERS_OWN:
        (home.work / name).write_text('raise SystemExit("this is the user\'s own module")\n')
    clip = clips.film()
    said = home.call(
        python, "-m", "moviola.client.file_sender", "--local", clip, "--filters", "blur", "--json", "--out", "out.mp4"
    )
    assert (home.work / "out.mp4").is_file()
    (line,) = [line for line in said.splitlines() if line.startswith("{")]
    (output,) = json.loads(line)["outputs"]
    assert output["frames_out"] == output["frames_in"] > 0


@pytest.mark.parametrize("way", ["python", "newest", "by_pipx", "by_uv"])
def test_the_demo_runs_in_an_empty_folder_and_leaves_nothing_running(
    way: str, home: Home, request: pytest.FixtureRequest
) -> None:
    found: Path = request.getfixturevalue(way)
    moviola = found if found.name == "moviola" else found.with_name("moviola")
    assert home.call(moviola, "--version") == f"moviola {version()}\n"
    try:
        said = home.call(moviola, "demo", "-n", "1")
        assert "made on this machine" in said
        assert "96 in, 96 out, 0 retries" in said
        assert "  stop     moviola down\n" in said
        assert f"moviola send VIDEO --filters blur --port {home.port}\n" in said
        (result,) = [line.split()[1] for line in said.splitlines() if line.startswith("  result ")]
        assert Path(result).is_relative_to(home.folder / "home")

        home.call(moviola, "send", result, "-f", "flip", "-o", "flipped.mp4", "-q")
        assert (home.work / "flipped.mp4").stat().st_size > 0
        assert '"state": "done"' in home.call(moviola, "jobs", "--json")
        assert "blur  " in home.call(moviola, "filters")
    finally:
        stopped = home.call(moviola, "down")
    assert stopped.splitlines()[-1] == "Moviola is stopped."
    for port in (home.port, home.aggregator_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert {path.name.partition(".")[0] for path in home.work.iterdir()} == {"flipped"}
    assert home.call(moviola, "down").startswith("Nothing of ")


def test_the_secret_is_the_users_own_in_the_state_folder(python: Path, home: Home) -> None:
    moviola = python.with_name("moviola")
    try:
        home.call(moviola, "up", "-n", "1")
        (secret,) = (home.folder / "home").rglob("secret")
        assert secret.parent.stat().st_mode & 0o077 == 0
        assert secret.stat().st_mode & 0o077 == 0
        home.call(moviola, "status")
        home.call(moviola, "status", "--no-secret", status=3)
    finally:
        home.call(moviola, "down")


def test_the_sdist_has_what_a_checkout_needs_to_be_built(built: Built) -> None:
    assert built.sdist.stat().st_size < 5_000_000
    assert built.wheel.name.endswith("-py3-none-any.whl")


USERS_SCRIPT = """
import moviola

result = moviola.process("clip.mp4", "blur", out="soft.mp4")
with moviola.Cluster.local(workers=2) as cluster:
    job = cluster.submit("clip.mp4", {"soft": "blur"})
    digest: str = job.wait()["soft"].digest
    assert digest == result.output.digest
print([frame.index for frame in job.frames("soft")])
"""


def test_a_users_script_is_typed_and_runs(python: Path, tmp_path: Path) -> None:
    """Under mypy's strictest rules, with the types that the installation brings along."""
    clips.moving(tmp_path / "clip.mp4", frames=32)
    (tmp_path / "script.py").write_text(USERS_SCRIPT)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.stdout == "Success: no issues found in 1 source file\n", checked.stdout + checked.stderr
    ran = subprocess.run(
        [str(python), "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.stdout == f"{list(range(32))}\n", ran.stderr
