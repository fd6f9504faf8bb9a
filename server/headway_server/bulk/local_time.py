"""Local time of day and day of the week as signals of all samples at once, as `headway_edge.own.local_time` on a device."""

from dataclasses import replace

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.bulk.samples import AnyIntegers, Integers, VehicleSamples

# The last part of their VSS names, whatever the branch.
_MINUTE, _WEEKDAY = "LocalMinute", "LocalWeekday"
_MINUTE_MS = 60_000
_DAY_MINUTES = 1440
_THURSDAY = 3  # 1 January 1970


def asks_for_local_time(pack: Pack) -> bool:
    """Whether a pack has the local minute or weekday among its signals."""
    return any(_index(pack, name) is not None for name in (_MINUTE, _WEEKDAY))


def with_local_time(pack: Pack, samples: VehicleSamples, local_ms: Integers) -> VehicleSamples:
    """Return samples with the local time put in where the pack asks for it and they have none.

    local_ms: shape (n); local time of each sample, in ms since the local 1 January 1970.
    """
    minutes = local_ms // _MINUTE_MS
    signals = list(samples.signals)
    for name, numbers in (
        (_MINUTE, minutes % _DAY_MINUTES),
        (_WEEKDAY, (minutes // _DAY_MINUTES + _THURSDAY) % 7),
    ):
        index = _index(pack, name)
        if index is not None:
            signals[index] = _filled(signals[index], numbers)
    return replace(samples, signals=signals)


def _index(pack: Pack, wanted: str) -> int | None:
    names = [str(signal[0]).rpartition(".")[2] for signal in pack.signals]
    return names.index(wanted) if wanted in names else None


def _filled(column: AnyIntegers | None, numbers: Integers) -> AnyIntegers:
    return numbers if column is None else np.where(column == MISSING, numbers, column)
