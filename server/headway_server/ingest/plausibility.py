"""Whether a trip's numbers can be those of a trip at all: the check before they enter anybody's totals.

It refuses what no vehicle and no counting rule of the pack could give, and nothing else: a strange trip is still a trip,
and one refused wrongly is lost for its person. Every bound therefore has a margin.

>>> from headway_server.packs.processes import shipped
>>> process = next(pack.process for pack in shipped() if pack.process.name == "private-driving")
>>> numbers = [0] * len(process.pack.cells)
>>> numbers[ELAPSED], numbers[DISTANCE] = 6000, 9000
>>> contradiction(process, numbers, process.totals(numbers)) is None
True
>>> numbers[DISTANCE] = 90000
>>> contradiction(process, numbers, process.totals(numbers))
'distance of 90000 m in 600.0 s'
"""

from collections.abc import Iterator
from typing import Any

from headway_edge.core.episode import DISTANCE, ELAPSED
from headway_edge.core.pack import Pack
from headway_edge.core.pack_limits import NUMBER_MAX, PERIOD_MS_MAX
from headway_edge.core.process import Process

# Times in tenths of a second, as on the wire. Each is rounded on its own, bands one by one, and the first sample of a
# trip counts one period in them but nothing in the elapsed time: together under 4 s.
_SLACK_DS = 50
_SLACK_M = 1000
# The core counts milliseconds in 31 bits: no trip it can count is longer. A day ends after 36 hours at the latest.
_TRIP_DS_MAX = (1 << 31) // 100
_DAY_DS_MAX = 48 * 36_000
_SAMPLES_PER_S = 25  # the fastest that the core takes; at most one edge or event can come of each
_INT64_MAX = (1 << 63) - 1


def contradiction(process: Process, numbers: list[int], totals: list[int]) -> str | None:
    """Return what is impossible in a trip's numbers (`Process.numbers`) or totals (`Process.totals`), or None.

    Raises nothing, whatever the numbers are.
    """
    return next(_contradictions(process, numbers, totals), None)


def _contradictions(process: Process, numbers: list[int], totals: list[int]) -> Iterator[str]:
    pack = process.pack
    elapsed = numbers[ELAPSED]
    seconds = f"{elapsed // 10}.{elapsed % 10} s"
    if elapsed > (_DAY_DS_MAX if pack.kind == "day" else _TRIP_DS_MAX):
        yield f"{'a day' if pack.kind == 'day' else 'a trip'} of {seconds}"
        return
    yield from _distances(pack, numbers, elapsed, seconds)
    samples = _samples_max(pack, elapsed)
    names = [item["name"] for item in process.catalogue.get("accumulators", [])]
    names = names or [f"accumulator {i}" for i in range(len(pack.accumulators))]
    place = 2
    for name, item in zip(names, pack.accumulators, strict=False):
        width = len(item[2]) + 1 if item[0] == "bands" else 1
        yield from _accumulator(pack, name, item, sum(numbers[place : place + width]), numbers, samples)
        place += width
    # What happened while a vehicle stood before its trip ended stays, though the standing is not counted.
    rest = 0 if pack.kind == "day" else pack.rules[1] + pack.rules[2]
    fired_max = samples + _SAMPLES_PER_S * rest // 1000
    for name, count in zip(process.events, numbers[pack.first_event :], strict=True):
        if count > fired_max:
            yield f"{count} of {name} in {seconds}"
    if any(not -_INT64_MAX <= total <= _INT64_MAX for total in totals):
        yield "a total of more than 63 bits"


def _samples_max(pack: Pack, elapsed_ds: int) -> int:
    if pack.kind == "day":
        return int((elapsed_ds + _SLACK_DS) * 100 // pack.rules[0] + 2)
    return _SAMPLES_PER_S * (elapsed_ds + _SLACK_DS) // 10


def _observed_max(pack: Pack, elapsed_ds: int) -> int:
    # A sample further than `near` from the one before counts for one period, up to a second, however near it is.
    stretch = 1 if pack.kind == "day" else max(1, -(-PERIOD_MS_MAX // pack.rules[0]))
    return int(stretch * elapsed_ds + _SLACK_DS)


def farthest_m(pack: Pack) -> int:
    """Return how far one trip of a pack can be at the most; 0 for a day."""
    return 0 if pack.kind == "day" else int(pack.signals[pack.speed][5] * (_TRIP_DS_MAX + _SLACK_DS) // 3600 + _SLACK_M)


def _distances(pack: Pack, numbers: list[int], elapsed_ds: int, seconds: str) -> Iterator[str]:
    metres = numbers[DISTANCE]
    if pack.kind == "day":
        if metres:
            yield f"distance of {metres} m in a day"
        return
    # centi-km/h * tenths of a second / 3600 = metres
    if metres > pack.signals[pack.speed][5] * (elapsed_ds + _SLACK_DS) // 3600 + _SLACK_M:
        yield f"distance of {metres} m in {seconds}"


def _accumulator(
    pack: Pack, name: str, item: list[Any], number: int, numbers: list[int], samples: int
) -> Iterator[str]:
    kind = item[0]
    elapsed = numbers[ELAPSED]
    seconds = f"{elapsed // 10}.{elapsed % 10} s"
    observed_max = _observed_max(pack, elapsed)
    if kind in {"time", "bands"}:
        if number > observed_max:
            yield f"{name} of {number} tenths of a second in {seconds}"
    elif kind == "metres":
        if number > numbers[DISTANCE] + _SLACK_M:
            yield f"{name} of {number} m in {numbers[DISTANCE]} m"
    elif kind == "edges":
        if number > samples:
            yield f"{number} of {name} in {seconds}"
    else:
        low, high = _range(pack, item[1])
        low, high = min(low, 0), max(high, 0)  # 0 is also what stands for none
        times = samples if kind == "sum" else observed_max if kind == "integral" else 1
        if not low * times <= number <= high * times:
            yield f"{name} of {number}, of a number in {low}..{high}"


def _range(pack: Pack, tree: Any) -> tuple[int, int]:
    """The range of a number of a sample, where it is easy to tell; else that of every number."""
    if not isinstance(tree, list):
        return tree, tree
    if tree[0] == "s":
        return pack.signals[tree[1]][4], pack.signals[tree[1]][5]
    if tree[0] == "v":
        low, high = pack.value_ranges[tree[1]]
        return low, high
    return -NUMBER_MAX, NUMBER_MAX
