from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moviola.filters import assets
from moviola.filters.assets import Asset, AssetError, Folder, is_asset, serve, travelled, value_of
from moviola.filters.schema import FilterSchema, Parameter, ParameterError, SchemaError

SECRET = b"what nobody may read"
NAMES = st.lists(
    st.sampled_from(["..", ".", "", "~", "logo.png", "deep", "secret", "out", "\x00", "etc/passwd"]), max_size=6
).map("/".join)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A served folder with two files, and all kinds of ways out of it."""
    (tmp_path / "secret").write_bytes(SECRET)
    served = tmp_path / "served"
    (served / "deep").mkdir(parents=True)
    (served / "logo.png").write_bytes(b"logo")
    (served / "deep" / "model.onnx").write_bytes(b"model")
    (served / "out").symlink_to(tmp_path / "secret")
    (served / "up").symlink_to(tmp_path)
    (served / "round").symlink_to("round")
    (served / "same").symlink_to("logo.png")
    os.mkfifo(served / "pipe")
    return served


@pytest.fixture(autouse=True)
def _nothing_served() -> object:
    yield
    serve(None)


def test_a_folder_serves_its_own_regular_files(folder: Path) -> None:
    found = Folder.scan(folder)
    assert set(found.files) == {"logo.png", "same", "deep/model.onnx"}
    serve(found)
    assert Asset("@deep/model.onnx").read() == b"model"
    assert Asset("@same").read() == b"logo"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(name=st.one_of(NAMES, st.text(max_size=30)))
@example(name="../secret")
@example(name="up/secret")
@example(name="out")
@example(name="/etc/passwd")
@example(name="deep/../../secret")
def test_no_name_leads_out_of_the_folder_and_all_refusals_are_alike(folder: Path, name: str) -> None:
    served = Folder.scan(folder)
    serve(served)
    if name in served.files:
        assert Asset(f"@{name}").read() in (b"logo", b"model")
        return
    with pytest.raises(AssetError) as refused:
        Asset(f"@{name}").read()
    assert str(refused.value) == str(AssetError(f"@{name}"))


def test_a_path_is_no_value_and_neither_is_a_hash_that_nobody_sent(folder: Path) -> None:
    serve(Folder.scan(folder))
    for text in ("/etc/passwd", "logo.png", "@../secret", "@", "@a//b", "sha256:12", "SHA256:" + "0" * 64):
        assert not is_asset(text)
    for value in (str(folder / "logo.png"), "sha256:" + "0" * 64):
        with pytest.raises(AssetError):
            Asset(value).read()


def test_a_file_that_changed_is_not_served(folder: Path) -> None:
    serve(Folder.scan(folder))
    (folder / "logo.png").write_bytes(b"another")
    with pytest.raises(AssetError):
        Asset("@logo.png").read()
    (folder / "deep" / "model.onnx").unlink()
    (folder / "deep" / "model.onnx").symlink_to(folder.parent / "secret")
    with pytest.raises(AssetError):
        Asset("@deep/model.onnx").read()


def test_a_fingerprint_tells_folders_with_other_names_or_contents_apart(folder: Path) -> None:
    first = Folder.scan(folder).fingerprint
    assert first == Folder.scan(folder).fingerprint
    (folder / "logo.png").write_bytes(b"another")
    second = Folder.scan(folder).fingerprint
    (folder / "logo.png").rename(folder / "sign.png")
    third = Folder.scan(folder).fingerprint
    assert len({first, second, third, ""}) == 4
    assert Folder(folder, {}).fingerprint == ""


def test_too_much_is_refused_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "MAX_SERVED_FILES", 2)
    with pytest.raises(ValueError, match="more than 2 files; serve a smaller one"):
        Folder.scan(folder)
    monkeypatch.undo()
    monkeypatch.setattr(assets, "MAX_SERVED_SIZE", 4)
    with pytest.raises(ValueError, match=r"model\.onnx has 5 bytes; the limit of a served file is 4"):
        Folder.scan(folder)
    with pytest.raises(OSError, match="Not a directory"):
        Folder.scan(folder / "logo.png")


def test_what_travelled_is_there_within_its_task_only() -> None:
    value = value_of(b"logo")
    with travelled({value: b"logo"}):
        assert Asset(value).read() == b"logo"
        with Asset(value).as_file() as path:
            assert path.read_bytes() == b"logo"
            assert path.stat().st_mode & 0o777 == 0o400
        assert not path.exists()
    with pytest.raises(AssetError):
        Asset(value).read()


def test_a_schema_from_a_peer_gives_no_file_by_default() -> None:
    schema = FilterSchema("mark", "marks", (Parameter("file", "asset", "", "a picture"),))
    assert FilterSchema.from_wire(schema.to_wire()) == schema
    assert schema.check({"file": "@logo.png"}) == {"file": "@logo.png"}
    with pytest.raises(ParameterError, match="mark: file takes a file"):
        schema.check({"file": "/etc/passwd"})
    for default in ("/etc/passwd", "@logo.png"):
        told = schema.to_wire()
        told["parameters"][0]["default"] = default
        with pytest.raises(SchemaError):
            FilterSchema.from_wire(told)
