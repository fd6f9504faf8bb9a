"""What a device's records add up to, worked out from the records all at once, as they are defined and not as they came.

Pure. Ingest does the same batch by batch (`revisions`, `trip_rows`, `incident_rows`); this is the other way to the same
numbers, for `verification`. Two facts are taken as they are stored, for no record has them: who the person was when a trip was
read, and which epoch was open then.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headway_edge.core.episode import DISTANCE
from headway_protocol.fold import DAY_SPAN
from headway_server.ingest import service_rows
from headway_server.ingest.arrival import Arrival, Find
from headway_server.ingest.incident_rows import closing_columns, opening_columns
from headway_server.ingest.tally_rows import Key, day_key, epoch_key
from headway_server.recounting.recount_dates import BootTimes
from headway_server.recounting.recount_folds import Fold, FoldMark, Named, fold_marks
from headway_server.totals.tally import Tally, merge

Place = tuple[int, int]  # boot, seq


@dataclass(frozen=True, slots=True)
class Trip:
    """A record of a trip that was read. counts: packed. revises: `revisions.revised_by`."""

    person: str
    pack_id: bytes
    epoch: int
    day: int
    context: int
    counts: bytes
    revises: Place | None


@dataclass(frozen=True, slots=True)
class Mark:
    """How a record counts. first: first record of its trip as far as is known, None for one that has only this one."""

    superseded: bool
    counted_epoch: int | None
    first: Place | None


@dataclass(frozen=True, slots=True)
class Sums:
    """What the trips and folds that count add up to: by day, month and epoch (keys as in `tally_rows`), and in all.

    months: of folds whose days are not known; their trips are in no day.
    """

    days: dict[Key, Tally]
    months: dict[Key, Tally]
    epochs: dict[Key, Tally]
    trips: int
    distance_m: int


@dataclass(slots=True)
class Told:
    """The rows that there should be of what a device tells beside its trips, by record: {column: value}; there after `date`."""

    incidents: dict[Place, dict[str, Any]] = field(default_factory=dict)
    closings: dict[Place, dict[str, Any]] = field(default_factory=dict)
    services: dict[Place, dict[str, Any]] = field(default_factory=dict)
    _told: dict[Place, Arrival] = field(default_factory=dict)

    def add(self, place: Place, arrival: Arrival) -> None:
        """Take a record, of any kind."""
        if arrival.incident is not None or arrival.service is not None:
            self._told[place] = arrival

    def date(self, times: BootTimes) -> None:
        """All records are taken, and `times` has the times of all."""
        for place, arrival in self._told.items():
            incident, service = arrival.incident, arrival.service
            if incident is not None and incident.closes is None:
                self.incidents[place] = {
                    **opening_columns(incident),
                    "opened_ms": times.at(arrival, incident.ago_ms)[0],
                }
            elif incident is not None:
                self.closings[place] = {**closing_columns(incident), "closed_ms": times.at(arrival, 0)[0]}
            if service is not None:
                self.services[place] = {
                    **service_rows.columns(service),
                    "done_ms": times.at(arrival, service.ago_ms)[0],
                }

    def incidents_closed(self) -> dict[Place, dict[str, Any]]:
        """Return the rows of incidents with what closes them."""
        named = {place: (row["closes_boot"], row["closes_seq"]) for place, row in self.closings.items()}
        by = closed_by(self.incidents, named)
        found = {}
        for place, row in self.incidents.items():
            closing = by.get(place)
            boot, seq = closing or (None, None)
            closed_ms = None if closing is None else self.closings[closing]["closed_ms"]
            found[place] = {**row, "closed_by_boot": boot, "closed_by_seq": seq, "closed_ms": closed_ms}
        return found


def marks(trips: Mapping[Place, Trip], folds: Mapping[Place, Fold] | None = None) -> dict[Place, Mark]:
    """Return how each record of a trip of a device counts; `revisions` and `fold_rows` say by which rules.

    >>> def trip(epoch, revises=None):
    ...     return Trip("anna", b"pack", epoch, 0, 0, b"", revises)
    >>> found = marks({(1, 1): trip(1), (1, 2): trip(1, (1, 1)), (1, 3): trip(2, (1, 2)), (1, 4): trip(2)})
    >>> [(mark.superseded, mark.counted_epoch, mark.first) for mark in found.values()]
    [(True, None, (1, 1)), (True, 1, (1, 1)), (False, None, (1, 1)), (False, 2, None)]
    """
    named = Named(folds or {})
    found: dict[Place, Mark] = {}
    for (pack_id, first), places in _trips(trips, trips).items():
        folded = named.since(pack_id, [first, *places]) is not None
        counted = _counted(trips, places, named)
        for place in places:
            its_first = None if places == [first] else first
            found[place] = Mark(folded or place != places[-1], counted.get(place), its_first)
    return dict(sorted(found.items()))


def marks_of_folds(
    find: Find, trips: Mapping[Place, Trip], folds: Mapping[Place, Fold], of: Mapping[Place, Mark]
) -> dict[Place, FoldMark]:
    """Return how each fold of a device counts. of: the marks of its trips."""
    closed: defaultdict[Place, list[Tally]] = defaultdict(list)
    for at, fold in folds.items():
        process = find(fold.says.pack_id)
        known = [place for place in trips if trips[place].epoch <= fold.epoch]
        alone = Named({at: fold})
        for (pack_id, first), places in _trips(trips, known).items():
            if process is None or alone.since(pack_id, [first, *places]) is None:
                continue
            for place in places:
                counted = of[place].counted_epoch
                if counted is not None and counted < fold.epoch:
                    numbers = process.numbers(trips[place].counts)
                    closed[at].append(Tally(1, numbers[DISTANCE], process.totals(numbers)))
    return fold_marks(find, folds, closed)


def closed_by(opened: Iterable[Place], closings: Mapping[Place, Place]) -> dict[Place, Place]:
    """Return {incident: record that closes it}; `incident_rows` says by which rules. closings: {record: what it names}.

    >>> closed_by([(1, 2), (1, 5)], {(1, 9): (1, 2), (1, 7): (1, 2), (1, 4): (1, 5), (1, 8): (1, 3)})
    {(1, 2): (1, 7)}
    """
    known, found = set(opened), dict[Place, Place]()
    for place, named in sorted(closings.items()):
        if named in known and named < place:
            found.setdefault(named, place)
    return found


def _trips(trips: Mapping[Place, Trip], places: Iterable[Place]) -> dict[tuple[bytes, Place], list[Place]]:
    """Group records into trips: {(pack id, first record, there or not): places, ascending}."""
    first: dict[Place, Place] = {}
    groups: defaultdict[tuple[bytes, Place], list[Place]] = defaultdict(list)
    for place in sorted(places):
        trip = trips[place]
        revised = trip.revises
        if revised is None:
            first[place] = place
        elif revised in first and trips[revised].pack_id == trip.pack_id:
            first[place] = first[revised]
        else:
            first[place] = revised
        groups[trip.pack_id, first[place]].append(place)
    return groups


def _counted(trips: Mapping[Place, Trip], places: list[Place], named: Named) -> dict[Place, int]:
    """Return {record: epoch} of the records of one trip that are in an epoch's totals: each as it was known at the close."""
    found = {}
    for epoch in sorted({trips[place].epoch for place in places}):
        known = [place for place in places if trips[place].epoch <= epoch]
        for (pack_id, first), then in _trips(trips, known).items():
            since = named.since(pack_id, [first, *then])
            if all(trips[place].epoch == epoch for place in then) and (since is None or since > epoch):
                found[then[-1]] = epoch
    return found


