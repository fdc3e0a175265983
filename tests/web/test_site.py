"""The page for people, without a browser: what it is made of is there, and loads nothing but its own files."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette

from moviola.base.vocabulary import EventKind
from moviola.session.cluster_events import ListenerKind
from moviola.session.target import Target
from moviola.web.access import OnlyUser
from moviola.web.app import make_app
from moviola.web.gateway import Gateway
from moviola.web.site import ADDRESSES
from moviola.web.static_files import static_files
from moviola.wire.addresses import Address

from .asking import ask

OURS = sorted(name for name in static_files() if name.startswith("app/"))

FORBIDDEN = (
    "https?://",
    " style=",
    r'\son[a-z]+="',
    r"(inner|outer)HTML\s*\+?=(?!=)",  # to compare one with another makes no markup of a text
    "insertAdjacentHTML",
    r"\beval\(",
)
"""What loads from elsewhere, and what makes code or markup of a text."""


@pytest.fixture(scope="module")
def app() -> Starlette:
    return make_app(Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada")))


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_gives_the_document(app: Starlette, address: str) -> None:
    answer = ask(app, address.replace("{id}", "1").replace("{output:path}", "blur"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_file_that_the_browser_has_is_not_sent_again(app: Starlette) -> None:
    answer = ask(app, "/app/app.css")
    assert answer.headers["content-type"].startswith("text/css")
    again = ask(app, "/app/app.css", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/app/none.js", "/app/../index.html", "/app/%2e%2e/page.js", "/app/", "/elsewhere"])
def test_nothing_else_is_there(app: Starlette, path: str) -> None:
    assert ask(app, path).status_code == 404


@pytest.mark.parametrize("name", OURS)
def test_a_file_names_only_files_that_are_there_and_has_no_code_in_markup(name: str) -> None:
    text = static_files()[name].content.decode().replace("http://www.w3.org/2000/svg", "")
    for forbidden in FORBIDDEN:
        assert not re.search(forbidden, text), forbidden
    folder = name.rpartition("/")[0]
    for wanted in re.findall(r'(?:from|import\() ?"(\.[^"]+)"|(?:href|src)="/(app/[^"]+)"', text):
        path = wanted[1] or _joined(folder, wanted[0])
        assert path in static_files(), path


def test_every_view_of_the_router_is_there() -> None:
    router = static_files()["app/main.js"].content.decode()
    routes = re.findall(r"\[/\^.+?\$/, (\w+)\]", router)
    assert len(routes) == len(ADDRESSES)
    assert set(routes) == set(re.findall(r'import \* as (\w+) from "\./views/\1\.js"', router))


def test_the_page_listens_to_every_kind_of_event() -> None:
    listed = static_files()["app/live.js"].content.decode().partition("KINDS = [")[2].partition("]")[0]
    assert set(re.findall(r'"([a-z-]+)"', listed)) == {*map(str, EventKind), *map(str, ListenerKind)}


def _joined(folder: str, path: str) -> str:
    parts = folder.split("/")
    for step in path.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)
