from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from moviola.filters.registry import schemas
from moviola.media.material import NO_VIDEO, Encoder, Material
from moviola.session import pipes
from moviola.session.order import OutputRequest
from moviola.session.pipes import check_output, held_result, spooled
from moviola.session.target import UsageError

CLIP = Material.single("video", "clip.mp4")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x20ftypisom", "stdin"),
        (b"\x89PNG\r\n\x1a\n", "stdin.png"),
        (b"id,release_date\n1,1999-01-01\n", "stdin.csv"),
        (b"a b c", "stdin"),
    ],
)
def test_standard_input_lies_in_a_file_that_is_called_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with spooled(io.BytesIO(content)) as path:
        assert (path.name, path.read_bytes()) == (name, content)
        assert path.parent.parent == tmp_path
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.iterdir())


def test_too_much_is_refused_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(pipes, "MAX_INPUT_SIZE", 100)
    with pytest.raises(UsageError, match="standard input has more than"), spooled(io.BytesIO(bytes(101))):
        pass
    monkeypatch.setattr(pipes, "MIN_FREE_SIZE", 10**18)
    with pytest.raises(UsageError, match=r"has no room in .*: 50 bytes came; TMPDIR"), spooled(io.BytesIO(bytes(50))):
        pass
    assert not list(tmp_path.iterdir())


def test_no_folder_for_temporary_files_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    said = f"no folder can be made in {tmp_path / 'nowhere'}: No such file or directory; TMPDIR names another"
    with pytest.raises(UsageError, match=re.escape(said)), spooled(io.BytesIO(b"abc")):
        pass
    with pytest.raises(UsageError, match=re.escape(said)), held_result():
        pass


def test_nothing_and_a_terminal_are_refused() -> None:
    with pytest.raises(UsageError, match="standard input is empty"), spooled(io.BytesIO()):
        pass
    controller, terminal = os.openpty()
    with (
        os.fdopen(controller, "rb", closefd=True),
        os.fdopen(terminal, "rb", buffering=0) as stream,
        pytest.raises(UsageError, match="that is a terminal"),
        spooled(stream),
    ):
        pass


def test_a_result_is_held_in_a_folder_that_goes() -> None:
    with held_result() as out:
        assert out.endswith("/")
        Path(out, "blur.mp4").touch()
    assert not Path(out).exists()


@pytest.mark.parametrize(
    ("material", "chains", "encoder", "sentence"),
    [
        (CLIP, ["blur", "edges"], None, "takes one result, and there are 2"),
        (CLIP, ["blur"], None, "a terminal shows no video"),
        (Material("images", "photos", (("a.jpg", Path("a.jpg")),)), ["blur"], None, "images come back in a folder"),
        (CLIP, ["faces"], Encoder(NO_VIDEO), ""),
        (Material.single("table", "movies.csv"), ["post_2000"], None, ""),
    ],
)
def test_what_may_go_to_a_terminal(
    material: Material, chains: list[str], encoder: Encoder | None, sentence: str
) -> None:
    orders = {material: OutputRequest(chains, schemas(), encoder).order(material)}
    if sentence:
        with pytest.raises(UsageError, match=sentence):
            check_output(orders, is_terminal=True)
    else:
        check_output(orders, is_terminal=True)


def test_a_video_may_go_to_a_pipe() -> None:
    check_output({CLIP: OutputRequest(["blur"], schemas()).order(CLIP)}, is_terminal=False)
