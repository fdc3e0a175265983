"""`moviola web user`: what it prints where, and its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moviola.web.tokens import parts_of
from moviola.web.user_command import main
from moviola.web.users import read_users

pytestmark = pytest.mark.usefixtures("cheap_scrypt")


def run(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


def test_the_token_alone_is_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a b.json"
    assert run("add", "anna", "--admin", "--users", str(path)) == 0
    printed = capsys.readouterr()
    token = printed.out.strip()
    assert parts_of(token) is not None
    assert "shown only once" in printed.err
    assert f"--users '{path}'" in printed.err
    assert f"Authorization: Bearer {token}" in printed.err
    assert [one.role for one in read_users(path).by_name.values()] == ["admin"]


def test_list_shows_who_there_is_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "users.json")
    run("add", "anna", "--users", path)
    token_id, secret = parts_of(capsys.readouterr().out.strip()) or ("", "")
    assert run("--users", path) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == ["user", "role", "added"]
    assert shown.splitlines()[1].split()[:2] == ["anna", "user"]
    assert run("list", "--json", "--users", path) == 0
    (user,) = json.loads(told := capsys.readouterr().out)["users"]
    assert (user["name"], user["role"]) == ("anna", "user")
    assert secret not in shown + told
    assert token_id not in shown + told


def test_who_is_removed_is_gone_and_an_empty_file_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "users.json")
    run("add", "anna", "--users", path)
    assert run("remove", "anna", "--users", path) == 0
    assert run("list", "--users", path) == 0
    assert "user add NAME adds one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("remove", "anna"), 1, "There is no users file"),
        (("list",), 1, "There is no users file"),
        (("add", "a\nb"), 2, "A user's name has 1 to 255 characters"),
        (("add",), 2, "Add whom? Give a name"),
        (("list", "anna"), 2, "List takes no name"),
        (("remove", "anna", "--admin"), 2, "--admin is for add, not for remove"),
        (("add", "anna", "--json"), 2, "--json is for list, not for add"),
        (("ad", "anna"), 2, "did you mean add"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    arguments: tuple[str, ...], status: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "users.json"
    assert run(*arguments, "--users", str(path)) == status
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out == ""
    assert not path.exists()
