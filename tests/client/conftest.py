"""The client stands on the session, and so do its tests."""

from tests.session.conftest import clip, cluster

__all__ = ["clip", "cluster"]
