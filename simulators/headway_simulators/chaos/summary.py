"""What many runs came to: sums for a table or for JSON, and the runs that went wrong."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from headway_simulators.chaos.timeline import DAY_MS
from headway_simulators.chaos.world import Outcome


@dataclass
class Summary:
    """Sums over runs.

    elapsed_s: of the machine, set at the end. cpu_s: processor time of all the processes. failed: outcomes with violations, in
    order. made: records by kind. repeated: records that came to the server again.
    """

    runs: int = 0
    device_days: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    produced: int = 0
    stored: int = 0
    kept: int = 0
    folded: int = 0
    erased: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    violations: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    calm_max_ms: int = 0
    digests: list[tuple[int, str]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take one run."""
        self.runs += 1
        self.device_days += outcome.script.devices * outcome.script.days
        checked = outcome.checked
        self.produced += checked.produced
        self.stored += checked.stored
        self.kept += checked.kept
        self.folded += checked.folded
        self.erased += checked.erased
        self.lost += checked.lost
        self.made += checked.made
        self.repeated += checked.repeated
        self.cpu_s += outcome.cpu_s
        for what, counts in outcome.counts.items():
            self.counts.setdefault(what, Counter()).update(counts)
        self.violations.update(violation.kind for violation in outcome.violations)
        if outcome.violations:
            self.failed.append(outcome)
        self.calm_max_ms = max(self.calm_max_ms, outcome.calm_ms)
        self.digests.append((outcome.script.seed, outcome.digest))

    @property
    def device_years(self) -> float:
        """Simulated years of devices."""
        return self.device_days / 365

    @property
    def device_years_per_minute(self) -> float:
        """The same in a minute by the clock on the wall."""
        return self.device_years / self.elapsed_s * 60 if self.elapsed_s else 0.0

    @property
    def device_years_per_cpu_minute(self) -> float:
        """The same in a minute of one processor: what a machine does that has nothing else to do."""
        return self.device_years / self.cpu_s * 60 if self.cpu_s else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON's types."""
        return {
            "runs": self.runs,
            "device_years": round(self.device_years, 2),
            "elapsed_s": round(self.elapsed_s, 1),
            "cpu_s": round(self.cpu_s, 1),
            "device_years_per_minute": round(self.device_years_per_minute, 1),
            "device_years_per_cpu_minute": round(self.device_years_per_cpu_minute, 1),
            "records": {
                "produced": self.produced,
                "stored": self.stored,
                "kept": self.kept,
                "folded": self.folded,
                "erased": self.erased,
                "declared_lost": dict(self.lost),
                "repeated": self.repeated,
                "by_kind": dict(sorted(self.made.items())),
            },
            "counts": {what: dict(counts) for what, counts in sorted(self.counts.items())},
            "longest_calm_days": round(self.calm_max_ms / DAY_MS, 3),
            "hashes": {str(seed): digest for seed, digest in self.digests},
            "violations": [
                {"seed": outcome.script.seed, "kind": item.kind, "who": item.who, "detail": item.detail}
                for outcome in self.failed
                for item in outcome.violations
            ],
        }
