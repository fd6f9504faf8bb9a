"""Feed numbers to every forecast model and print what they say after each.

    forecast_vectors.py FILE

Runs unmodified on CPython and MicroPython. FILE has one line of two numbers for each step: the actual, in quanta, and a
customer-factor weight in 2**-15. On MicroPython the heap is locked during each update, so that any allocation ends it.
"""

import sys

from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.customer_factor import (
    CustomerFactorSmoothing,
    QuantileTarget,
    RecursiveFactorSmoothing,
)
from headway_edge.core.forecast.error_ledger import ErrorLedger
from headway_edge.core.forecast.fixed_point import gain, to_ulps
from headway_edge.core.forecast.holt_winters import HoltWinters
from headway_edge.core.forecast.interval import SHARES_PCT, ErrorQuantiles, spread
from headway_edge.core.forecast.naive import Naive, SeasonalNaive
from headway_edge.core.forecast.seasonal_smoothing import SeasonalSmoothing
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_edge.core.forecast.trend import DampedTrend, Holt

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        """CPython has no heap to lock."""

    heap_unlock = heap_lock


def models():
    """Return every model, new."""
    return [
        Naive(),
        SeasonalNaive(7),
        SimpleSmoothing(gain(1, 50)),
        SimpleSmoothing(gain(1, 1), 1),
        Holt(gain(3, 10), gain(1, 10)),
        Holt(gain(1, 1), gain(1, 1)),
        DampedTrend(gain(1, 2), gain(1, 5), gain(9, 10)),
        HoltWinters(gain(1, 5), gain(1, 10), gain(1, 4), 7),
        SeasonalSmoothing(gain(1, 5), gain(1, 10), 7),
        Choice(),
        Choice(7),
        CustomerFactorSmoothing(gain(1, 2), gain(1, 2), limit=250, f_min=0),
        RecursiveFactorSmoothing(gain(1, 2), gain(1, 2), limit=250, f_min=0),
        QuantileTarget(gain(3, 10), gain(7, 10)),
    ]


def take(tried, ledger, quantiles, actual, weight, forecast_ulps, error_ulps):
    """Update everything once."""
    for model in tried:
        if hasattr(model, "weigh"):
            model.weigh(weight)
        model.update(actual)
    ledger.update(actual, forecast_ulps)
    quantiles.update(error_ulps)


def main(path):
    """Print one line a step."""
    tried, ledger, quantiles = models(), ErrorLedger(), ErrorQuantiles()
    with open(path) as lines:
        for line in lines:
            actual, weight = [int(word) for word in line.split()]
            forecast_ulps = tried[9].forecast_ulps()
            error_ulps = to_ulps(actual) - forecast_ulps
            heap_lock()
            take(tried, ledger, quantiles, actual, weight, forecast_ulps, error_ulps)
            heap_unlock()
            said = []
            for model in tried:
                said += [model.forecast_ulps(), model.forecast(11), spread(model, 11)]
            told = [quantiles.interval(forecast_ulps, share) for share in SHARES_PCT]
            print(said, told, quantiles.knots(), ledger.numbers())
            if actual % 5 == 0:
                # As after the power was cut.
                states = [model.state() for model in tried]
                tried = models()
                for i in range(len(tried)):
                    tried[i].restore(states[i])
    for model in tried:
        print(model.state())


main(sys.argv[1])
