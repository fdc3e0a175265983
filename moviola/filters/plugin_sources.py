"""The sources of files of filters, as they were at one moment: what is loaded stays the same while a file changes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moviola.filters import registry


@dataclass(frozen=True, slots=True)
class PluginSources:
    """Paths of files, each with its content."""

    files: tuple[tuple[Path, bytes], ...] = ()

    @classmethod
    def read(cls, paths: Iterable[Path]) -> PluginSources:
        """Return what the files hold now. Raises PluginError."""
        return cls(tuple((path, registry.plugin_source(path)) for path in paths))

    @classmethod
    def held(cls, fd: int) -> PluginSources:
        """Return the sources that another process has written with `hold`; `fd` was inherited from it."""
        data = json.loads(os.pread(fd, os.fstat(fd).st_size, 0))
        return cls(tuple((Path(path), source.encode("latin-1")) for path, source in data))

    def hold(self) -> int:
        """Write the sources into a new file without a name, and return its descriptor, for processes that inherit
        it."""
        with tempfile.TemporaryFile() as file:
            file.write(self._text())
            file.flush()
            return os.dup(file.fileno())

    def load(self) -> None:
        """Make the filters known to this process. Raises PluginError."""
        for path, source in self.files:
            registry.load_plugin(path, source)

    @property
    def digest(self) -> str:
        """Return a short hash of the contents."""
        contents = hashlib.sha256()
        for _, source in self.files:
            contents.update(hashlib.sha256(source).digest())
        return contents.hexdigest()[:12]

    def _text(self) -> bytes:
        return json.dumps([(str(path), source.decode("latin-1")) for path, source in self.files]).encode()
