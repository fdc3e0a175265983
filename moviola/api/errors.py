"""What the Python API raises; each text is the sentence that the command would print, with arguments for flags.

    MoviolaError
    ├── UsageError          an argument cannot be: a chain, an option, a file to write to (also a ValueError)
    ├── UnreadableSource    a source cannot be taken, or such an output cannot be made of it
    ├── Unreachable         no cluster answers, or it does not become whole (also a ConnectionError)
    ├── Refused             the cluster answered and said no
    ├── Closed              the cluster object was closed before a job had ended
    ├── Timeout             something was not so far in the time that it was given (also a TimeoutError)
    ├── ComparisonFailed    a way to do a job failed, or made another result (in moviola.api.comparison)
    └── JobFailed           a job ended badly; `result` has what is known of it
        └── JobCancelled    somebody ended it

`verify` and `read_manifest` raise BadManifest, a ValueError, as well, and what reads a result's files raises OSError.
Anything else that comes out of a call is a bug of Moviola, or KeyboardInterrupt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moviola.api.spelling import in_python
from moviola.engines.errors import EngineUnavailable
from moviola.filters.assets import AssetError
from moviola.filters.chain import ChainError
from moviola.filters.registry import PluginError
from moviola.filters.schema import ParameterError
from moviola.media import errors as media
from moviola.session import target
from moviola.session.known_filters import NobodyToAsk
from moviola.wire import errors as wire

if TYPE_CHECKING:
    from moviola.api.results import Result


class MoviolaError(Exception):
    """Base of all that this API raises on purpose. Its text names arguments where the command's names flags."""

    def __init__(self, text: str) -> None:
        super().__init__(in_python(text))


class UsageError(MoviolaError, ValueError):
    """Raised for an argument that cannot be: a chain, an option, a place for files."""


class UnreadableSource(MoviolaError):
    """Raised for a source that cannot be taken, or of which what is asked for cannot be made.

    Attributes:
        path: of the source.
        reason: why it cannot be taken.
        hint: what to do about it.
    """

    def __init__(self, path: str, reason: str, hint: str) -> None:
        self.path, self.reason, self.hint = path, in_python(reason), in_python(hint)
        super().__init__(f"{path}: {reason}; {hint}.")


class Unreachable(MoviolaError, ConnectionError):
    """Raised if no cluster answers, or if one that was to be started does not become whole."""


class Refused(MoviolaError):
    """Raised if a cluster answered and said no."""


class Closed(MoviolaError):
    """Raised for a job that was under way when its cluster object was closed, and for calls after that."""


class Timeout(MoviolaError, TimeoutError):
    """Raised if something is not done in the time that a call gave it. What was begun goes on."""


class JobFailed(MoviolaError):
    """Raised for a job that ended without its results.

    Attributes:
        result: how it ended: its state, failures with tracebacks, and what there is of outputs.
    """

    def __init__(self, text: str, result: Result) -> None:
        super().__init__(text)
        self.result = result


class JobCancelled(JobFailed):
    """Raised for a job that was cancelled, here or by somebody else."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the session raises as this API's own exceptions, with the same texts."""
    try:
        yield
    except (target.UsageError, ChainError, ParameterError, PluginError) as error:
        raise UsageError(str(error)) from error
    except media.UnreadableSource as error:
        raise UnreadableSource(error.path, error.reason, error.hint) from error
    except (NobodyToAsk, wire.Unreachable, EngineUnavailable) as error:
        raise Unreachable(str(error)) from error
    except wire.WireError as error:
        raise Refused(str(error)) from error
    except AssetError as error:
        raise UsageError(str(error)) from error
    except MoviolaError:
        raise
    except TimeoutError as error:
        raise Timeout(str(error)) from error
