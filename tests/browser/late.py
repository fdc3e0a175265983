"""An answer that comes late: made when the page asks, and given to it when a test lets it go."""

from __future__ import annotations

from playwright.sync_api import APIResponse, Page, Route

from tests.waiting import until


class Late:
    """The gateway's answer to a page's next request for an address; later ones are answered at once.

    Args:
        page: asks for it.
        address: as a pattern of `Page.route`.
    """

    def __init__(self, page: Page, address: str) -> None:
        self._page = page
        self._address = address
        self._held: tuple[Route, APIResponse] | None = None
        page.route(address, self._hold)

    def let_go(self) -> None:
        """Give the page the answer, and wait until it is there."""
        route, answer = self.made()
        with self._page.expect_event("requestfinished", lambda request: request == route.request):
            route.fulfill(response=answer)

    def made(self) -> tuple[Route, APIResponse]:
        """Wait until the answer is made, and return it."""
        return until(lambda: self._held, f"an answer to {self._address}", turn=lambda: self._page.wait_for_timeout(20))

    def _hold(self, route: Route) -> None:
        if self._held is None:
            self._held = (route, route.fetch())
        else:
            route.continue_()
