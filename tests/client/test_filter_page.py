"""`moviola filters NAME`: one filter's page."""

from __future__ import annotations

import io
import json

import pytest

from client.file_sender import read_options
from client.filter_page import example, print_page
from client.filters import main
from moviola.display.terminal import Terminal
from moviola.filters import registry
from moviola.filters.chain import Step, format_chain, parse_chain
from moviola.filters.schema import check_chain


def page(name: str, *, width: int = 0, workers: int | None = None) -> str:
    file = io.StringIO()
    terminal = Terminal(file=file, force_terminal=bool(width), width=width or 80, color_system=None)
    print_page(terminal, registry.schemas()[name], workers)
    return file.getvalue()


def test_a_page_says_what_it_does_on_what_and_how_it_is_used() -> None:
    told = page("pixelate", workers=2).splitlines()
    assert told[0].startswith("pixelate: coarse blocks")
    assert "  for         videos and images: it works on pictures" in told
    assert "  looks back  as many frames as hold says, where faces is true" in told
    assert "  offered by  2 workers" in told
    assert "  block     2..1024 px; 16 by default: side of a block" in told
    assert told[-1].endswith(" holiday.mp4 -f pixelate:block=16:faces=false")


def test_what_a_filter_needs_is_in_its_example() -> None:
    assert "  needs       width or height" in page("resize")
    assert page("resize").endswith("-f resize:width=320\n")
    assert "movies_metadata.csv -f post_2000" in page("post_2000")


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_each_example_can_be_typed(name: str) -> None:
    schemas = registry.schemas()
    chain = format_chain([Step(name, example(schemas[name]))])
    read_options(["a.mp4", "-f", chain])
    check_chain(parse_chain(chain), schemas)
    *prose, _typed = page(name, width=80).splitlines()  # what is typed is not broken
    assert max(map(len, prose)) <= 80


def test_the_command_prints_one_page_or_its_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blur", "--local"]) == 0
    assert capsys.readouterr().out == page("blur")
    assert main(["blur", "edges", "--local", "--json"]) == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["blur", "edges"]


def test_a_misspelt_name_is_refused_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blurr", "--local"]) == 2
    assert capsys.readouterr().err == 'there is no filter "blurr"; did you mean "blur"?\n'
