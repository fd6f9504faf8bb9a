"""What a person's totals say beside a cohort's benchmark, characteristic by characteristic. Pure."""

from dataclasses import dataclass

from headway_edge.core import comparison
from headway_edge.core.process import Characteristic, Process
from headway_protocol.benchmark import Benchmark


@dataclass(frozen=True)
class Comparison:
    """One characteristic of the person beside the cohort's benchmark.

    value: in the characteristic's quantum. share_permille: persons below it. tied_permille: persons known to have the
    very same value. parts, which: the place that may be told, the `which`-th of `parts` counted from the lowest value.
    persons: how many the cohort has.
    """

    characteristic: Characteristic
    value: int
    share_permille: int
    tied_permille: int
    parts: int
    which: int
    persons: int


def compared(process: Process, totals: list[int], benchmark: Benchmark) -> list[Comparison]:
    """Return every characteristic of a period that the benchmark has a table of, with the person's place in it."""
    found = []
    for characteristic in process.period:
        table = benchmark.tables.get(characteristic.id)
        value = characteristic.value(totals)
        if table is None or value is None:
            continue
        persons, shares, values = table
        share = comparison.share_below(value, shares, values)
        parts, which = comparison.place(share, persons)
        tied = comparison.tied(value, shares, values)
        found.append(Comparison(characteristic, value, share, tied, parts, which, persons))
    return found
