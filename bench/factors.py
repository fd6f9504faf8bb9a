"""How often customer factors are taken up when they matter and when they do not, and what that does: many made logs.

Nothing is timed: the figures are the same on every machine.
"""

import logging
from pathlib import Path

import structlog

from bench.rows import Rows
from headway_edge.core.forecast.fixed_point import GAIN_ONE
from headway_server.factors.gate import GAIN_LEAST
from headway_server.factors.learn import learn
from headway_simulators.costing import csv_log, made_log
from headway_simulators.costing.evaluation import Settings, observe

LOGS = 200
EFFECTS = (0.0, 0.15, 0.3, 0.6)
_DAMPING = GAIN_ONE // 2


def figures() -> Rows:
    """For each effect: how often g* alone would take factors up, how often the gate does, and the squared error after it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    how = f"{LOGS} made logs, seeds 1 to {LOGS}, class means"
    for effect in EFFECTS:
        found = [_one(effect, seed) for seed in range(1, LOGS + 1)]
        name = f"factors, effect {effect:g}"
        yield (
            f"{name}: g* above {GAIN_LEAST}",
            f"{100 * sum(best > GAIN_LEAST for best, _, _ in found) / LOGS:.1f}",
            "%",
            how,
        )
        yield f"{name}: the gate opens", f"{100 * sum(used for _, used, _ in found) / LOGS:.1f}", "%", how
        changes = [change for _, _, change in found]
        yield f"{name}: squared error", f"{sum(changes) / LOGS:+.2f}", "%", "its change against SES, mean of the logs"
        yield f"{name}: in the worst log", f"{max(changes):+.2f}", "%", "the same"


def _one(effect: float, seed: int) -> tuple[float, bool, float]:
    # g*, whether factors are used, and by how many percent the squared error of the part not learned from changes.
    settings = Settings()
    log = csv_log.read(Path("made"), made_log.text(effect, seed).splitlines(keepends=True))
    observations = observe(log.activities, settings)
    from_ms = log.activities[int(len(log.activities) * settings.learn_share)].start_ms
    known = [item for item in observations if item.start_ms < from_ms and item.end_ms <= from_ms]
    learned = learn([str(name) for name in log.factors], known, settings.learning())
    later = [item for item in observations if item.start_ms >= from_ms]
    before = sum(item.error**2 for item in later)
    after = sum((item.error - item.correction(learned.weight_of(item.factors), _DAMPING)) ** 2 for item in later)
    return learned.gate.best_gain, learned.gate.used, 100 * (after / before - 1)
