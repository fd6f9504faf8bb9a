"""XES logs: where times come from, what is known when an activity begins, and files that are made to do harm."""

import gzip
from pathlib import Path

import pytest

from headway_simulators.costing import reading, xes_log
from headway_simulators.costing.event_log import EventLog, FactorName
from headway_simulators.errors import SimulatorError


def event(name: str, moment: str, **more: str) -> str:
    values = {"concept:name": name, "customer": "Ada", **{key.replace("__", ":"): more[key] for key in more}}
    strings = "".join(f'<string key="{key}" value="{value}"/>' for key, value in values.items())
    return f'<event>{strings}<date key="time:timestamp" value="2024-03-{moment}:00+00:00"/></event>'


def log_of(*cases: str, head: str = "") -> str:
    traces = "".join(
        f'<trace><string key="concept:name" value="{number}"/>{case}</trace>' for number, case in enumerate(cases)
    )
    return f'<?xml version="1.0"?>{head}<log xmlns="http://www.xes-standard.org/">{traces}</log>'


def read(tmp_path: Path, text: str | bytes, factors: list[FactorName] | None = None) -> EventLog:
    path = tmp_path / "log.xes"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return reading.read(path, factors or [])


def test_with_completions_only_an_activity_takes_the_time_since_the_event_before(tmp_path: Path) -> None:
    log = read(tmp_path, log_of(event("Open", "01T08:00") + event("Solve", "01T10:30") + event("Close", "03T10:30")))
    assert [(activity.activity, activity.time_q) for activity in log.activities] == [("Solve", 250), ("Close", 4800)]
    assert log.notes == [
        "2 activities have a completion only: their time is the time since the event before in their case, waiting included; "
        "1 events are the first of their case and have no time."
    ]


def test_where_an_activity_has_a_start_of_its_own_that_is_used(tmp_path: Path) -> None:
    case = (
        event("Open", "01T08:00")
        + event("Solve", "02T08:00", lifecycle__transition="start")
        + event("Solve", "02T09:00", lifecycle__transition="suspend")
        + event("Solve", "02T09:30", lifecycle__transition="COMPLETE")
        + event("Close", "03T08:00", lifecycle__transition="start")
    )
    log = read(tmp_path, log_of(case))
    assert [(activity.activity, activity.time_q) for activity in log.activities] == [("Solve", 150)]
    assert log.losses.counts == {"transition_not_used": 1, "never_completed": 1}


def test_a_factor_is_what_the_event_before_says_not_what_its_own_completion_says(tmp_path: Path) -> None:
    case = event("Open", "01T08:00", urgency="low") + event("Solve", "01T10:00", urgency="high")
    log = read(tmp_path, log_of(case), [FactorName("request", "urgency"), FactorName("request", "absent")])
    assert log.activities[0].factors == ("low", None)


def test_events_of_a_case_need_not_stand_in_order(tmp_path: Path) -> None:
    log = read(tmp_path, log_of(event("Solve", "01T10:00") + event("Open", "01T08:00")))
    assert [(activity.activity, activity.time_q) for activity in log.activities] == [("Solve", 200)]


def test_the_customer_may_be_an_attribute_of_the_case(tmp_path: Path) -> None:
    text = log_of(event("Open", "01T08:00") + event("Solve", "01T10:00"))
    text = text.replace('<string key="customer" value="Ada"/>', "").replace(
        "<trace>", '<trace><string key="customer" value="Bob"/>'
    )
    assert read(tmp_path, text).activities[0].customer == "Bob"


def test_what_is_missing_is_counted_with_its_line(tmp_path: Path) -> None:
    case = event("Open", "01T08:00") + "\n" + event("Solve", "?") + "\n" + event("Close", "02T08:00", customer="")
    with pytest.raises(
        SimulatorError, match=r"time_unreadable 1 \(first: line 2, .*customer_missing 1 \(first: line 3"
    ):
        read(tmp_path, log_of(case))


BOMB = (
    "<!DOCTYPE log ["
    + '<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {name} "{10 * f"&{before};"}">' for before, name in zip("abcdefghi", "bcdefghij", strict=True))
)


@pytest.mark.parametrize(
    "head",
    [
        BOMB + "]>",
        '<!DOCTYPE log SYSTEM "http://example.org/log.dtd">',
        '<!DOCTYPE log [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_document_types_and_entities_are_refused_before_anything_is_expanded(tmp_path: Path, head: str) -> None:
    text = log_of(event("Open", "01T08:00", note="&j;") + event("Solve", "01T10:00"), head=head)
    with pytest.raises(SimulatorError, match="declares a document type or an entity"):
        read(tmp_path, text)


def test_one_endless_tag_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    packed = gzip.compress(b'<log><trace><string key="concept:name" value="' + b"a" * (1 << 26))
    with pytest.raises(SimulatorError, match="one tag is longer than 4 MB"):
        read(tmp_path, packed)


def test_elements_nested_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="nested deeper than 32"):
        read(tmp_path, "<log><trace>" + "<list>" * 100)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html></html>", "XML but no XES log"),
        ("<log><trace></log>", "mismatched tag: line 1.*not well-formed"),
        ("<log></log>", "no usable activity"),
        (log_of(event("Open", "01T08:00"))[:-20], "not well-formed XML, or was cut short"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        read(tmp_path, text)


def test_a_long_log_is_read_as_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the file is cut into pieces, the same comes out."""
    text = log_of(*(event("Open", "01T08:00") + event("Solve", f"{day:02d}T10:00") for day in range(1, 29)))
    whole = read(tmp_path, text)
    monkeypatch.setattr(xes_log, "_CHUNK_BYTES", 7)
    assert read(tmp_path, text).activities == whole.activities
    assert len(whole.activities) == 28
