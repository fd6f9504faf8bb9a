"""Recordings: what is readable without a mapping, what is refused, and what is counted."""

import gzip
from pathlib import Path

import pytest

from headway_simulators.errors import SimulatorError
from headway_simulators.recordings import read
from headway_simulators.samples import UNKNOWN, Sample


def recording(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trip.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_vss_names_and_units_are_read_without_a_mapping(tmp_path: Path) -> None:
    path = recording(
        tmp_path,
        "Vehicle.Powertrain.CombustionEngine.Speed,timestamp,Vehicle.Speed,Vehicle.Other\n"
        "800,2026-03-02T07:10:00Z,0,x\n"
        ",2026-03-02T08:10:01.250+01:00,36.5,\n"
        "2100.6,1772435402.5,,\n"
        "2100,2026-03-02 07:10:03,50.005,\n",
    )
    found = read(path)
    assert found.samples == [
        Sample(1772435400000, 0, 800),
        Sample(1772435401250, 3650, UNKNOWN),
        Sample(1772435402500, UNKNOWN, 2101),
        Sample(1772435403000, 5001, 2100),
    ]
    assert found.problems == {}


def test_ignition_is_read_from_the_power_state(tmp_path: Path) -> None:
    rows = "".join(
        f"{1772435400 + i},10,{state}\n" for i, state in enumerate(["ON", "start", "OFF", "LOCK", "", "broken"])
    )
    found = read(recording(tmp_path, "timestamp,Vehicle.Speed,Vehicle.LowVoltageSystemState\n" + rows))
    assert [sample.ignition for sample in found.samples] == [1, 1, 0, 0, UNKNOWN, UNKNOWN]
    assert found.problems == {"Vehicle.LowVoltageSystemState_unreadable": 1}


def test_a_stopped_engine_says_nothing_about_the_ignition(tmp_path: Path) -> None:
    text = "timestamp,Vehicle.Speed,Vehicle.Powertrain.CombustionEngine.IsRunning\n1,0,true\n2,0,false\n"
    assert [sample.ignition for sample in read(recording(tmp_path, text)).samples] == [1, UNKNOWN]


def test_cells_that_are_no_numbers_are_missing_and_counted(tmp_path: Path) -> None:
    rows = "".join(
        f"{i},{cell}\n" for i, cell in enumerate(["fast", "nan", "inf", "-3", "1e400", "0x10", " "], start=1)
    )
    found = read(recording(tmp_path, "timestamp,Vehicle.Speed\n" + rows))
    assert [sample.speed_ckmh for sample in found.samples] == [UNKNOWN] * 7
    assert found.problems == {"Vehicle.Speed_unreadable": 6}


def test_rows_without_a_usable_time_are_dropped_and_counted(tmp_path: Path) -> None:
    text = "timestamp,Vehicle.Speed\n,1\nyesterday,2\n2026-13-01T00:00:00Z,3\n-5,4\n2026-03-02T07:10:00Z,5\n"
    found = read(recording(tmp_path, text))
    assert [sample.speed_ckmh for sample in found.samples] == [500]
    assert found.problems == {"timestamp_unreadable": 4}


def test_short_rows_blank_lines_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    text = "\ufefftimestamp,Vehicle.Speed\n\n1\n2,7\n"
    found = read(recording(tmp_path, text))
    assert found.samples == [Sample(1000, UNKNOWN), Sample(2000, 700)]
    assert found.problems == {"row_too_short": 1}


def test_gzip_is_read_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "trip.bin"
    path.write_bytes(gzip.compress(b"timestamp,Vehicle.Speed\n1,7\n"))
    assert read(path).samples == [Sample(1000, 700)]


def test_the_sampling_period_is_the_median_step_of_the_beginning(tmp_path: Path) -> None:
    rows = "".join(f"{i / 10},7\n" for i in (0, 1, 2, 3, 9, 10, 11))
    assert read(recording(tmp_path, "timestamp,Vehicle.Speed\n" + rows)).period_ms == 100
    assert read(recording(tmp_path, "timestamp,Vehicle.Speed\n1,7\n")).period_ms == 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x7fELF\x00\x00", "is a binary file"),
        (b"\x1f\x8bbroken", "cannot be read"),
        (b"time,speed\n1,2\n", "no column is named `timestamp`"),
        (b"timestamp,velocity\n1,2\n", "no column Vehicle.Speed"),
        (b"timestamp,Vehicle.Speed\n", "no usable sample: nothing after the header"),
        (b"timestamp,Vehicle.Speed\nx,2\ny,3\n", "no usable sample: timestamp_unreadable 2"),
        (b"\xff\xfe\xfa", "no column is named `timestamp`"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "trip.csv"
    path.write_bytes(content)
    with pytest.raises(SimulatorError, match=message):
        read(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="there is no such file"):
        read(tmp_path / "absent.csv")
    with pytest.raises(SimulatorError, match="is a folder"):
        read(tmp_path)
