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

from headway_edge.core import definition
from headway_simulators import nrel
from headway_simulators.offline_replay import Episode, episodes
from headway_simulators.recordings import Recording, read
from headway_simulators.samples import Sample

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


def vehicle_recording(vehicle: nrel.Vehicle) -> Recording:
    """All days of one vehicle as one recording."""
    days = [read(path) for path in vehicle.day_files]
    samples: list[Sample] = [sample for day in days for sample in day.samples]
    return Recording(vehicle.trips_file.parent, samples)


def deviations(vehicles: Sequence[nrel.Vehicle]) -> Iterator[Deviation]:
    """Yield every quantity of every trip. Raises ValueError when trips do not match one to one."""
    for vehicle in vehicles:
        recording = vehicle_recording(vehicle)
        ours = list(episodes(recording, "car"))
        theirs = vehicle.trips()
        if len(ours) != len(theirs):
            raise ValueError(f"{vehicle.name}: {len(ours)} trips, NREL has {len(theirs)}")
        for episode, row in zip(ours, theirs, strict=True):
            yield from _trip(vehicle.name, episode, row)


def _trip(vehicle: str, episode: Episode, row: dict[str, str]) -> Iterator[Deviation]:
    start, end_ms, our_end_ms = row["start_ts"], _unix_ms(row["end_ts"]), episode.end_ms
    counts = episode.trip.numbers()
    standing_after_s = sum(
        1 for sample in episode.recording.samples if our_end_ms < sample.wall_ms <= end_ms and sample.speed_ckmh == 0
    )
    bands = [counts[definition.BAND_0 + band] / 10 for band in range(definition.BANDS)]
    pairs = [
        ("start, s", episode.start_ms / 1000, _unix_ms(start) / 1000),
        ("distance, m", counts[definition.DISTANCE], float(row["distance_total"]) * _METRES_PER_MILE),
        ("driving time, s", sum(bands[1:]), float(row["driving_time_seconds"])),
        ("stopped time, s", bands[0] + standing_after_s, float(row["zero_seconds"])),
        ("maximum speed, km/h", counts[definition.SPEED_MAX] / 100, float(row["max_speed"]) * _METRES_PER_MILE / 1000),
        ("stops", counts[definition.STOPS], float(row["total_stops"])),
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
