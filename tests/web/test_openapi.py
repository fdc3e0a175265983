"""The API's document: all routes are in it, its references lead somewhere, and its records are those that are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from moviola.base.details import Details
from moviola.base.failures import Failure
from moviola.base.finished_file import FinishedFile
from moviola.base.progress import Progress
from moviola.base.timeline import ROW, JobTimeline, packed
from moviola.base.worker_facts import HeldTask, WorkerFacts
from moviola.filters.schema import FilterSchema, Parameter
from moviola.session.cluster_view import ClusterView
from moviola.session.target import Target
from moviola.web import page, site
from moviola.web.access import OnlyUser, User
from moviola.web.app import TABLES, make_app
from moviola.web.cluster import worker_of
from moviola.web.gateway import Gateway
from moviola.web.operations import OPERATIONS
from moviola.web.records import details_json, job_json, timeline_json
from moviola.web.schemas import Schemas
from moviola.web.token_access import TokenAccess
from moviola.web.told import (
    FailureTold,
    FileTold,
    FilterParameterTold,
    FilterTold,
    JobDetailsTold,
    JobTold,
    SpanTold,
    TimelineTold,
)
from moviola.web.users import Role, add_user
from moviola.wire.addresses import Address
from moviola.wire.messages import Job, Worker

from .asking import ask


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = make_app(Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada")))
    answer = ask(app, "/api/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from item.values()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_every_route_is_described_but_the_pages_themselves() -> None:
    routes = [route for table in TABLES for route in table if isinstance(route, Route)]
    assert {route.endpoint for route in routes} - {page.page, site.document, site.file} == set(OPERATIONS)


def test_names_are_one_each_and_references_lead_somewhere(document: dict[str, Any]) -> None:
    names = [one["operationId"] for one in operations(document)]
    assert len(names) == len(set(names)) >= 20
    for reference in references(document):
        part: Any = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part, reference
    assert document["openapi"] == "3.1.0"


def test_every_part_says_what_it_is_about(document: dict[str, Any]) -> None:
    for one in operations(document):
        assert one["summary"]
        assert one["description"]
        assert {parameter["name"] for parameter in one["parameters"] if not parameter["description"]} == set()
        assert all(answer["description"] for answer in one["responses"].values())
    for name, schema in document["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            assert said.get("description") or name == "Problem", f"{name}.{field}"


def test_the_document_tells_no_path_of_this_machine(document: dict[str, Any]) -> None:
    assert "/root" not in json.dumps(document)
    assert "/home" not in json.dumps(document)


def test_what_asks_for_a_token_says_so(document: dict[str, Any]) -> None:
    public = {path for path, item in document["paths"].items() for one in item.values() if one.get("security") == []}
    assert public == {"/api/health", "/api/health/ready", "/api/openapi.json", "/api/session"}


def keys(record: type[Any]) -> set[str]:
    return {each.name for each in fields(record)}


def test_records_of_jobs_are_described_as_they_are() -> None:
    job = Job(
        "clip-1",
        "clip",
        "done",
        progress=Progress("video", ["blur"]),
        files=[FinishedFile("blur.mp4", 5, "00")],
        details=Details(failures=[Failure("clip-1", "blur")]),
    )
    tasks = [HeldTask("clip-1", 0, 0, "computing", 3)]
    view = ClusterView(workers={"w": Worker("w", "s", "ready", WorkerFacts(tasks=tasks))})
    assert set(job_json(job)) == keys(JobTold)
    details = details_json(job, view)
    assert set(details) == keys(JobDetailsTold)
    assert set(details["files"][0]) == keys(FileTold)
    assert set(details["failures"][0]) == keys(FailureTold)


def test_the_record_of_a_timeline_is_described_as_it_is() -> None:
    details = Details(timeline=JobTimeline(["w"], packed(ROW.pack(0, 0, 0, 1.0, 2.0, 0))))
    told = timeline_json(Job("clip-1", "clip", "done", progress=Progress("video", ["blur"]), details=details))
    assert set(told) == keys(TimelineTold)
    assert set(told["spans"][0]) == keys(SpanTold)


def test_records_of_filters_are_described_as_they_are() -> None:
    schema = FilterSchema("blur", "blurs", (Parameter("radius", "int", 3, "how far"),)).to_wire()
    assert {*schema, "workers"} == keys(FilterTold)
    assert set(schema["parameters"][0]) == keys(FilterParameterTold)


def test_whose_tasks_a_worker_holds_is_told_to_admins_only() -> None:
    worker = Worker("w", "s", "full", WorkerFacts(host="secret-host", tasks=[HeldTask("clip-1", 0, 2, "waiting", 0)]))
    assert worker_of(worker, User("boss", is_admin=True)).tasks[0].job == "clip-1"
    told = worker_of(worker, User("anna"))
    assert (told.tasks[0].job, told.tasks[0].chunk) == (None, 2)
    assert "secret-host" not in str(told.to_wire())


def test_everybody_is_told_the_labels_of_a_worker() -> None:
    assert worker_of(Worker("w", "s", "full", WorkerFacts(labels=["gpu"])), User("anna")).labels == ["gpu"]


def test_a_schema_has_what_annotations_and_docstrings_say() -> None:
    schemas = Schemas()
    assert schemas.of(JobTold) == {"$ref": "#/components/schemas/Job"}
    job = schemas.by_name["Job"]
    assert job["required"] == [each.name for each in fields(JobTold)]
    assert job["properties"]["seconds"] == {"type": "number", "description": "From then to its end; 0 before (s)"}
    assert "done" in job["properties"]["state"]["enum"]
    assert schemas.by_name["Progress"]["properties"]["frames_total"]["type"] == ["integer", "null"]
    with pytest.raises(TypeError, match="no schema for"):
        schemas.of(set[int])


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/", "html"), ("/api/page.css", "css"), ("/api/page.js", "javascript")]
)
def test_the_page_is_there_without_a_token_and_runs_nothing_but_its_own_code(path: str, kind: str) -> None:
    answer = ask(make_app(Gateway(Target(Address("127.0.0.1", 1)), OnlyUser("ada"))), path)
    assert answer.status_code == 200
    assert kind in answer.headers["content-type"]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for forbidden in ("http://", "https://", " style=", 'onclick="', "innerHTML", "eval("):
        assert forbidden not in answer.text, forbidden


def test_nothing_but_what_is_for_everybody_is_answered_without_a_token(
    document: dict[str, Any], tmp_path: Path, cheap_scrypt: None
) -> None:
    add_user(tmp_path / "users.json", "anna", Role.USER, 0)
    app = make_app(Gateway(Target(Address("127.0.0.1", 1)), TokenAccess(tmp_path / "users.json")))
    asked = 0
    for path, item in document["paths"].items():
        for method, one in item.items():
            if one.get("security") != []:
                answer = ask(app, path.format(id="x", chunk=0, file="x", output="x", name="x"), method.upper())
                assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True), (method, path)
                asked += 1
    assert asked >= 18
