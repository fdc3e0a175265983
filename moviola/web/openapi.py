"""The OpenAPI 3.1 document of the API, made of the application's routes and of what is said of each.

A route has its path, its methods and, in the docstring of its function, what it does; `Operation` says the rest.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.routing import BaseRoute, Route

from moviola.base.installation import version
from moviola.web.problems import MEDIA_TYPE
from moviola.web.schemas import Schema, Schemas

JSON: Final = "application/json"

_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that a request may say in its query or its headers.

    Attributes:
        name: as it is written.
        about: what it means.
        schema: of its value.
        place: `query` or `header`.
        is_required: a request without it is refused.
    """

    name: str
    about: str
    schema: Schema
    place: str = "query"
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request may be answered.

    Attributes:
        about: when, or what it is.
        content: by media type: a record's type, a schema, or None for bytes.
        headers: by name: what each tells.
    """

    about: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is said of a route's function, beside its docstring.

    Attributes:
        title: what it does, in a few words.
        tag: the group in which it is shown.
        answers: by status.
        refusals: the statuses of problems, beside those that every request may meet.
        query: what a request may say.
        body: by media type: the schema of what it brings; empty where that is nothing.
        body_about: what that is.
        is_public: it asks for no token.
    """

    title: str
    tag: str
    answers: Mapping[int, Answer]
    refusals: Sequence[int] = ()
    query: Sequence[Parameter] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    body_about: str = ""
    is_public: bool = False


REFUSALS: Final[Mapping[int, str]] = {
    400: "A parameter, a field or the body cannot be read, or has a value that is not allowed.",
    401: "The request has no token, or one that is not known.",
    403: "Only admins may do this; or a page of another site asks, or the middleware does not allow it.",
    404: "There is no such thing, or it is somebody else's.",
    408: "No part of the body came for a minute.",
    409: "The state of the job, of the worker or of the gateway does not allow it.",
    410: "The aggregator has the file no longer.",
    413: "The body is larger than the gateway takes.",
    415: "The body is of a type that is not taken here.",
    416: "No byte of the file is in the range.",
    422: "There is no such filter, a parameter is not allowed, or the cluster refuses the job.",
    429: "Too much at a time, or too many wrong tokens; `Retry-After` says when to come again.",
    500: "The gateway met an unforeseen error at a file; its operator has a report of it.",
    502: "The cluster's answer cannot be used.",
    503: "The cluster is away or busy; `Retry-After` says when to come again.",
    504: "The cluster does not answer in time.",
    507: "The gateway's disk has no room for the body.",
}
"""What a problem of each status means."""

ALWAYS: Final = (401, 403, 429, 502, 503, 504)
"""The problems that every request may meet that asks the cluster for somebody."""

PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The status in words"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A sentence for people: what is wrong, and what to do"},
        "code": {"type": "string", "description": "A word for programs"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}


def document(
    routes: Iterable[BaseRoute],
    operations: Mapping[Callable[..., Any], Operation],
    tags: Mapping[str, str],
    places: Mapping[str, str],
) -> dict[str, Any]:
    """Return the document of those routes of which something is said.

    Args:
        routes: of the application.
        operations: by the routes' functions.
        tags: the groups, in their order, and what each is about.
        places: by name: what is meant by a parameter of a path.
    """
    schemas = Schemas()
    schemas.by_name["Problem"] = PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, Route) and route.endpoint in operations:
            item = paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {})
            methods = sorted((route.methods or set()) - {"HEAD"})  # which every GET has (RFC 9110, 9.3.2)
            for method in methods:
                name = route.endpoint.__name__ + (f"_{method.lower()}" if len(methods) > 1 else "")
                item[method.lower()] = _operation(name, route, operations[route.endpoint], schemas, places)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Moviola",
            "version": version(),
            "summary": "Filter videos, images and tables on a cluster.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in tags.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.by_name.items())),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A gateway with a users file asks for a token; one for its own machine takes none.",
                }
            },
        },
        "security": [{"token": []}, {}],
    }


def _operation(name: str, route: Route, said: Operation, schemas: Schemas, places: Mapping[str, str]) -> dict[str, Any]:
    function = route.endpoint
    made: dict[str, Any] = {
        "operationId": name,
        "tags": [said.tag],
        "summary": said.title,
        "description": _whole(function),
        "parameters": [*_path_parameters(route, places), *map(_parameter, said.query)],
        "responses": _responses(said, schemas),
    }
    if said.is_public:
        made["security"] = []
    if said.body:
        content = {media_type: {"schema": schema} for media_type, schema in said.body.items()}
        made["requestBody"] = {"required": True, "description": said.body_about, "content": content}
    return made


def _whole(function: Any) -> str:
    """Return what a function does, in paragraphs of one line each."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _path_parameters(route: Route, places: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": places[name],
            "schema": {"type": "integer", "minimum": 0} if kind == "index" else {"type": "string", "minLength": 1},
        }
        for name, kind in _PARAMETER.findall(route.path)
    ]


def _parameter(said: Parameter) -> dict[str, Any]:
    made = {"name": said.name, "in": said.place, "description": said.about, "schema": said.schema}
    return {**made, "required": True} if said.is_required else made


def _responses(said: Operation, schemas: Schemas) -> dict[str, Any]:
    made = {}
    for status, answer in said.answers.items():
        one: dict[str, Any] = {"description": answer.about}
        if answer.content:
            one["content"] = {
                media_type: {} if content is None else {"schema": _schema(content, schemas)}
                for media_type, content in answer.content.items()
            }
        if answer.headers:
            one["headers"] = {
                name: {"description": about, "schema": {"type": "string"}} for name, about in answer.headers.items()
            }
        made[str(status)] = one
    for status in sorted({*said.refusals, *(() if said.is_public else ALWAYS)}):
        content = {MEDIA_TYPE: {"schema": _reference("Problem")}}
        made.setdefault(str(status), {"description": REFUSALS[status], "content": content})
    return made


def _schema(content: Any, schemas: Schemas) -> Schema:
    return content if isinstance(content, dict) else schemas.of(content)


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
