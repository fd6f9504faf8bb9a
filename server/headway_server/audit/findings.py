"""What an audit says of each trip, and of a device as a whole."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from headway_edge.core.process import Process
from headway_server.audit.differences import START, Difference
from headway_server.recounting.recount import Place


class Verdict(StrEnum):
    """What became of one trip; those of WRONG say that store and samples contradict each other."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_GIVEN = "not given"  # stored, in the time of the samples, and they give no such trip
    NOT_STORED = "not stored"  # the samples give it, and it is not stored
    UNDECIDED = "undecided"  # differs, but only in what may come from before or after the samples
    EDGE = "edge"  # stored, and partly outside the time of the samples
    OUTSIDE = "outside"  # stored, and wholly outside of it
    UNDATED = "undated"  # stored without a time, and none of the computed ones is like it


WRONG = (Verdict.DIFFERS, Verdict.NOT_GIVEN, Verdict.NOT_STORED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One trip. place: of its record, None where it is not stored. start_ms: as stored, else as computed, in the samples' time.

    elapsed_ms: likewise. is_correction: the record puts right what the person had reported, which no sample tells; only the
    rest is compared. differences: what differs, also in what is UNDECIDED.
    """

    verdict: Verdict
    process: Process
    place: Place | None
    start_ms: int | None
    elapsed_ms: int
    is_correction: bool = False
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class Audit:
    """Of one device. samples: that were computed. computed_s: how long that took. first_ms, last_ms: of all samples.

    classes: whose thresholds applied. superseded, unread: as of `headway_server.audit.stored_runs.Stored`.
    """

    device: str
    classes: list[str]
    findings: list[Finding]
    samples: int
    computed_s: float
    first_ms: int
    last_ms: int
    superseded: int
    unread: int

    def counts(self) -> Counter[Verdict]:
        """Return how many trips there are of each verdict."""
        return Counter(finding.verdict for finding in self.findings)

    @property
    def wrong(self) -> list[Finding]:
        """The trips in which store and samples contradict each other."""
        return [finding for finding in self.findings if finding.verdict in WRONG]

    @property
    def compared(self) -> int:
        """How many stored trips were held against the samples."""
        counts = self.counts()
        return counts[Verdict.AGREES] + counts[Verdict.DIFFERS] + counts[Verdict.NOT_GIVEN]

    @property
    def is_foreign(self) -> bool:
        """Whether the samples look like another device's: some contradict, none agrees, and no trip even begins as it should."""
        return bool(self.wrong) and not self.counts()[Verdict.AGREES] and not self._begins_alike

    @property
    def is_counted_otherwise(self) -> bool:
        """Whether trips begin as they should, but not one is counted so: by another class's thresholds, perhaps."""
        return bool(self.wrong) and not self.counts()[Verdict.AGREES] and self._begins_alike

    @property
    def _begins_alike(self) -> bool:
        # Days begin at the same hour, whoever's they are.
        return any(
            all(one.kind != START for one in finding.differences)
            for finding in self.findings
            if finding.verdict is Verdict.DIFFERS and finding.process.pack.kind == "trip"
        )
