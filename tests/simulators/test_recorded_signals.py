"""Recorded signals: what a pack gets for each sample, in its own quanta, from the same file and in the same order."""

import gzip
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.pack_limits import NUMBER_MAX
from headway_edge.core.program import MISSING
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_signals import SignalQuantum, SignalReader
from headway_simulators.recording import Recording
from headway_simulators.recordings import read
from headway_simulators.samples import UNKNOWN

SPEED = SignalQuantum("Vehicle.Speed", 1, 100)
HEADING = SignalQuantum("Vehicle.CurrentLocation.Heading", 1, 10)
LONGITUDINAL = SignalQuantum("Vehicle.Acceleration.Longitudinal", 1, 1000)
LATERAL = SignalQuantum("Vehicle.Acceleration.Lateral", 1, 1000)
RPM = SignalQuantum("Vehicle.Powertrain.CombustionEngine.Speed", 1, 1)
COOLANT = SignalQuantum("Vehicle.Powertrain.CombustionEngine.ECT", 1, 2)
ODOMETER = SignalQuantum("Vehicle.TraveledDistance", 1, 1000)
BRAKING = SignalQuantum("Vehicle.Chassis.Brake.IsDriverEmergencyBrakingDetected", 1, 1)
LIMIT = SignalQuantum("Vehicle.Headway.RoadSpeedLimit", 1, 1)
POWER = SignalQuantum("Vehicle.LowVoltageSystemState", 1, 1)

TRIPS = Path(__file__).parents[2] / "simulators/headway_simulators/trips"


def recording(tmp_path: Path, text: str) -> Recording:
    path = tmp_path / "trip.csv"
    path.write_text(text, encoding="utf-8")
    return read(path)


def column(tmp_path: Path, signal: SignalQuantum, cells: Sequence[str]) -> tuple[list[int], Counter[str]]:
    """What a recording with these cells says of the signal, and what it counts."""
    problems: Counter[str] = Counter()
    rows = "".join(f"{i},0,{cell}\n" for i, cell in enumerate(cells, start=1))
    found = recording(tmp_path, f"timestamp,Vehicle.Speed,{signal.name}\n{rows}")
    return [row[0] for row in found.signals([signal], problems)], found.problems + problems


def test_signals_come_in_the_order_and_the_quanta_that_were_asked_for(tmp_path: Path) -> None:
    found = recording(
        tmp_path,
        "Vehicle.TraveledDistance,timestamp,Vehicle.Speed,Vehicle.Acceleration.Longitudinal,Vehicle.Other\n"
        "12.3456,2026-03-02T07:10:00Z,36.5,-1.25,x\n"
        ",2026-03-02T07:10:01Z,,0.0004,\n",
    )
    problems: Counter[str] = Counter()
    assert list(found.signals([LONGITUDINAL, SPEED, LIMIT, ODOMETER], problems)) == [
        (-1250, 3650, MISSING, 12346),
        (0, MISSING, MISSING, MISSING),
    ]
    assert list(found.signals([SignalQuantum("Vehicle.Speed", 5, 18)], problems)) == [(131,), (MISSING,)]
    assert list(found.signals([], problems)) == [(), ()]
    assert problems == {}
    assert found.columns == {"Vehicle.TraveledDistance", "Vehicle.Speed", LONGITUDINAL.name, "Vehicle.Other"}


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("2026-03-02T07:10:00+09:00", (430, 0)),
        ("2026-03-02T07:10:00.5-0330", (430, 0)),
        ("2026-03-02T07:10:00Z", None),
        ("2026-03-02T07:10:00+00:00", None),
        ("2026-03-02T07:10:00-0000", None),
        ("2026-03-02 07:10:00", None),
        ("1772435400", None),
    ],
)
def test_local_time_is_the_recordings_only_where_it_says_so(
    tmp_path: Path, time: str, told: tuple[int, int] | None
) -> None:
    clock = [SignalQuantum(f"Vehicle.Headway.Local{name}", 1, 1) for name in ("Minute", "Weekday")]
    found = recording(tmp_path, f"timestamp,Vehicle.Speed\n{time},1\n")
    assert list(found.signals(clock, Counter(), utc_as_local=False)) == [told or (MISSING, MISSING)]
    assert list(found.signals(clock, Counter())) == [(430, 0)]
    own = recording(tmp_path, f"timestamp,Vehicle.Speed,{clock[0].name}\n{time},1,77\n")
    assert next(own.signals(clock, Counter(), utc_as_local=False))[0] == 77


@pytest.mark.parametrize("name", sorted(path.name for path in TRIPS.glob("*.csv.gz")))
def test_the_speed_of_a_shipped_trip_is_the_samples(name: str) -> None:
    found = read(TRIPS / name)
    speeds = [row[0] for row in found.signals([SPEED], Counter())]
    assert speeds == [MISSING if sample.speed_ckmh == UNKNOWN else sample.speed_ckmh for sample in found.samples]
    assert max(speeds) > 3000


