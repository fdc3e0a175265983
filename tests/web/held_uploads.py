"""An upload whose body stands still in the middle, until a test lets it go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.waiting import PATIENCE_S, until

from .served import Served


class HeldUpload:
    """A thread that uploads a file and waits at a gate when half of it is sent; `with` starts it and ends it.

    Args:
        gateway: takes the upload.
        path: the file.
        fields: of the query, such as `filters`.
    """

    def __init__(self, gateway: Served, path: Path, **fields: Any) -> None:
        self._gateway, self._path, self._fields = gateway, path, fields
        self._is_half_sent, self._gate = threading.Event(), threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> HeldUpload:
        self._answer = self._thread.submit(
            self._gateway.client.put, f"/api/jobs/{self._path.name}", params=self._fields, content=self._body()
        )
        until(lambda: self._is_half_sent.is_set() or self._answer.done(), "half a body that is sent")
        assert not self._answer.done(), self._answer.result().text
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.set()
        self._thread.shutdown()

    def finish(self) -> dict[str, Any]:
        """Send the other half; return the record of the job that the file has become."""
        self._gate.set()
        answer = self._answer.result(PATIENCE_S)
        assert answer.status_code == 201, answer.text
        (job,) = answer.json()["jobs"]
        assert isinstance(job, dict)
        return job

    def _body(self) -> Iterator[bytes]:
        content = self._path.read_bytes()
        half = len(content) // 2
        yield content[:half]
        self._is_half_sent.set()  # asked for the rest: the first half has left
        self._gate.wait()
        yield content[half:]
