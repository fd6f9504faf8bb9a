"""The signals that a pack asks a recording for, as whole numbers of the pack's own quanta.

What a cell means follows from its signal's COVESA VSS name: numbers are in VSS units, leaves named `Is…` or `Has…` are
booleans, headings go round, trouble codes have a letter. Whether a number is in the range of the pack's definition is the pack's
to judge.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from headway_edge.core.pack_limits import NUMBER_MAX
from headway_edge.core.program import MISSING
from headway_protocol.trouble_code import number_of
from headway_simulators.recorded_clock import CLOCK_SIGNALS, ClockReader

SPEED = "Vehicle.Speed"
RPM = "Vehicle.Powertrain.CombustionEngine.Speed"
HEADING = "Vehicle.CurrentLocation.Heading"
ENGINE_RUNNING = "Vehicle.Powertrain.CombustionEngine.IsRunning"
POWER_STATE = "Vehicle.LowVoltageSystemState"
POWER_OFF = {"LOCK", "OFF", "ACC"}
POWER_ON = {"ON", "START"}
TROUBLE_CODE = "Vehicle.Headway.TroubleCode"
NREL_SPEED = "speed_mph"
KMH_PER_MPH = 1.609344

_NEVER_NEGATIVE = {SPEED, RPM, "Vehicle.TraveledDistance", "Vehicle.Headway.RoadSpeedLimit"}
_BOOLEAN = re.compile(r"(.*\.)?(Is|Has)[A-Z]\w*")
_TURN_DEGREES = 360
_BOOLEAN_VALUES = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}
_POWER_VALUES = dict.fromkeys(POWER_ON, 1.0) | dict.fromkeys(POWER_OFF, 0.0)


class SignalQuantum(NamedTuple):
    """A signal that is asked for: its VSS name, and its quantum of numerator / denominator VSS units, each 1..2^29 - 1.

    `SignalQuantum("Vehicle.Speed", 1, 100)` is the speed in steps of 0.01 km/h.
    """

    name: str
    numerator: int
    denominator: int


class SignalReader:
    """Turns the readings of one signal into whole quanta, half up, counting what it cannot understand.

    units_per_reading: what a reading has to be multiplied by to be in the VSS unit. Raises ValueError for a quantum that
    is none.

    >>> heading, problems = SignalReader(SignalQuantum("Vehicle.CurrentLocation.Heading", 1, 10)), Counter()
    >>> [heading.cell(text, problems) for text in ("-90", "359.96", "")]
    [2700, 0, -536870912]
    >>> heading.cell("north", problems) == MISSING, dict(problems)
    (True, {'Vehicle.CurrentLocation.Heading_unreadable': 1})
    >>> code = SignalReader(SignalQuantum("Vehicle.Headway.TroubleCode", 1, 1))
    >>> [code.cell(text, problems) for text in ("P0217", "535", "0")], code.cell("nan", problems) == MISSING
    ([535, 535, 0], True)
    """

    def __init__(self, wanted: SignalQuantum, units_per_reading: float = 1.0) -> None:
        name, numerator, denominator = wanted
        if not (1 <= numerator <= NUMBER_MAX and 1 <= denominator <= NUMBER_MAX):
            raise ValueError(f"{name}: {numerator}/{denominator} is no quantum; both numbers are 1..2^29 - 1")
        self._name = name
        self._quanta_per_reading = denominator * units_per_reading / numerator
        self._lowest = 0.0 if name in _NEVER_NEGATIVE else -math.inf
        self._words = (
            _BOOLEAN_VALUES if _BOOLEAN.fullmatch(name) else _POWER_VALUES if name == POWER_STATE else None
        )  # fmt: skip
        self._number: Callable[[str], float] = _trouble_code if name == TROUBLE_CODE else float
        self._goes_round = name == HEADING
        turn_quanta, rest = divmod(_TURN_DEGREES * denominator, numerator)
        self._turn_quanta = turn_quanta if rest == 0 else None

    def cell(self, text: str, problems: Counter[str]) -> int:
        """Return the quanta of a text; MISSING where there is none or, counted in `problems`, no usable one."""
        if not text or text.isspace():
            return MISSING
        if self._words is not None:
            value = self._word(text.strip())
        else:
            try:
                value = float(self._number(text.strip()))
            except ValueError:
                value = math.nan
        if value is None:
            return MISSING
        return self.quanta(value, problems)

    def quanta(self, reading: float, problems: Counter[str]) -> int:
        """Return the quanta of a number.

        MISSING, counted in `problems`, for what is no finite number or a negative one where the signal has none
        (`…_unreadable`), and for what no core number holds or no heading within a turn of 0..360 is (`…_out_of_range`).
        """
        if not math.isfinite(reading) or reading < self._lowest:
            problems[f"{self._name}_unreadable"] += 1
            return MISSING
        if self._goes_round:
            if not -_TURN_DEGREES <= reading <= 2 * _TURN_DEGREES:
                problems[f"{self._name}_out_of_range"] += 1
                return MISSING
            reading %= _TURN_DEGREES
        scaled = reading * self._quanta_per_reading + 0.5
        if not -NUMBER_MAX <= scaled < NUMBER_MAX + 1:
            problems[f"{self._name}_out_of_range"] += 1
            return MISSING
        found = math.floor(scaled)
        return found % self._turn_quanta if self._goes_round and self._turn_quanta else found

    def _word(self, text: str) -> float | None:
        # None is a state that says itself that it is unknown.
        if self._words is _BOOLEAN_VALUES:
            return _BOOLEAN_VALUES.get(text.lower(), math.nan)
        return None if text.upper() == "UNDEFINED" else _POWER_VALUES.get(text.upper(), math.nan)


def _trouble_code(text: str) -> float:
    return number_of(text.upper()) if text[0].isalpha() else float(text)


class SignalRow:
    """Turns the cells of a CSV row under `header` into the signals that are asked for, in their order.

    A signal without a column is MISSING in every row, as is one whose cell a short row lacks. NREL's `speed_mph` serves
    as Vehicle.Speed where there is no such column, `timestamp` for the local minute and weekday; utc_as_local: as of
    `ClockReader`. Raises ValueError for a quantum that is none.
    """

    def __init__(self, header: Sequence[str], wanted: Sequence[SignalQuantum], utc_as_local: bool = True) -> None:
        index = {name: i for i, name in enumerate(header)}
        self._cells: list[tuple[int, SignalReader | ClockReader]] = []
        for signal in wanted:
            if signal.name in CLOCK_SIGNALS and signal.name not in index:
                reader = ClockReader(signal.name, signal.denominator / signal.numerator, utc_as_local)
                self._cells.append((index.get("timestamp", len(header)), reader))
                continue
            in_mph = signal.name == SPEED and SPEED not in index
            column = index.get(NREL_SPEED if in_mph else signal.name, len(header))
            self._cells.append((column, SignalReader(signal, KMH_PER_MPH if in_mph else 1.0)))

    def __call__(self, row: Sequence[str], problems: Counter[str]) -> tuple[int, ...]:
        """Return one integer for each signal asked for, MISSING where the row has nothing usable."""
        count = len(row)
        return tuple(
            [reader.cell(row[column], problems) if column < count else MISSING for column, reader in self._cells]
        )


def vss_names(header: Sequence[str]) -> frozenset[str]:
    """Return the VSS names under which a header's columns can be asked for."""
    names = {name for name in header if name.startswith("Vehicle.")}
    return frozenset(names | {SPEED} if NREL_SPEED in header else names)
