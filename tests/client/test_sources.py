from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from client.sources import Reader, find, verify_cuts
from media.errors import UnreadableSource
from tests.client.material import FRAMES, make_order, write_clip

ORDER = make_order("blur")


def test_files_and_the_videos_of_folders_each_once(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MKV", "notes.txt", ".hidden.mp4", "c"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    files, complaints = find([tmp_path, tmp_path / "b.mp4", tmp_path / "." / "c"])
    assert files == [tmp_path / "a.MKV", tmp_path / "b.mp4", tmp_path / "c"]
    assert not complaints


def test_without_a_path_the_data_folder_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, complaints = find([])
    assert str(complaints[0]) == "data: there is no such file or folder; check the path."
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.mp4").touch()
    assert find([])[0] == [Path("data/a.mp4")]


def test_each_bad_path_is_one_sentence_and_the_good_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    good = tmp_path / "good.mp4"
    good.touch()
    bad = [tmp_path / "missing.mp4", tmp_path / "empty", tmp_path / "pipe", tmp_path / ("x" * 5000), Path("a\0b")]
    files, complaints = find([*bad, good])
    assert files == [good]
    reasons = [complaint.reason for complaint in complaints]
    assert reasons[:3] == [
        "there is no such file or folder",
        "there are no videos in this folder",
        "this is neither a file nor a folder",
    ]
    assert len(reasons) == len(bad)
    assert all(complaint.path and complaint.way_out for complaint in complaints)


def test_a_reader_gives_all_chunks_and_begins_again(clip: Path) -> None:
    reader = Reader(clip, replace(ORDER, chunk_frames=10))
    first = [chunk.index for chunk in iter(reader.next_chunk, None)]
    reader.rewind()
    chunks = list(iter(reader.next_chunk, None))
    assert [chunk.index for chunk in chunks] == first
    assert sum(chunk.frame_count for chunk in chunks if chunk.stream == 0) == FRAMES


def test_a_source_that_changes_while_it_is_sent_is_noticed(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copy(clip, path)
    reader = Reader(path, ORDER)
    write_clip(path, seed=1)
    with pytest.raises(UnreadableSource, match="changed while it was sent"):
        reader.rewind()


def test_sound_cuts_pass_the_check(clip: Path) -> None:
    verify_cuts(clip, replace(ORDER, chunk_frames=7))
