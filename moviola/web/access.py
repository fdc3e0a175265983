"""Who asks: the user of a request, for whom the gateway speaks to the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who asks.

    Attributes:
        name: whose jobs are submitted, seen and controlled; the middleware gets it as the user of its Hello.
        is_admin: sees and controls the jobs of all.
    """

    name: str
    is_admin: bool = False

    def may_see(self, owner: str) -> bool:
        """Return True if a job of the user `owner` is shown to this one."""
        return self.is_admin or owner == self.name


class Access(Protocol):
    """How a request is told to be somebody's."""

    def user_of(self, request: Request) -> User:
        """Return who asks. Raises moviola.web.problems.Problem where nobody who may does."""


class OnlyUser:
    """The access of a gateway that only this machine reaches: whoever asks is the one user, who sees all jobs.

    Args:
        name: of that user.
    """

    def __init__(self, name: str) -> None:
        self._user = User(name, is_admin=True)

    def user_of(self, request: Request) -> User:
        """Return the one user there is."""
        return self._user
