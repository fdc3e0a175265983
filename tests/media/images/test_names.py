from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.base.file_names import check_path_name
from moviola.media.images.formats import OUTPUT_FORMATS
from moviola.media.images.names import Names, safe


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("a.jpg", "jpg", "a.jpg"),
        ("Holiday/IMG 1.JPG", "jpg", "Holiday/IMG 1.JPG"),
        ("a.jpeg", "jpg", "a.jpeg"),
        ("a.jpg", "png", "a.png"),
        ("scan", "tiff", "scan.tif"),
        ("v1.2 draft", "png", "v1.2 draft.png"),
        ("mislabelled.jpg", "png", "mislabelled.png"),
        ("straße/日本.webp", "webp", "straße/日本.webp"),
        ("../../etc/passwd.png", "png", "__/__/etc/passwd.png"),
        ("/etc/x.png", "png", "etc/x.png"),
        ("a\\b.png", "png", "a/b.png"),
        ("a:b?.png", "png", "a_b_.png"),
        ("line\nbreak\x1b[1m.png", "png", "line_break_[1m.png"),
        (".hidden.png", "png", "_hidden.png"),
        ("-rf.png", "png", "_rf.png"),
        ("con.png", "png", "_con.png"),
        ("latest/x.png", "png", "_latest/x.png"),
        ("a./b .png", "png", "a_/b .png"),
        ("", "png", "_.png"),
        (" " * 200 + ".png", "png", "_.png"),
    ],
)
def test_names(source: str, kind: str, name: str) -> None:
    names = Names()
    assert names.take(source, kind) == name
    stem = source.rpartition(".")[0]
    assert bool(names.changed) == (not name.startswith(stem) or not source)


def test_pages_are_numbered() -> None:
    names = Names()
    assert [names.take("a.gif", "png", page) for page in (1, 2)] == ["a-p0001.png", "a-p0002.png"]


def test_one_of_several_that_would_be_the_same() -> None:
    names = Names()
    taken = [names.take(each, "png") for each in ("a.jpg", "a.png", "A.PNG", "b/a.png", "B/a.png", "a-2.png")]
    assert taken == ["a.png", "a-2.png", "A-3.PNG", "b/a.png", "B/a-2.png", "a-2-2.png"]
    assert set(names.changed) == {"a.png", "A.PNG", "B/a.png", "a-2.png"}


def test_thousands_that_differ_where_they_are_cut_off() -> None:
    names = Names()
    taken = {names.take(f"{'long' * 40}{number:05d}.png", "png") for number in range(20_000)}
    assert len(taken) == 20_000


def test_a_file_and_a_folder_of_one_name() -> None:
    names = Names()
    assert names.take("x.jpg", "png") == "x.png"
    assert names.take("x.png/y.png", "png") == "x.png-2/y.png"
    names = Names()
    assert names.take("x.png/y.png", "png") == "x.png/y.png"
    assert names.take("x.jpg", "png") == "x-2.png"


def test_long_names_and_deep_folders() -> None:
    names = Names()
    taken = [names.take("ä" * 500 + f"{number}.jpg", "jpg") for number in range(3)]
    assert len(set(taken)) == 3
    assert all(each.endswith(".jpg") and len(each.encode()) < 180 for each in taken)
    check_path_name(names.take("/".join("abcdefgh" * 20) + "/x.jpg", "jpg"), "it")


@given(st.lists(st.text(max_size=200), max_size=30), st.sampled_from(OUTPUT_FORMATS), st.integers(0, 1000))
def test_an_aggregator_takes_every_name_and_each_once(sources: list[str], kind: str, page: int) -> None:
    names = Names()
    taken = [names.take(source, kind, page) for source in sources]
    for name in taken:
        check_path_name(f"output/{name}", "it")
    assert len({name.casefold() for name in taken}) == len(sources)


@given(st.text())
def test_a_safe_name_stays_as_it_is(source: str) -> None:
    assert safe(safe(source)) == safe(source)
