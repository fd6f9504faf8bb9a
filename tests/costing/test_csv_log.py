"""A service's log as CSV: what is read, what is counted as lost, and what is refused with its line."""

import gzip
from pathlib import Path

import pytest

from headway_simulators.costing import reading
from headway_simulators.costing.event_log import EventLog, FactorName
from headway_simulators.errors import SimulatorError

HEADER = "customer,activity,start,end,duration_h,case,factor:experience:years\n"


def read(tmp_path: Path, text: str | bytes, name: str = "log.csv") -> EventLog:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return reading.read(path, [])


def test_two_of_start_end_and_duration_say_when_and_how_long(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        HEADER
        + "Ada,Repair,2024-03-01T10:00:00+01:00,2024-03-01T12:30:00+01:00,,7,3.5\n"
        + "Ada,Repair,2024-03-01T10:00:00Z,,1.5,7,\n"
        + "Bob,Repair,,2024-03-01T12:00:00Z,0.25,8,new\n"
        + "Bob,Repair,2024-03-02,2024-03-03,2,8,1e3\n",
    )
    first, second, third, fourth = log.activities
    assert (first.time_q, second.time_q, third.time_q, fourth.time_q) == (250, 150, 25, 200)
    assert (second.end_ms - second.start_ms, third.end_ms - third.start_ms) == (5_400_000, 900_000)
    # It took two hours of the day between its start and its end, when it became known.
    assert fourth.end_ms - fourth.start_ms == 86_400_000
    assert [activity.factors for activity in log.activities] == [(3.5,), (None,), ("new",), (1000.0,)]
    assert log.factors == [FactorName("experience", "years")]
    assert not log.losses.counts


def test_activities_are_put_in_order_of_start_and_equals_stay_as_they_stood(tmp_path: Path) -> None:
    rows = [("b", "02"), ("c", "01"), ("a", "02"), ("d", "01")]
    text = "customer,activity,start,duration_h\n" + "".join(f"{who},Call,2024-01-{day},1\n" for who, day in rows)
    assert [activity.customer for activity in read(tmp_path, text).activities] == ["c", "d", "b", "a"]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (",Repair,2024-03-01,2024-03-02,,1,", "customer_missing"),
        ("Ada,,2024-03-01,2024-03-02,,1,", "activity_missing"),
        ("Ada,Repair,yesterday,2024-03-02,,1,", "time_unreadable"),
        ("Ada,Repair,,2024-03-02,,1,", "time_missing"),
        ("Ada,Repair,2024-03-01,,soon,1,", "duration_unreadable"),
        ("Ada,Repair,2024-03-01,,nan,1,", "duration_unreadable"),
        ("Ada,Repair,2024-03-01,,-1,1,", "ends_before_it_starts"),
        ("Ada,Repair,2024-03-02,2024-03-01,,1,", "ends_before_it_starts"),
        ("Ada,Repair,2024-03-01,2029-03-01,,1,", "longer_than_10485_h"),
        ("Ada,Repair,2024-03-01,2024-03-02,,1", "cells_other_than_columns"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_with_its_line(tmp_path: Path, row: str, kind: str) -> None:
    good = "Ada,Repair,2024-03-01,2024-03-02,,1,\n"
    log = read(tmp_path, HEADER + good + row + "\n" + good + row + "\n")
    assert len(log.activities) == 2
    assert log.losses.counts == {kind: 2}
    assert log.losses.first[kind].startswith("line 3, ")


def test_a_log_without_a_usable_row_says_what_was_wrong_with_the_first(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match=r"no usable activity: time_unreadable 1 \(first: line 2, 'then'\)"):
        read(tmp_path, "customer,activity,start,duration_h\nAda,Repair,then,1\n")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("customer,start,end", r"line 1: a log needs the columns .* there is customer, start, end"),
        ("customer,activity,start", r"two of start, end and duration_h"),
        ("customer,activity,start,start,end", r"line 1: the column 'start' is there twice"),
        ("customer,activity,start,end,factor:skill", r"line 1: 'factor:skill' is no factor"),
    ],
)
def test_a_header_that_does_not_do_is_refused(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        read(tmp_path, header + "\n")


def test_gzip_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    text = HEADER + "Ada,Repair,2024-03-01,2024-03-02,,1,\n"
    plain = read(tmp_path, text)
    packed = read(tmp_path, gzip.compress(b"\xef\xbb\xbf" + text.encode()), "log.csv.gz")
    assert packed.activities == plain.activities


def test_gzip_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"customer-{n},Repair,2024-03-01,2024-03-02,,{n * 7919},\n" for n in range(2000))
    packed = gzip.compress((HEADER + rows).encode())
    with pytest.raises(SimulatorError, match=r"cannot be read: .*end"):
        read(tmp_path, packed[: len(packed) // 2])


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"PK\3\4\0\0", "is no text")])
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        read(tmp_path, content)


def test_a_line_that_never_ends_is_not_read_into_memory(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="line 2 is longer than 1048576 bytes"):
        read(tmp_path, HEADER + "a" * (1 << 21))