def test_rows_that_are_no_samples_have_no_signals(tmp_path: Path) -> None:
    found = recording(
        tmp_path, "timestamp,Vehicle.Speed,Vehicle.CurrentLocation.Heading\n1,1,10\nx,2,20\n\n,3,30\n2\n3,4,40\n4,5\n"
    )
    problems: Counter[str] = Counter()
    rows = list(found.signals([SPEED, HEADING], problems))
    assert rows == [(100, 100), (MISSING, MISSING), (400, 400), (500, MISSING)]
    assert [sample.wall_ms for sample in found.samples] == [1000, 2000, 3000, 4000]
    assert found.problems == {"timestamp_unreadable": 2, "row_too_short": 2}
    assert problems == {}


def test_of_two_columns_of_one_name_the_last_counts_for_samples_and_signals(tmp_path: Path) -> None:
    found = recording(tmp_path, "timestamp,timestamp,Vehicle.Speed,Vehicle.Speed\nx,1,7,8\n2,x,9,10\n")
    assert [sample.speed_ckmh for sample in found.samples] == [800]
    assert list(found.signals([SPEED], Counter())) == [(800,)]


def test_nrels_miles_an_hour_serve_as_the_speed(tmp_path: Path) -> None:
    found = recording(tmp_path, "timestamp,cycle_sec,speed_mph\n2007-08-25 11:07:21,0,31.4159\n")
    assert list(found.signals([SPEED], Counter())) == [(5056,)]
    assert found.samples[0].speed_ckmh == 5056
    assert found.columns == {"Vehicle.Speed"}


@pytest.mark.parametrize(
    ("signal", "cells", "numbers", "counted"),
    [
        (SPEED, ["0", "-0.1", "fast", "nan", "-inf", " ", "1500"], [0, *[MISSING] * 5, 150000], {"unreadable": 4}),
        (LATERAL, ["-9.81", "9.81", "-0.0005", "left"], [-9810, 9810, 0, MISSING], {"unreadable": 1}),
        (COOLANT, ["-40", "90.2", "215"], [-80, 180, 430], {}),
        (RPM, ["800", "2100.6", "-1"], [800, 2101, MISSING], {"unreadable": 1}),
        (LIMIT, ["50", "-50", "none"], [50, MISSING, MISSING], {"unreadable": 2}),
        (HEADING, ["0", "359.94", "359.95", "360", "-90", "450", "-1e-20"], [0, 3599, 0, 0, 2700, 900, 0], {}),
        (HEADING, ["65535", "-361", "720.1", "north"], [MISSING] * 4, {"out_of_range": 3, "unreadable": 1}),
        (BRAKING, ["true", "False", "1", "0", "", "2", "yes"], [1, 0, 1, 0, *[MISSING] * 3], {"unreadable": 2}),
        (POWER, ["ON", "start", "ACC", "LOCK", "UNDEFINED", "7"], [1, 1, 0, 0, MISSING, MISSING], {"unreadable": 1}),
        (ODOMETER, ["536870.911", "536870.912", "1e300"], [NUMBER_MAX, MISSING, MISSING], {"out_of_range": 2}),
    ],
)  # fmt: skip
def test_a_cell_means_what_its_signals_name_says(
    tmp_path: Path, signal: SignalQuantum, cells: list[str], numbers: list[int], counted: dict[str, int]
) -> None:
    found, problems = column(tmp_path, signal, cells)
    assert found == numbers
    assert problems == {f"{signal.name}_{kind}": count for kind, count in counted.items()}


def test_a_heading_goes_round_in_quanta_that_do_not_divide_the_circle() -> None:
    reader = SignalReader(SignalQuantum(HEADING.name, 7, 1))
    assert [reader.cell(text, Counter()) for text in ("-90", "270", "630", "358")] == [39, 39, 39, 51]


@given(st.text(max_size=12) | st.floats().map(str), st.integers(1, NUMBER_MAX), st.integers(1, NUMBER_MAX))
def test_whatever_a_cell_holds_the_core_gets_a_number_it_holds_or_missing(text: str, above: int, below: int) -> None:
    for name in (LATERAL.name, HEADING.name, BRAKING.name, SPEED.name):
        problems: Counter[str] = Counter()
        found = SignalReader(SignalQuantum(name, above, below)).cell(text, problems)
        assert found == MISSING or -NUMBER_MAX <= found <= NUMBER_MAX
        assert found == MISSING or name in {LATERAL.name} or found >= 0
        assert problems.total() == (found == MISSING and bool(text.strip()))


