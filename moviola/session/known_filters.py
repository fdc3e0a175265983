"""What filters there are: this install's, and those that the cluster knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import Final

from moviola.base.suggestions import nearest
from moviola.base.vocabulary import Topic
from moviola.filters import registry
from moviola.filters.schema import FilterSchema
from moviola.session.cluster_view import ClusterView, look
from moviola.session.target import Target
from moviola.wire.errors import Unreachable

TOPICS: Final = (Topic.WORKERS, Topic.FILTERS)

WORKERS_AWAITED_S: Final = 30.0
"""How long the first worker of a cluster is waited for: one that is being started needs some seconds."""


class NobodyToAsk(Exception):
    """Nobody could say whether there is a filter; the text is one sentence that says why, and what to do."""


def schemas_for(wanted: Set[str], target: Target, say: Callable[[str], None]) -> dict[str, FilterSchema]:
    """Return the schemas to check chains of the `wanted` filters against, by name.

    The cluster is asked only where this install does not know all of them. A filter that any worker ever announced is
    known to it, whether or not one is connected now.

    Args:
        say: takes a sentence for the person who waits.

    Raises:
        NobodyToAsk: no middleware answers, or no worker has ever joined it.
        wire.errors.Refused: the middleware said no.
    """
    here = registry.schemas()
    unknown = sorted(wanted - here.keys())
    if not unknown:
        return here
    question = f'whether there is a filter "{unknown[0]}"'
    try:
        view = look(target, TOPICS)
        if not view.known_filters():
            say(f"no worker is there yet to say {question}: waiting {WORKERS_AWAITED_S:.0f} s for one")
            view = look(target, TOPICS, until=_knows_filters, timeout_s=WORKERS_AWAITED_S, retry=True)
    except Unreachable as error:
        raise NobodyToAsk(f"Nobody can be asked {question}{_meant(unknown[0], here)}: {error}") from error
    except TimeoutError as error:
        raise NobodyToAsk(
            f"Nobody can be asked {question}{_meant(unknown[0], here)}: no worker has joined {target.address} so far; "
            "start one that offers it, and type this again"
        ) from error
    return view.known_filters() | here


def _knows_filters(view: ClusterView) -> bool:
    return view.is_current and bool(view.known_filters())


def _meant(name: str, here: Iterable[str]) -> str:
    near = nearest(name, here)
    return f' (or did you mean "{near}"?)' if near else ""
