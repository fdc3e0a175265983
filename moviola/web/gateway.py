"""What all requests of a gateway share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from moviola.session.target import Target
from moviola.web.access import Access, User, identity_of


@dataclass(frozen=True, slots=True)
class Gateway:
    """The state of a gateway, one a process; the application has it as `app.state.gateway`.

    Attributes:
        target: the cluster.
        access: says who asks.
    """

    target: Target
    access: Access


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that has been asked."""
    gateway: Gateway = request.app.state.gateway
    return gateway


def user_of(request: Request) -> User:
    """Return who asks. Raises moviola.web.problems.Problem where nobody who may does."""
    return identity_of(request)
