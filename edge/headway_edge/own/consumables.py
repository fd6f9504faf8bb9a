"""The consumables of a process, as its pack defines them, with the names and units that people know them by."""

from dataclasses import dataclass

from headway_edge.core.consumable import Consumable
from headway_edge.core.process import Process


@dataclass(frozen=True)
class Definition:
    """One consumable as data.

    id: stable number, that of the service that replaces it. key, title: name in commands, name for people. used, worn: places
    of the totals that count it as it is, and as the wear is felt. limit: in units of these totals; 0: only time counts.
    limit_days: 0: only use counts. unit, unit_size: how amounts are shown, and how many of the totals' own units one of it is.
    """

    id: int
    key: str
    title: str
    used: tuple[int, ...]
    worn: tuple[int, ...]
    limit: int
    limit_days: int
    unit: str
    unit_size: int

    def new(self) -> Consumable:
        """Return one that nothing is known of yet."""
        return Consumable([self.id, list(self.used), list(self.worn), self.limit, self.limit_days])


def definitions(process: Process) -> list[Definition]:
    """Return the definitions of a process in its pack's order; without a catalogue they are called by their numbers."""
    texts = {item["id"]: item for item in process.catalogue.get("consumables", [])}
    found = []
    for number, used, worn, limit, days in process.pack.consumables:
        known = texts.get(number, {})
        name = known.get("name", f"consumable_{number}")
        unit, size = known.get("unit", "1"), known.get("unit_size", 1)
        found.append(
            Definition(
                number,
                name.replace("_", "-"),
                known.get("title", name),
                tuple(used),
                tuple(worn),
                limit,
                days,
                unit,
                size,
            )
        )
    return found
