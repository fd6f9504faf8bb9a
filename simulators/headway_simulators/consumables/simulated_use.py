"""A vehicle's consumables over many days, each of them one of its recorded days, replaced when they are due."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headway_edge.core.consumable import DUE, Outlook
from headway_edge.core.process import Process
from headway_edge.own.consumables import Definition, definitions


@dataclass
class Stretch:
    """One consumable from a replacement on.

    start_day: of the replacement. real, adjusted: used at the end of each day since, in the totals' unit. outlooks: what was
    said then.
    """

    start_day: int
    real: list[int] = field(default_factory=list)
    adjusted: list[int] = field(default_factory=list)
    outlooks: list[Outlook] = field(default_factory=list)


@dataclass
class SimulatedUse:
    """What became of one consumable: its stretches, the last one still going on."""

    definition: Definition
    stretches: list[Stretch]

    @property
    def replacements(self) -> int:
        """How often it was replaced when it was due, the replacement of the first day not counted."""
        return len(self.stretches) - 1


def simulated_use(
    process: Process, days: Sequence[list[list[int]]], day_count: int, seed: int | None = None
) -> list[SimulatedUse]:
    """Follow every consumable of a process for `day_count` days: those recorded, one after the other, again and again.

    days: as `recorded_days` gives them. seed: draw them at random instead, the same for the same seed. All are replaced on the
    first day, and at the end of a day on which one is due.
    """
    found = [SimulatedUse(item, [Stretch(0)]) for item in definitions(process)]
    items = [use.definition.new() for use in found]
    for item in items:
        item.replaced(0)
    for day, trips in enumerate(_repeated(days, day_count) if seed is None else _drawn(days, day_count, seed)):
        for item, use in zip(items, found, strict=True):
            for totals in trips:
                item.add_totals(day, totals)
            stretch = use.stretches[-1]
            real, adjusted = item.used()
            stretch.real.append(real)
            stretch.adjusted.append(adjusted)
            outlook = item.outlook(day + 1)
            stretch.outlooks.append(outlook)
            if outlook.reason == DUE and day + 1 < day_count:
                item.replaced(day + 1)
                use.stretches.append(Stretch(day + 1))
    return found


def _repeated(days: Sequence[list[list[int]]], count: int) -> Iterator[list[list[int]]]:
    for day in range(count):
        yield days[day % len(days)]


def _drawn(days: Sequence[list[list[int]]], count: int, seed: int) -> Iterator[list[list[int]]]:
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(count):
        yield dice.choice(days)
