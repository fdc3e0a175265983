from __future__ import annotations

from pathlib import Path

import pytest

from moviola.filters.assets import value_of
from moviola.filters.chain import parse_chain
from moviola.filters.registry import schemas
from moviola.filters.schema import ParameterError
from moviola.media.material import Chunk, Material, Source
from moviola.session.assets import Assets, AssetsFirst
from moviola.session.order import OutputRequest, submission_key
from moviola.wire.limits import MAX_ASSET_SIZE

SOURCE = Source("video", "clip.mp4", "print", {}, {}, {}, 2)


def wishes(*chains: str) -> OutputRequest:
    return OutputRequest(chains, schemas())


def test_a_file_is_named_by_its_content_and_travels_once(tmp_path: Path) -> None:
    first, second = tmp_path / "logo.png", tmp_path / "copy.png"
    first.write_bytes(b"logo")
    second.write_bytes(b"logo")
    chain = f'a=watermark:file="{first}"', f'b=watermark:file="{second}"', "blur"
    order = wishes(*chain).order(Material.single("video", tmp_path / "clip.mp4"))
    assert [output.chain[0].parameters.get("file") for output in order.outputs] == [value_of(b"logo")] * 2 + [None]
    (file,) = order.assets
    assert (file.value, file.name, file.content) == (value_of(b"logo"), "logo.png", b"logo")


def test_an_edited_file_is_another_job(tmp_path: Path) -> None:
    def key() -> str:
        order = wishes(f'watermark:file="{logo}"').order(Material.single("video", tmp_path / "clip.mp4"))
        return submission_key(SOURCE, order)

    logo = tmp_path / "logo.png"
    logo.write_bytes(b"one")
    first = key()
    assert first == key()
    logo.write_bytes(b"two")
    assert first != key()


def test_what_the_workers_serve_is_not_looked_for_here() -> None:
    order = wishes("watermark:file=@logo.png").order(Material.single("video", Path("clip.mp4")))
    assert order.outputs[0].chain[0].parameters["file"] == "@logo.png"
    assert order.assets == ()


@pytest.mark.parametrize(("name", "words"), [("missing", "there is no such file"), (".", "this is not a file")])
def test_what_cannot_be_read_is_said(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=rf"watermark: file=.*: {words}; check the path"):
        wishes(f'watermark:file="{tmp_path / name}"')


def test_bounds_are_said_with_a_way_out(tmp_path: Path) -> None:
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(MAX_ASSET_SIZE + 1)
    with pytest.raises(ParameterError, match=r"16 MiB that travel .*name it as @large\.onnx"):
        wishes(f'faces:model="{tmp_path / "large.onnx"}"')
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(b"%d" % number)
    chain = ",".join(f'watermark:file="{tmp_path / f"{number}.png"}"' for number in range(9))
    with pytest.raises(ParameterError, match="9 files are named, and 8 travel"):
        wishes(chain)


def test_only_parameters_that_are_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "moviola").write_bytes(b"private")
    steps = Assets(schemas()).taken_from(parse_chain(f'watermark:text="{tmp_path / "moviola"}",where:column=moviola'))
    assert [dict(step.parameters) for step in steps] == [{"text": str(tmp_path / "moviola")}, {"column": "moviola"}]


class Fake:
    source = SOURCE

    def __init__(self) -> None:
        self.left = 2

    def next_chunk(self) -> Chunk | None:
        self.left -= 1
        return Chunk(0, 1 - self.left, 5, b"chunk") if self.left >= 0 else None

    def rewind(self) -> None:
        self.left = 2


def test_files_come_before_the_chunks_each_time(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"logo")
    order = wishes(f'watermark:file="{tmp_path / "logo.png"}"').order(Material.single("video", Path("clip.mp4")))
    reader = AssetsFirst(Fake(), order.assets)
    for _ in range(2):
        chunks = list(iter(reader.next_chunk, None))
        assert [(chunk.stream, chunk.index, chunk.payload) for chunk in chunks] == [
            (2, 0, b"logo"), (0, 0, b"chunk"), (0, 1, b"chunk"),
        ]  # fmt: skip
        reader.rewind()