def sums(
    find: Find,
    device: str,
    trips: Mapping[Place, Trip],
    of: Mapping[Place, Mark],
    folds: Mapping[Place, tuple[Fold, FoldMark]],
) -> Sums:
    """Return what a device's records add up to. of: their marks. folds: with theirs. Packs that are not known are left out."""
    days: dict[Key, Tally] = {}
    months: dict[Key, Tally] = {}
    epochs: dict[Key, Tally] = {}
    count = distance_m = 0
    for place, trip in trips.items():
        process, mark = find(trip.pack_id), of[place]
        if process is None or (mark.superseded and mark.counted_epoch is None):
            continue
        numbers = process.numbers(trip.counts)
        tally = Tally(1, numbers[DISTANCE], process.totals(numbers))
        if not mark.superseded:
            key = day_key(device, trip.person, trip.pack_id, trip.day, trip.context)
            days[key] = merge(process, days.get(key), tally)
            count += 1
            distance_m += tally.distance_m
        if mark.counted_epoch is not None:
            key = epoch_key(device, trip.person, trip.pack_id, mark.counted_epoch)
            epochs[key] = merge(process, epochs.get(key), tally)
    for fold, mark_of_fold in folds.values():
        says = fold.says
        process = find(says.pack_id)
        if process is None:
            continue
        if not mark_of_fold.superseded:
            key = day_key(device, fold.person, says.pack_id, says.day, says.context)
            spans = days if says.span == DAY_SPAN else months
            spans[key] = merge(process, spans.get(key), says.tally)
            count += says.tally.trips
            distance_m += says.tally.distance_m
        if mark_of_fold.counted is not None and mark_of_fold.counted_epoch is not None:
            key = epoch_key(device, fold.person, says.pack_id, mark_of_fold.counted_epoch)
            epochs[key] = merge(process, epochs.get(key), mark_of_fold.counted)
    return Sums(days, months, epochs, count, distance_m)
