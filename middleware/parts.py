"""The rules of the middleware, made once, with each other."""

from __future__ import annotations

from .draining import Draining
from .failures import Failures
from .handing_on import HandingOn
from .job_control import JobControl
from .leases import Leases
from .link_costs import LinkCosts
from .model.cluster import Cluster
from .ownership import Ownership
from .previews import Previews
from .publisher import Publisher
from .scheduler import Scheduler
from .submissions import Submissions
from .subscriptions import Subscriptions
from .workers import Workers


class Parts:
    """All rules over one cluster.

    Args:
        cluster: the state that they share.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.failures = Failures(cluster)
        self.draining = Draining(cluster)
        self.leases = Leases(cluster, self.failures, self.draining)
        self.workers = Workers(cluster, self.leases, self.failures, self.draining)
        self.handing_on = HandingOn(cluster, self.leases)
        self.scheduler = Scheduler(cluster)
        self.ownership = Ownership(cluster, self.leases, self.failures)
        self.submissions = Submissions(cluster, self.ownership)
        self.job_control = JobControl(cluster, self.failures, self.ownership)
        self.previews = Previews(cluster, self.ownership)
        self.publisher = Publisher(cluster)
        self.subscriptions = Subscriptions(cluster)
        self.link_costs = LinkCosts(cluster)
