"""Our figures for the 241 recorded trips against NREL's own, which nobody here computed.

`python -m headway_simulators.nrel_oracle` prints the worst deviations. Trips are matched by time. Two definitions differ:

- NREL's trip may go on standing after the last movement; ours ends with the first standing sample. So standing time is
  compared after adding the standing samples of the recording between our end and theirs.
- NREL's speeds are floating-point mph, ours whole centi-km/h, and so are the edges of the speed bands: a sample within
  0.005 km/h of an edge may fall on its other side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from headway_edge.watcher import Trip, Watcher
from headway_simulators import nrel
from headway_simulators.offline_replay import rows_of, trips_of
from headway_simulators.processes import find_process
from headway_simulators.recordings import read
from headway_simulators.samples import Sample
from headway_simulators.virtual_clock import VirtualClock

_METRES_PER_MILE = 1609.344
_BANDS = (
    "zero", "zero_five", "five_ten", "ten_fifteen", "fifteen_twenty", "twenty_twenty_five", "twenty_five_thirty",
    "thirty_thirty_five", "thirty_five_fourty", "fourty_fourty_five", "fourty_five_fifty", "fifty_fifty_five",
    "fifty_five_sixty", "sixty_sixty_five", "sixty_five_seventy", "seventy_seventy_five", "seventy_five_plus",
)  # fmt: skip

# Largest deviation allowed on any single trip, with why it is not zero.
TOLERANCES = {
    "start, s": 0.0,
    "distance, m": 1.0,  # ours are whole metres of whole centi-km/h
    "driving time, s": 0.0,
    "stopped time, s": 0.0,
    "maximum speed, km/h": 0.005,  # the quantum's half
    "stops": 0.0,
    "speed band, s": 10.0,  # samples on an edge, in hours at a steady 65 mph
}


@dataclass(frozen=True)
class Deviation:
    """Ours minus theirs, in one quantity of one trip."""

    quantity: str
    vehicle: str
    trip_start: str
    ours: float
    theirs: float

    @property
    def amount(self) -> float:
        """Ours minus theirs; rounded to the microunit, where floating-point sums differ."""
        return round(self.ours - self.theirs, 6)


def vehicle_trips(vehicle: nrel.Vehicle) -> tuple[list[Trip], list[Sample]]:
    """Return the trips of all days of one vehicle, as one device counts them, and the samples they were counted from."""
    process = find_process()
    days = [read(path) for path in vehicle.day_files]
    rows = (row for day in days for row in rows_of(day, process))
    clock = VirtualClock(days[0].samples[0].wall_ms)
    trips = list(trips_of(rows, Watcher(process, "car", days[0].period_ms), clock))
    return trips, [sample for day in days for sample in day.samples]


def deviations(vehicles: Sequence[nrel.Vehicle]) -> Iterator[Deviation]:
    """Yield every quantity of every trip. Raises ValueError when trips do not match one to one."""
    for vehicle in vehicles:
        ours, samples = vehicle_trips(vehicle)
        theirs = vehicle.trips()
        if len(ours) != len(theirs):
            raise ValueError(f"{vehicle.name}: {len(ours)} trips, NREL has {len(theirs)}")
        for trip, row in zip(ours, theirs, strict=True):
            yield from _trip(vehicle.name, trip, row, samples)


def _trip(vehicle: str, trip: Trip, row: dict[str, str], samples: list[Sample]) -> Iterator[Deviation]:
    start, end_ms, our_end_ms = row["start_ts"], _unix_ms(row["end_ts"]), trip.start_ms + trip.elapsed_ms
    numbers, process = trip.numbers(), trip.process
    standing_after_s = sum(1 for sample in samples if our_end_ms < sample.wall_ms <= end_ms and sample.speed_ckmh == 0)
    bands = [numbers[place] / 10 for place in process.places("speed_bands")]
    distance_m, speed_max_ckmh, stops = (
        process.count(name, numbers) or 0 for name in ("distance", "speed_max", "stops")
    )
    pairs = [
        ("start, s", trip.start_ms / 1000, _unix_ms(start) / 1000),
        ("distance, m", distance_m, float(row["distance_total"]) * _METRES_PER_MILE),
        ("driving time, s", sum(bands[1:]), float(row["driving_time_seconds"])),
        ("stopped time, s", bands[0] + standing_after_s, float(row["zero_seconds"])),
        ("maximum speed, km/h", speed_max_ckmh / 100, float(row["max_speed"]) * _METRES_PER_MILE / 1000),
        ("stops", stops, float(row["total_stops"])),
    ]
    pairs.extend(
        ("speed band, s", ours, float(row[f"{name}_seconds"])) for ours, name in zip(bands[1:], _BANDS[1:], strict=True)
    )
    for quantity, ours, theirs in pairs:
        yield Deviation(quantity, vehicle, start, ours, theirs)


def _unix_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def worst_table(found: Sequence[Deviation]) -> Table:
    """The worst deviation of each quantity, where it is, and how many are not zero."""
    trips = len({(item.vehicle, item.trip_start) for item in found})
    table = Table(title=f"{trips} trips of {len({item.vehicle for item in found})} vehicles against NREL's own figures")
    for heading in ("quantity", "compared", "not equal", "worst", "ours", "NREL", "vehicle, trip", "allowed"):
        table.add_column(heading, justify="left" if heading in {"quantity", "vehicle, trip"} else "right")
    for quantity, allowed in TOLERANCES.items():
        items = [item for item in found if item.quantity == quantity]
        worst = max(items, key=lambda item: abs(item.amount))
        unequal = sum(abs(item.amount) > 1e-3 for item in items)
        table.add_row(
            quantity,
            str(len(items)),
            str(unequal),
            f"{worst.amount:+.3f}",
            f"{worst.ours:.2f}",
            f"{worst.theirs:.2f}",
            f"{worst.vehicle}, {worst.trip_start}",
            f"{allowed:g}",
        )
    return table


if __name__ == "__main__":
    Console(width=140).print(worst_table(list(deviations(nrel.vehicles()))))
