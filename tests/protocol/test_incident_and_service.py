"""The bodies of incidents and of what the person contributes: round trips, and a refusal for each broken field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import cbor, incident, record, service
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError, EncodeError

PACK = bytes(range(8))
NUMBER32 = st.integers(1, 2**32 - 1)
AGO = st.integers(0, 2**46)
VALUE = st.integers(-(2**53) + 1, 2**53 - 1)


@given(
    st.integers(1, 65535),
    st.integers(1, 3),
    AGO,
    st.one_of(st.none(), st.binary(min_size=8, max_size=8)),
    st.lists(VALUE, max_size=16),
    st.one_of(st.none(), st.tuples(NUMBER32, NUMBER32)),
)
def test_an_incident_comes_back_through_a_record(
    code: int, severity: int, ago_ms: int, definition: Any, values: Any, closes: Any
) -> None:
    fields = (code, severity, ago_ms, definition, values, closes)
    body = incident.incident_body(*fields)
    data = record.encode(record.Record(record.INCIDENT, 1, 1, 0, None, record.UNSYNCED, body))
    assert incident.parse_incident(record.decode(data).body) == fields


@given(st.integers(1, 255), AGO, st.one_of(st.none(), st.integers(0, 9_999_999)), st.integers(1, 2_000_000))
def test_a_service_comes_back_through_a_record(
    what: int, ago_ms: int, odometer_km: int | None, millilitres: int
) -> None:
    fields = (what, ago_ms, odometer_km, millilitres if what == service.REFUELLED else None)
    body = service.service_body(*fields)
    data = record.encode(record.Record(record.SERVICE, 1, 1, 0, None, record.UNSYNCED, body))
    assert service.parse_service(record.decode(data).body) == fields


def test_an_oil_change_takes_few_bytes() -> None:
    body = service.service_body(service.OIL_CHANGED, 3 * 86_400_000, 84210)
    assert len(cbor.encode(body)) == 1 + 1 + 5 + 5 + 1


def test_what_is_not_known_yet_may_have_any_amount() -> None:
    assert service.parse_service([200, 0, None, 5]) == (200, 0, None, 5)
    assert service.parse_service([200, 0, None, None, "appended"]) == (200, 0, None, None)
    assert incident.parse_incident([60_000, 1, 0, None, [], None]) == (60_000, 1, 0, None, [], None)
    assert incident.parse_incident([1, 1, 0, None, [], None, "appended"])[5] is None


@pytest.mark.parametrize(
    ("parse", "least", "name"), [(incident.parse_incident, 6, "incident"), (service.parse_service, 4, "service")]
)
def test_a_short_body_is_malformed(parse: Any, least: int, name: str) -> None:
    for length in range(least):
        with pytest.raises(DecodeError) as caught:
            parse([1] * length)
        assert (caught.value.code, str(caught.value)) == (MALFORMED, f"{name} body has {length} items, needs {least}")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ([0, 1, 0, PACK, [], None], IMPLAUSIBLE, "code 0 is not in 1..65535"),
        ([1, 0, 0, PACK, [], None], IMPLAUSIBLE, "severity 0 is not in 1..3"),
        ([1, 4, 0, PACK, [], None], IMPLAUSIBLE, "severity 4 is not in 1..3"),
        ([1, 1, -1, PACK, [], None], IMPLAUSIBLE, "start_ago_ms -1 is not in 0..70368744177664"),
        ([1, 1, 0, PACK[:7], [], None], MALFORMED, "definition is not a byte string of 8 to 8 bytes"),
        ([1, 1, 0, PACK, {}, None], MALFORMED, "values is not an array of at most 16 items"),
        ([1, 1, 0, PACK, [0] * 17, None], MALFORMED, "values is not an array of at most 16 items"),
        ([1, 1, 0, PACK, [True], None], MALFORMED, "a value is not an integer"),
        ([1, 1, 0, PACK, [2**53], None], IMPLAUSIBLE, "a value of 9007199254740992"),
        ([1, 1, 0, PACK, [], [1]], MALFORMED, "closes is [boot, seq]"),
        ([1, 1, 0, PACK, [], [0, 1]], IMPLAUSIBLE, "boot 0 is not in 1..4294967295"),
    ],
)
def test_each_broken_field_of_an_incident_has_its_refusal(body: list[Any], code: int, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        incident.parse_incident(body)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ([0, 0, None, None], IMPLAUSIBLE, "what 0 is not in 1..255"),
        (["oil", 0, None, None], MALFORMED, "what is not an integer"),
        ([1, None, None, None], MALFORMED, "ago_ms is not an integer"),
        ([1, 0, 10_000_000, None], IMPLAUSIBLE, "odometer_km 10000000 is not in 0..9999999"),
        ([1, 0, None, 40_000], IMPLAUSIBLE, "oil changed with millilitres 40000"),
        ([2, 0, None, None], IMPLAUSIBLE, "refuelled with millilitres None"),
        ([2, 0, None, 0], IMPLAUSIBLE, "millilitres 0 is not in 1..2000000"),
    ],
)
def test_each_broken_field_of_a_service_has_its_refusal(body: list[Any], code: int, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        service.parse_service(body)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    "make",
    [
        lambda: incident.incident_body(0, 1, 0, None, []),
        lambda: incident.incident_body(1, 1, 0, None, [0] * 17),
        lambda: incident.incident_body(1, 1, 0, None, [], (0, 1)),
        lambda: service.service_body(service.REFUELLED, 0),
        lambda: service.service_body(service.OIL_CHANGED, -1),
    ],
)
def test_a_body_that_a_server_would_refuse_for_good_is_not_made(make: Any) -> None:
    with pytest.raises(EncodeError):
        make()


def test_numbers_never_move() -> None:
    assert service.SERVICE_NAMES == {
        1: "oil changed",
        2: "refuelled",
        3: "tyres changed",
        4: "battery changed",
        5: "air filter changed",
        6: "repaired",
    }
    assert sorted(incident.CODE_NAMES) == [1, 2, 3, 4, 16, 17, 18, 19, 20]
    assert incident.SEVERITY_NAMES == {1: "notice", 2: "warning", 3: "critical"}
