"""Requests of an application without a socket, and of several users without tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from moviola.web.access import User


class ByName:
    """The access of a gateway that has users: a request's header `User` says whose it is."""

    cookie = "session"

    async def identify(self, connection: HTTPConnection) -> User:
        return User(connection.headers.get("user", "ada"))

    async def log_in(self, connection: HTTPConnection, token: str) -> tuple[User, str]:
        raise NotImplementedError


def ask(app: Starlette, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    """Return the answer to one request; `more` is for `httpx.AsyncClient.request`."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    return asyncio.run(request())
