"""The text face: what the person sees on a small screen, at the end of a trip and on request. Pure: data in, lines out.

The words come from the pack's catalogue, so another process shows itself without another face.
"""

from datetime import UTC, datetime

from headway_edge.core import comparison
from headway_edge.core.process import HIGHER_IS_BETTER, NEUTRAL, Characteristic, Process, text
from headway_edge.core.standing import Standing
from headway_edge.insight import Comparison
from headway_edge.own.own_series import Expected
from headway_edge.watcher import Trip
from headway_protocol.benchmark import Benchmark

_QUARTERS = ("lowest", "second", "third", "highest")
_MANY_PERMILLE = 250  # with this many at the very same value, a place among them would mean nothing
_CHANCES_TOLD = 2
_NAME_WIDTH = 30
_VALUE_WIDTH = 11
_BAR = 20


def label(characteristic: Characteristic) -> str:
    """The characteristic's name as said within a sentence."""
    title: str = characteristic.title
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def with_unit(characteristic: Characteristic, value: int) -> str:
    """A value as said to a person: "12.5 %", "0.18 per km", "3"; without the unit where the title ends with it."""
    unit = "" if characteristic.unit == "1" else " " + characteristic.unit.replace("1/", "per ")
    return text(characteristic, value) + ("" if characteristic.title.endswith(unit) else unit)


def trip_lines(trip: Trip, wall_start_ms: int | None) -> list[str]:
    """Two lines at the end of a trip; times in UTC, the day left out when the clock was never set."""
    process, numbers = trip.process, trip.numbers()
    minutes = (numbers[0] + 300) // 600
    started = ""
    if wall_start_ms is not None:
        started = datetime.fromtimestamp(wall_start_ms / 1000, UTC).strftime(", %-d %b %H:%M")
    if process.pack.kind == "day":
        first = f"Day{started}: {minutes // 60} h {minutes % 60} min observed"
    else:
        first = f"Trip{started}: {numbers[1] / 1000:.1f} km in {minutes} min"
    shown = [(c, c.value(numbers)) for c in process.trip if c.headline]
    told = [f"{label(c)} {with_unit(c, value)}" for c, value in shown if value is not None]
    return [first, *(["  " + ", ".join(told)] if told else [])]


def expected_lines(items: list[Expected]) -> list[str]:
    """What is to be expected of the next trip or day; empty where too little is known."""
    lines = []
    for item in items:
        c = item.characteristic
        within = ""
        if item.low is not None and item.high is not None:
            floor = 0 if item.value >= 0 else item.low
            within = f"  (4 times in 5: {text(c, max(item.low, floor))} to {text(c, item.high)})"
        name = f"{label(c)}, next {item.noun}"
        lines.append(f"  {name:<{_NAME_WIDTH}}{with_unit(c, item.value):>{_VALUE_WIDTH}}{within}")
    return ["What to expect", *lines] if lines else []


def standing(item: Comparison) -> str:
    """Where the person stands, no finer than the cohort allows."""
    if item.tied_permille >= _MANY_PERMILLE:
        return "as many others"
    if item.parts == comparison.QUARTER:
        return f"{_QUARTERS[item.which - 1]} quarter"
    if item.parts == comparison.TENTH:
        return f"tenth {item.which} of 10"
    return f"more than {item.share_permille // 10} %"


def meaning(item: Comparison) -> str:
    """What that means for the person, in words; empty for characteristics that are neither good nor bad."""
    direction = item.characteristic.direction
    if direction == NEUTRAL or item.tied_permille >= _MANY_PERMILLE:
        return ""
    # From the best part to the worst.
    rank = item.parts + 1 - item.which if direction == HIGHER_IS_BETTER else item.which
    less, more = ("more", "less") if direction == HIGHER_IS_BETTER else ("less", "more")
    if rank * 2 <= item.parts:
        return f"{less} than most" if rank > 1 else "well done"
    return f"{more} than most" if rank < item.parts else "room to improve"


def comparison_lines(
    process: Process, items: list[Comparison], benchmark: Benchmark | None, totals: list[int] | None
) -> list[str]:
    """The person beside the cohort, on the pack's headlines; or, while that cannot be said, why and what it takes."""
    if benchmark is None:
        return [
            "No comparison yet: no benchmark has reached this device.",
            "It comes by itself when enough people take part.",
        ]
    if not items:
        have, need = _enough(process, totals)
        return [f"No comparison yet: {have} are too little to judge.", f"It starts from {need} of your own."]
    persons = max(item.persons for item in items)
    lines = [f"You among {persons} of the class {benchmark.cohort!r} (epoch {benchmark.epoch})"]
    for item in items:
        if item.characteristic.direction == NEUTRAL or not item.characteristic.headline:
            continue
        lines.append(
            f"  {label(item.characteristic):<{_NAME_WIDTH}}{with_unit(item.characteristic, item.value):>{_VALUE_WIDTH}}"
            f"  {standing(item):<15} {meaning(item)}".rstrip()
        )
    if items[0].parts == comparison.QUARTER:
        lines.append(f"With {persons} people only the quarter can be told; a finer place would be chance.")
    return lines


def _enough(process: Process, totals: list[int] | None) -> tuple[str, str]:
    # What there is and what it takes, in the words of the characteristics that show those totals as they are.
    have, need = [], []
    for index, least in process.pack.enough:
        zeros = [0] * len(process.pack.period)
        needed = [*zeros[:index], least, *zeros[index + 1 :]]
        for c in process.period:
            value = c.value(needed)
            if value and c.value(zeros) == 0:  # a sum with this total in it, and no quotient
                now = c.value(totals if totals is not None else zeros) or 0
                have.append(f"{label(c)} {with_unit(c, now)}")
                need.append(f"{label(c)} {with_unit(c, value)}")
                break
    return " and ".join(have) or "what there is", " and ".join(need) or "a little more"


def score_lines(score: Standing | None) -> list[str]:
    """The score with its axes, what moved it and what would change it; empty where there is none."""
    if score is None or score.points is None:
        return []
    among = "your own past weeks and people like you" if score.own else "people like you"
    lines = [f"Score {score.points} of 100, among {among}"]
    for name, points in score.axes:
        bar = "no data" if points is None else "#" * ((points * _BAR + 50) // 100)
        shown = "" if points is None else f"{points:>4}"
        lines.append(f"  {name:<{_NAME_WIDTH}}{shown:>4}  {bar}".rstrip())
    if score.past is not None and score.moved is not None:
        name, change = score.moved
        lines.append(f"Last week {score.past}; {name} moved it most ({change:+d}).")
    lines.extend(
        f"{chance.characteristic.title} at {with_unit(chance.characteristic, chance.value)} would make it "
        f"{score.points + chance.points}."
        for chance in score.chances[:_CHANCES_TOLD]
    )
    return lines
