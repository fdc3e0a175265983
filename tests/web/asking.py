"""Requests of an application without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette


def ask(app: Starlette, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    """Return the answer to one request; `more` is for `httpx.AsyncClient.request`."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    return asyncio.run(request())
