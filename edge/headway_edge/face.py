"""The text face: what the person sees on a small screen, at the end of a trip and on request. Pure: data in, lines out."""

from datetime import UTC, datetime

from headway_edge.agent import Comparison
from headway_edge.core import characteristics, comparison, definition, period
from headway_edge.own_totals import CREDIBLE_M, CREDIBLE_TRIPS
from headway_edge.watcher import Trip
from headway_protocol.benchmark import Benchmark

_QUARTERS = ("lowest", "second", "third", "highest")
_MANY_PERMILLE = 250  # with this many at the very same value, a place among them would mean nothing
_LABELS = {
    "short_trip_ratio_pct": "short trips",
    "low_speed_ratio_pct": "low speed",
    "idle_share_pct": "idling",
    "stops_per_km": "stops",
    "hard_accelerations_per_100km": "hard accelerations",
    "hard_brakings_per_100km": "hard brakings",
    "mileage_per_trip_km": "trip length",
    "mileage_km": "distance",
    "trips": "trips",
    "mean_speed_kmh": "mean speed",
    "max_speed_kmh": "highest speed",
}


def label(characteristic: characteristics.Characteristic) -> str:
    """The characteristic's name as said to a person; its key where nobody has found words yet."""
    return _LABELS.get(characteristic.key, characteristic.key)


def with_unit(characteristic: characteristics.Characteristic, value: int) -> str:
    """A value as said to a person: "12.5 %", "3 trips"."""
    unit = "" if characteristic.unit == "1" else " " + characteristic.unit.replace("1/", "per ")
    return characteristics.text(characteristic, value) + unit


def trip_lines(trip: Trip, wall_start_ms: int | None) -> list[str]:
    """Two lines at the end of a trip; times in UTC, the day left out when the clock was never set."""
    counts = trip.numbers()
    minutes = (counts[definition.ELAPSED] + 300) // 600
    started = ""
    if wall_start_ms is not None:
        started = datetime.fromtimestamp(wall_start_ms / 1000, UTC).strftime(", %-d %b %H:%M")
    observed = sum(counts[definition.BAND_0 :])
    idle_pct = (counts[definition.IDLE] * 200 + observed) // (2 * observed) if observed else 0
    hard = counts[definition.HARD_ACCELERATION] + counts[definition.HARD_BRAKING]
    return [
        f"Trip{started}: {counts[definition.DISTANCE] / 1000:.1f} km in {minutes} min",
        f"  idling {idle_pct} %, {_count(counts[definition.STOPS], 'stop')}, "
        + (_count(hard, "hard manoeuvre") if hard else "driven smoothly"),
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def standing(item: Comparison) -> str:
    """Where the person stands, no finer than the cohort allows."""
    if item.tied_permille >= _MANY_PERMILLE:
        return "as many others"
    if item.parts == comparison.QUARTER:
        return f"{_QUARTERS[item.which - 1]} quarter"
    if item.parts == comparison.TENTH:
        return f"tenth {item.which} of 10"
    return f"more than {item.share_permille // 10} % of drivers"


def meaning(item: Comparison) -> str:
    """What that means for the person, in words; empty for characteristics that are neither good nor bad."""
    if item.characteristic.direction != characteristics.LOWER_IS_BETTER or item.tied_permille >= _MANY_PERMILLE:
        return ""
    if item.which * 2 <= item.parts:
        return "less than most" if item.which > 1 else "well done"
    return "more than most" if item.which < item.parts else "room to improve"


def comparison_lines(items: list[Comparison], benchmark: Benchmark | None, totals: list[int]) -> list[str]:
    """The person beside the cohort; or, while that cannot be said, why and what it takes."""
    trips, distance_m = totals[period.TRIPS], totals[period.DISTANCE_M]
    if benchmark is None:
        return [
            "No comparison yet: no benchmark has reached this device.",
            "It comes by itself when enough people drive.",
        ]
    if not items:
        return [
            f"No comparison yet: {_count(trips, 'trip')} and {distance_m / 1000:.1f} km are too little to judge.",
            f"It starts from {CREDIBLE_TRIPS} trips and {CREDIBLE_M // 1000} km of your own.",
        ]
    persons = max(item.persons for item in items)
    lines = [f"You among {persons} drivers of the class {benchmark.cohort!r} (epoch {benchmark.epoch})"]
    for item in items:
        if item.characteristic.direction == characteristics.NEUTRAL:
            continue
        lines.append(
            f"  {label(item.characteristic):<20}{with_unit(item.characteristic, item.value):>16}"
            f"   {standing(item):<16} {meaning(item)}".rstrip()
        )
    if items[0].parts == comparison.QUARTER:
        lines.append(f"With {persons} people only the quarter can be told; a finer place would be chance.")
    return lines
