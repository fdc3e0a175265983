"""What the splicer of any kind of material says of an output that it has made."""

from __future__ import annotations

from dataclasses import dataclass, field

from moviola.base.mapped import Map
from moviola.media.account import Account

Details = Map
"""What a kind tells of an output: JSON types, under keys of its own. docs/METRICS.md and docs/ANALYSIS.md have them."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """A finished output.

    `digest` is computed from the finished file alone. `main` is the name of the file, or folder, that a person asked
    for. `details` are told of the output in its metrics, `troubles` beside the common ones; `analysis`, what filters
    measured of the whole, in the job's metadata.json.
    """

    account: Account
    digest: str
    main: str
    details: Details = field(default_factory=dict)
    troubles: Details = field(default_factory=dict)
    analysis: Details = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What a person should know of this output, a sentence each."""
        return self.account.warnings
