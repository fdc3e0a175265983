"""The users file: whole at all times, readable by its owner alone, and what is wrong with it said in one sentence."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moviola.web import users
from moviola.web.tokens import parts_of
from moviola.web.users import Role, UserRefused, UsersFileError, add_user, read_users, remove_user
from tests.closed import close

pytestmark = pytest.mark.usefixtures("cheap_scrypt")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "users.json"


def test_who_is_added_is_found_by_name_and_by_the_id_of_the_token(path: Path) -> None:
    token = add_user(path, "anna", Role.USER, 12.5)
    add_user(path, "bö b", Role.ADMIN, 13.0)
    found = read_users(path)
    assert [(one.name, one.role, one.added_unix_s) for one in found.by_name.values()] == [
        ("anna", Role.USER, 12),
        ("bö b", Role.ADMIN, 13),
    ]
    token_id, secret = parts_of(token) or ("", "")
    assert found.by_token[token_id].name == "anna"
    assert found.by_token[token_id].token.matches(secret)
    assert secret not in path.read_text()


def test_the_file_can_be_read_by_its_owner_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        add_user(path, "anna", Role.USER, 0)
        add_user(path, "berta", Role.USER, 0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["users.json"]


def test_who_is_removed_is_gone(path: Path) -> None:
    add_user(path, "anna", Role.USER, 0)
    add_user(path, "berta", Role.USER, 0)
    assert remove_user(path, "anna").name == "anna"
    assert list(read_users(path).by_name) == ["berta"]


def test_nobody_is_added_twice_or_removed_who_is_not_there(path: Path) -> None:
    add_user(path, "anna", Role.USER, 0)
    before = path.read_bytes()
    with pytest.raises(UserRefused, match=r"there is a user 'anna' in .* already; remove them first"):
        add_user(path, "anna", Role.ADMIN, 0)
    with pytest.raises(UserRefused, match=r"there is no user 'ana' in .*; did you mean anna"):
        remove_user(path, "ana")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[1m", "x" * 256])
def test_a_name_that_the_cluster_would_refuse_is_refused_and_makes_no_file(name: str, path: Path) -> None:
    with pytest.raises(UserRefused, match="1 to 255 characters that can be printed"):
        add_user(path, name, Role.USER, 0)
    assert not path.exists()


def test_a_full_file_takes_nobody_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "MAX_USERS", 1)
    add_user(path, "anna", Role.USER, 0)
    with pytest.raises(UserRefused, match="has 1 users, and that is the limit; remove some first"):
        add_user(path, "berta", Role.USER, 0)


def test_a_write_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(files: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moviola.base.files.sync", full)
    with pytest.raises(UsersFileError, match=r"users.json cannot be written: No space left"):
        add_user(path, "anna", Role.USER, 0)
    assert list(path.parent.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr("moviola.web.tokens.SCRYPT_N", 2)
    add_user(path, "anna", Role.USER, 0)
    before = path.read_bytes()
    monkeypatch.setattr("moviola.base.files.sync", full)
    with pytest.raises(UsersFileError):
        add_user(path, "berta", Role.USER, 0)
    assert path.read_bytes() == before


def test_of_many_that_are_added_at_once_none_is_lost(path: Path) -> None:
    names = [f"user {number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: add_user(path, name, Role.USER, 0), names))
    assert sorted(read_users(path).by_name) == sorted(names)


def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    add_user(link, "anna", Role.USER, 0)
    assert link.is_symlink()
    assert list(read_users(real).by_name) == ["anna"]


def test_a_folder_that_may_not_be_entered_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(path.parent, monkeypatch)
    with pytest.raises(UsersFileError, match=r"Permission denied"):
        add_user(path, "anna", Role.USER, 0)
    with pytest.raises(UsersFileError, match="there is no users file"):
        remove_user(path, "anna")


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    add_user(path, "anna", Role.USER, 0)
    path.chmod(0o640)
    with pytest.raises(UsersFileError, match=f"can be read by others; make it yours alone: chmod 600 {path}"):
        read_users(path)
    with pytest.raises(UsersFileError, match="can be read by others"):
        add_user(path, "berta", Role.USER, 0)


def test_where_there_is_no_file_that_is_said(path: Path) -> None:
    with pytest.raises(UsersFileError, match=r"there is no users file .*; make one with: .* user add NAME --users "):
        read_users(path)
    with pytest.raises(UsersFileError, match="there is no users file"):
        remove_user(path, "anna")
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not JSON"),
        ("nonsense", "it is not JSON"),
        ("[]", "must be a map, not list"),
        ("\xff", "it is not JSON"),
        ('{"format": 2, "users": []}', "its format is 2, and this version reads 1"),
        ('{"format": 1, "users": [{"name": "a", "role": "boss"}]}', "Account.role: one of user, admin, not 'boss'"),
        ('{"format": 1, "users": [{"name": "a", "role": "user"}]}', "Account lacks token"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_a_damaged_file_is_refused_with_its_reason_and_left_alone(content: str, reason: str, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(UsersFileError, match=reason) as refused:
        read_users(path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content.encode("latin-1")


def test_a_name_or_token_id_that_two_have_is_refused(path: Path) -> None:
    add_user(path, "anna", Role.USER, 0)
    document = json.loads(path.read_text())
    document["users"] *= 2
    path.write_text(json.dumps(document))
    with pytest.raises(UsersFileError, match="two users have the same name"):
        read_users(path)
    document["users"][1] = document["users"][0] | {"name": "berta"}
    path.write_text(json.dumps(document))
    with pytest.raises(UsersFileError, match="two users have the same token id"):
        read_users(path)
