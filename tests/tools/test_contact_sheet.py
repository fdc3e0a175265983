from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests.end_to_end import clips
from tools import contact_sheet
from tools.contact_sheet import CREDIT_HEIGHT, FILTERS, MAX_HEIGHT, PANEL_WIDTH, TITLE_HEIGHT, Finds


def test_the_command_draws_a_row_for_each_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, page = tmp_path / "clips", tmp_path / "page.png"
    folder.mkdir()
    clips.moving(folder / "one.mp4", frames=5, size=(120, 90))
    (folder / "notes.txt").write_text("no video")
    monkeypatch.setattr(sys, "argv", ["contact_sheet", str(folder), "--out", str(page)])
    assert contact_sheet.main() == 0
    with av.open(str(page)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    height = TITLE_HEIGHT + PANEL_WIDTH * 90 // 120 + CREDIT_HEIGHT
    assert picture.shape == (height, len(FILTERS) * PANEL_WIDTH, 3)
    blurred, edges, motion = (
        picture[TITLE_HEIGHT:-CREDIT_HEIGHT, at * PANEL_WIDTH :][:, :PANEL_WIDTH] for at in (1, 3, 4)
    )
    assert np.unique(edges.reshape(-1, 3), axis=0).shape[0] < np.unique(blurred.reshape(-1, 3), axis=0).shape[0]
    red = (motion[..., 0] > 150) & (motion[..., 1] < 100) & (motion[..., 2] < 100)
    assert red.sum() > 20, "the square is boxed"


def test_nothing_to_draw_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    page = tmp_path / "page.png"
    monkeypatch.setattr(sys, "argv", ["contact_sheet", str(tmp_path), "--out", str(page)])
    assert contact_sheet.main() == 2
    assert not page.exists()


def test_the_credit_is_found_in_the_folder_or_the_one_above(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.tsv").write_text('file\tsource\tlicence\nin/a.mp4\thttps://a\tCC0 ("free")\n')
    assert contact_sheet.credit(tmp_path / "in" / "a.mp4") == 'CC0 ("free"), https://a'
    assert contact_sheet.credit(tmp_path / "a.mp4") == 'CC0 ("free"), https://a'
    assert contact_sheet.credit(tmp_path / "b.mp4") == ""


def test_the_frame_is_the_middle_one_of_those_most_filters_found_something_in() -> None:
    faces, motion = Finds({3: 1, 4: 9, 5: 1, 8: 1}, 10), Finds({4: 1, 5: 1, 6: 1, 8: 2}, 10)
    assert contact_sheet.typical([faces, motion]) == 5
    assert contact_sheet.typical([Finds({}, 10), motion]) == 6
    assert contact_sheet.typical([Finds({}, 10)]) == 5


def test_rows_that_do_not_fit_go_into_another_column() -> None:
    rows = [np.full((MAX_HEIGHT // 3, len(FILTERS) * PANEL_WIDTH, 3), shade, np.uint8) for shade in (10, 20, 30, 40)]
    page = contact_sheet.page_of(rows)
    assert page.shape[0] == MAX_HEIGHT // 3 * 2
    assert [int(page[y, x, 0]) for x in (0, -1) for y in (0, -1)] == [10, 20, 30, 40]
