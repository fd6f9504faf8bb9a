"""What the fleet's page looks at: people of one cohort and one pack, a characteristic of theirs, an epoch.

Days of a wearable are about health. Of packs of that kind people are never shown beside each other: no list of persons,
no dot that is a person, no highest and lowest value; only counts, and the benchmark, which has the floor of persons.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.process import Characteristic, Process, text
from headway_server.cohorts.epochs import ALL_CHARACTERISTICS, UNKNOWN_COHORT, person_totals_of
from headway_server.packs.processes import Processes
from headway_server.reading import fleet
from headway_server.reading.answers import instant
from headway_server.reading.labels import first_of, unit_of
from headway_server.totals.tally import Tally


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: people of a cohort and a pack, a characteristic of theirs, an epoch."""

    process: Process
    cohort: str
    characteristic: Characteristic
    epoch: int
    is_open: bool
    persons: dict[str, Tally]
    knots: fleet.Knots | None
    note: str

    @property
    def shows_persons(self) -> bool:
        """Whether persons may be shown beside each other."""
        return bool(self.process.pack.kind != "day")

    def values(self) -> dict[str, int]:
        """The persons that have a value, lowest first; none where they may not be shown beside each other."""
        if not self.shows_persons:
            return {}
        found = {person: self.characteristic.value(tally.totals) for person, tally in self.persons.items()}
        known = {person: value for person, value in found.items() if value is not None}
        return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))

    def drawn(self) -> tuple[list[int], tuple[list[int], list[int]] | None, int]:
        """What there is to draw: (values, lowest first; shares and values of the knots; number of persons)."""
        values = list(self.values().values())
        knots = None if self.knots is None else (self.knots.shares_permille, self.knots.values)
        return values, knots, len(values) if self.shows_persons or self.knots is None else self.knots.persons

    def title(self) -> str:
        """The chart's title: what, of whom, how many."""
        return f"{self.characteristic.title} · {self.cohort} · epoch {self.epoch} · n = {self.drawn()[2]}"

    def summary(self) -> str:
        """The chart in words, for who does not see it; "" where there is nothing to draw."""
        values, knots, persons = self.drawn()
        c = self.characteristic
        unit = f" {unit_of(c)}".rstrip()
        if values:
            middle = values[(len(values) - 1) // 2]
            return (
                f"{persons} persons, from {text(c, values[0])} to {text(c, values[-1])}{unit}, "
                f"half of them at or below {text(c, middle)}{unit}."
            )
        if knots is None or self.shows_persons:
            return ""
        return (
            f"{persons} persons; means of at least five of them, from {text(c, knots[1][0])} to "
            f"{text(c, knots[1][-1])}{unit}."
        )


@dataclass(frozen=True, slots=True)
class Choices:
    """What else could be looked at: packs with trips in the epoch, cohorts of the pack, epochs."""

    processes: list[Process]
    cohorts: list[str]
    epochs: list[tuple[int, bool, datetime | None]]


async def look_at(
    connection: AsyncConnection,
    processes: Processes,
    k_floor: int,
    *,
    pack: str | None,
    cohort: str | None,
    number: int | None,
    epoch: int | None,
) -> tuple[View | None, Choices]:
    """Return (view, choices); no view where nobody drove yet.

    Without a choice: the open epoch if anybody drove in it (by the pack that was chosen), else the last closed one, the
    pack of most people there, its largest cohort, and the pack's first characteristic. Raises HTTPException 404 for what
    does not exist.
    """
    epochs = await fleet.list_epochs(connection)
    by_number = {row.number: row for row in epochs}
    if epoch is not None and epoch not in by_number:
        raise HTTPException(404, f"there is no epoch {epoch}; {epochs[0].number} is open")
    chosen = epoch or epochs[0].number
    totals = await person_totals_of(connection, processes, chosen)
    has_trips = any(pack is None or pack_id.hex() == pack for _, pack_id in totals)
    if not has_trips and epoch is None and len(epochs) > 1:
        chosen = epochs[1].number
        totals = await person_totals_of(connection, processes, chosen)
    process, with_trips = _choose_process(processes, {key: len(persons) for key, persons in totals.items()}, pack)
    found = {name: persons for (name, pack_id), persons in totals.items() if process and pack_id == process.id}
    choices = Choices(
        with_trips, sorted(found), [(row.number, row.closed_at_ms is None, instant(row.opened_at_ms)) for row in epochs]
    )
    characteristic = None if process is None else _choose_characteristic(process, number)
    if process is None or characteristic is None or not found:
        return None, choices
    if cohort is None or cohort not in found:
        cohort = max(found, key=lambda name: len(found[name]))
    is_open = by_number[chosen].closed_at_ms is None
    tables = await fleet.list_benchmarks(connection, up_to_epoch=chosen)
    wanted = (cohort, process.id, characteristic.id)
    knots = next((t for t in tables if (t.cohort, t.pack_id, t.characteristic) == wanted), None)
    view = View(process, cohort, characteristic, chosen, is_open, found[cohort], knots, "")
    return replace(view, note=await _note(connection, k_floor, view)), choices


def _choose_process(
    processes: Processes, people: dict[tuple[str, bytes], int], pack: str | None
) -> tuple[Process | None, list[Process]]:
    by_pack: Counter[bytes] = Counter()
    for (_, pack_id), persons in people.items():
        by_pack[pack_id] += persons
    # Of packs with as many people the one that would stand first in a list.
    with_trips = [known.process for known in processes.all() if known.process.id in by_pack]
    first = max(with_trips, key=lambda process: by_pack[process.id], default=None)
    if pack is None:
        return first, with_trips
    for known in processes.all():
        if known.process.id.hex() == pack:
            return known.process, with_trips
    raise HTTPException(404, f"no pack {pack} is known")


def _choose_characteristic(process: Process, number: int | None) -> Characteristic | None:
    if number is None:
        return first_of(process)
    for characteristic in process.period:
        if characteristic.id == number:
            return characteristic
    known = ", ".join(str(c.id) for c in process.period)
    raise HTTPException(404, f"pack {process.name} has no characteristic {number} of a period; it has {known}")


async def _note(connection: AsyncConnection, k_floor: int, view: View) -> str:
    """Say which benchmark is shown, or why none is."""
    epoch, knots, persons = view.epoch, view.knots, len(view.persons)
    if knots is not None and knots.epoch == epoch:
        published = f"Published to the devices of this cohort at the close of epoch {epoch}"
        with_value = sum(view.characteristic.value(tally.totals) is not None for tally in view.persons.values())
        if knots.persons >= with_value:
            return f"{published}."
        return (
            f"{published}, over {knots.persons} of {with_value} persons: the others are left out so that this benchmark and "
            "an earlier one, subtracted, tell about nobody."
        )
    older = f" Shown is the one of epoch {knots.epoch}, which devices still hold." if knots else ""
    if view.is_open:
        if view.cohort == UNKNOWN_COHORT:
            return "These devices have not told their vehicle class yet: they get no benchmark until they do." + older
        if persons < k_floor:
            return (
                f"No benchmark would be published now: {persons} of at least {k_floor} persons. With fewer, its numbers "
                "would tell about single persons." + older
            )
        return f"Epoch {epoch} is open: its benchmark is published when it closes." + older
    for row in await fleet.list_withheld(connection, epoch):
        of_view = (row.cohort, row.pack_id) == (view.cohort, view.process.id)
        if of_view and row.characteristic in {ALL_CHARACTERISTICS, view.characteristic.id}:
            return f"No benchmark was published at the close of epoch {epoch}: {row.reason}." + older
    return f"No benchmark was published at the close of epoch {epoch}." + older