@pytest.mark.parametrize("quantum", [(0, 1), (1, 0), (-1, 100), (1, 1 << 29)])
def test_what_is_no_quantum_is_refused(tmp_path: Path, quantum: tuple[int, int]) -> None:
    found = recording(tmp_path, "timestamp,Vehicle.Speed\n1,7\n")
    with pytest.raises(ValueError, match="is no quantum"):
        found.signals([SignalQuantum("Vehicle.Speed", *quantum)], Counter())


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_not_understood_is_counted_once_however_often_it_is_read(tmp_path: Path, shared: bool) -> None:
    found = recording(tmp_path, "timestamp,Vehicle.Speed,Vehicle.Acceleration.Lateral\nx,1,1\n1,fast,left\n2,slow,1\n")
    problems = found.problems if shared else Counter[str]()
    assert list(found.signals([SPEED, LATERAL], problems)) == [(MISSING, MISSING), (MISSING, 1000)]
    if shared:
        list(found.signals([LATERAL, SPEED], problems))
    assert (problems if shared else found.problems + problems) == {
        "timestamp_unreadable": 1,
        "Vehicle.Speed_unreadable": 2,
        "Vehicle.Acceleration.Lateral_unreadable": 1,
    }


def test_an_iterator_given_up_has_counted_what_it_saw(tmp_path: Path) -> None:
    found = recording(tmp_path, "timestamp,Vehicle.Speed,Vehicle.Acceleration.Lateral\n1,1,left\n2,1,left\n")
    rows = iter(found.signals([LATERAL], found.problems))
    assert next(rows) == (MISSING,)
    del rows
    assert found.problems == {"Vehicle.Acceleration.Lateral_unreadable": 1}


def test_a_file_that_changed_in_between_is_refused(tmp_path: Path) -> None:
    found = recording(tmp_path, "timestamp,Vehicle.Speed\n1,7\n")
    found.path.write_bytes(gzip.compress(b"timestamp,Vehicle.Speed\n1,7\n"))
    assert list(found.signals([SPEED], Counter())) == [(700,)]  # the same content, packed
    found.path.write_text("timestamp,Vehicle.Speed\n1,8\n", encoding="utf-8")
    with pytest.raises(SimulatorError, match=r"has changed since .* Read it again"):
        found.signals([SPEED], Counter())
    found.path.unlink()
    with pytest.raises(SimulatorError, match="cannot be read a second time"):
        found.signals([SPEED], Counter())


def test_a_recording_without_a_file_of_its_own_says_where_to_ask(tmp_path: Path) -> None:
    one = recording(tmp_path, "timestamp,Vehicle.Speed\n1,7\n")
    with pytest.raises(SimulatorError, match="Ask the recordings it was made of"):
        Recording(Path("vehicle"), one.samples).signals([SPEED], Counter())


def test_a_recording_keeps_nothing_of_the_columns_nobody_asked_for(tmp_path: Path) -> None:
    secret = "x" * 1000
    rows = "".join(f"{i},7,{secret}\n" for i in range(1, 2001))
    path = tmp_path / "trip.csv"
    path.write_text("timestamp,Vehicle.Speed,Vehicle.Note\n" + rows, encoding="utf-8")
    del rows
    tracemalloc.start()
    found = read(path)
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.samples) == 2000
    assert kept_bytes < 400_000  # of the 2 MB there are


MINUTE = SignalQuantum("Vehicle.Headway.LocalMinute", 1, 1)
WEEKDAY = SignalQuantum("Vehicle.Headway.LocalWeekday", 1, 1)


def test_the_local_time_of_day_and_week_is_that_of_the_recorded_times(tmp_path: Path) -> None:
    times = (
        "2026-03-01T23:59:59+09:00",
        "2026-03-02T00:00:00+09:00",
        "2026-03-02 06:30:01.5",
        "1772435400.0",
        "2026-03-08T22:00:00Z",
    )
    found = recording(tmp_path, "timestamp,Vehicle.Speed\n" + "".join(f"{time},1\n" for time in times))
    rows = list(found.signals([MINUTE, SPEED, WEEKDAY], Counter()))
    assert rows == [(1439, 100, 6), (0, 100, 0), (390, 100, 0), (430, 100, 0), (1320, 100, 6)]


def test_a_column_of_the_local_time_comes_before_the_recorded_times(tmp_path: Path) -> None:
    text = "timestamp,Vehicle.Speed,Vehicle.Headway.LocalMinute\n2026-03-02T00:00:00Z,1,700\n2026-03-02T00:00:01Z,1,\n"
    found = recording(tmp_path, text)
    assert list(found.signals([MINUTE, WEEKDAY], Counter())) == [(700, 0), (MISSING, 0)]


@pytest.mark.parametrize(
    ("text", "quanta"),
    [
        ("P0217", 0x0217),
        ("u0100", 0xC100),
        (" 535 ", 535),
        ("0", 0),
        ("P02G7", MISSING),
        ("P9999", MISSING),
        ("", MISSING),
    ],
)
def test_trouble_codes_are_read_as_people_write_them(text: str, quanta: int) -> None:
    problems: Counter[str] = Counter()
    assert SignalReader(SignalQuantum("Vehicle.Headway.TroubleCode", 1, 1)).cell(text, problems) == quanta
    unreadable = quanta == MISSING and text != ""
    assert problems == ({"Vehicle.Headway.TroubleCode_unreadable": 1} if unreadable else {})
