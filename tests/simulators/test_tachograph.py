"""Digital tachographs: files are made here from samples, damaged in every way, and read; nobody in them is ever named."""

import gzip
import logging
import pickle
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_edge.core.program import MISSING
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recording import Recording
from headway_simulators.recordings import read
from headway_simulators.samples import UNKNOWN, Sample

SPEED = SignalQuantum("Vehicle.Speed", 1, 100)
RPM = SignalQuantum("Vehicle.Powertrain.CombustionEngine.Speed", 1, 1)
HEADING = SignalQuantum("Vehicle.CurrentLocation.Heading", 1, 10)
SIGNALS = [SPEED, RPM, HEADING]

MODEL, VIN, PLATE, OPERATOR, DRIVER = "DTG-900", "KMJHG17PPDC054321", "서울70바1234", "1098765432", "880101-1234567"
LONGITUDE, LATITUDE = "126978123", "037566987"
PERSONAL = [VIN, PLATE, OPERATOR, DRIVER, LONGITUDE, LATITUDE]
START_MS = int(datetime(2026, 3, 1, 22, 10, tzinfo=UTC).timestamp()) * 1000
DROPPED = ("record_damaged", "record_cut_off", "record_time_impossible")


@dataclass(frozen=True)
class Second:
    """One record to write; None is written as padding."""

    wall_ms: int
    speed_kmh: int | None = 50
    rpm: int | None = 1500
    heading: int | None = 90
    status: str = "00"
    accelerations: str = "+000.1-012.3"


def padded(text: str, width: int) -> bytes:
    found = text.encode("euc-kr").ljust(width, b"#")
    assert len(found) == width
    return found


def header() -> bytes:
    fields = ((MODEL, 20), (VIN, 17), ("21", 2), (PLATE, 12), (OPERATOR, 10), (DRIVER, 18))
    return b"".join(padded(text, width) for text, width in fields)


def number(value: int | None, width: int) -> str:
    return "#" * width if value is None else f"{value:0{width}}"


def record(second: Second, distances: bool) -> bytes:
    moment = datetime.fromtimestamp(second.wall_ms // 1000, timezone(timedelta(hours=9)))
    text = moment.strftime("%y%m%d%H%M%S") + f"{second.wall_ms % 1000 // 10:02}"
    text += number(second.speed_kmh, 3) + number(second.rpm, 4) + "0" + LONGITUDE + LATITUDE
    text += number(second.heading, 3) + second.accelerations + second.status
    found = (("00120123456" if distances else "") + text).encode("ascii")
    assert len(found) == (68 if distances else 57)
    return found


LAYOUTS = ("short", "long", "once", "lines")


def tachograph_file(seconds: Sequence[Second], layout: str = "short") -> bytes:
    """A file: short and long records, distances once after the header, or a line for each record."""
    records = [record(second, layout == "long") for second in seconds]
    if layout == "lines":
        return b"\r\n".join([header(), *records, b""])
    return header() + (b"00120123456" if layout == "once" else b"") + b"".join(records)


def drive(count: int) -> list[Second]:
    return [Second(START_MS + i * 1000, i % 120, 700 + i % 2000, i % 360) for i in range(count)]


def read_bytes(tmp_path: Path, data: bytes) -> Recording:
    path = tmp_path / "recorded.bin"
    path.write_bytes(data)
    return read(path)


def dropped(found: Recording) -> int:
    return sum(found.problems[kind] for kind in DROPPED)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_tachograph_file_is_known_by_its_content(tmp_path: Path, layout: str, packed: bool) -> None:
    data = tachograph_file([Second(START_MS, 0, 800, 359), Second(START_MS + 1010, 104, 2150, 0)], layout)
    found = read_bytes(tmp_path, gzip.compress(data) if packed else data)
    assert found.samples == [
        Sample(1772403000000, 0, 800),  # 2026-03-02 07:10 in Korea
        Sample(1772403001010, 10400, 2150),
    ]
    problems: Counter[str] = Counter()
    assert list(found.signals(SIGNALS, problems)) == [(0, 800, 3590), (10400, 2150, 0)]
    assert found.problems == problems == {}
    assert found.period_ms == 1000
    assert found.columns == {signal.name for signal in SIGNALS}


def test_the_local_time_is_the_recorders(tmp_path: Path) -> None:
    data = tachograph_file([Second(START_MS, 0, 800, 359), Second(START_MS + 60_000, 104, 2150, 0)])
    clock = [SignalQuantum(f"Vehicle.Headway.Local{name}", 1, 1) for name in ("Minute", "Weekday")]
    assert list(read_bytes(tmp_path, data).signals(clock, Counter())) == [(7 * 60 + 10, 0), (7 * 60 + 11, 0)]


def test_a_record_of_the_layout_is_read_byte_for_byte(tmp_path: Path) -> None:
    text = "26030207100050" + "087" + "1850" + "1" + "126978123" + "037566987" + "271" + "-000.3" + "+100.0" + "00"
    found = read_bytes(tmp_path, b"#" * 79 + text.encode("ascii"))
    assert found.samples == [Sample(1772403000500, 8700, 1850)]
    assert list(found.signals([HEADING], Counter())) == [(2710,)]


seconds = st.builds(
    Second,
    st.integers(0, 10**8).map(lambda centiseconds: START_MS + centiseconds * 10),
    st.none() | st.integers(0, 999),
    st.none() | st.integers(0, 9999),
    st.none() | st.integers(0, 359),
    st.sampled_from(["00", "21", "32", "99", "##"]),
    st.sampled_from(["+000.1-012.3", "############", "+100.0-100.0", "0000.0######"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(seconds, min_size=1, max_size=90), st.sampled_from(LAYOUTS))
def test_what_is_written_is_what_is_read(tmp_path: Path, written: list[Second], layout: str) -> None:
    found = read_bytes(tmp_path, tachograph_file(written, layout))
    assert found.samples == [
        Sample(
            second.wall_ms,
            UNKNOWN if second.speed_kmh is None else second.speed_kmh * 100,
            UNKNOWN if second.rpm is None else second.rpm,
        )
        for second in written
    ]
    assert list(found.signals([HEADING, RPM], Counter())) == [
        (
            MISSING if second.heading is None else second.heading * 10,
            MISSING if second.rpm is None else second.rpm,
        )
        for second in written
    ]
    assert found.problems == {}


@pytest.mark.parametrize(
    ("status", "lost"), [("11", HEADING), ("12", SPEED), ("13", RPM), ("14", None), ("41", None), ("99", None)]
)
def test_a_sensors_fault_takes_its_signal_and_is_counted(
    tmp_path: Path, status: str, lost: SignalQuantum | None
) -> None:
    found = read_bytes(tmp_path, tachograph_file([replace(drive(1)[0], speed_kmh=50, status=status)]))
    whole = {SPEED: 5000, RPM: 700, HEADING: 0}
    if lost is not None:
        whole[lost] = MISSING
    counted = {} if lost is None else {f"{lost.name}_sensor_error": 1}
    problems: Counter[str] = Counter()
    assert list(found.signals(SIGNALS, problems)) == [tuple(whole[signal] for signal in SIGNALS)]
    assert problems == (counted if lost == HEADING else {})
    assert found.samples[0].speed_ckmh == (UNKNOWN if lost == SPEED else 5000)
    assert found.samples[0].rpm == (UNKNOWN if lost == RPM else 700)
    assert found.problems == (counted if lost != HEADING else {})


def test_a_heading_beyond_the_circle_is_missing_and_other_signals_are_not_there(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, tachograph_file([Second(START_MS, heading=360)]))
    problems: Counter[str] = Counter()
    limit = SignalQuantum("Vehicle.Headway.RoadSpeedLimit", 1, 1)
    latitude = SignalQuantum("Vehicle.CurrentLocation.Latitude", 1, 1000)
    assert list(found.signals([latitude, HEADING, limit], problems)) == [(MISSING, MISSING, MISSING)]
    assert problems == {"Vehicle.CurrentLocation.Heading_out_of_range": 1}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b"260302071002", b"26030207100x", "record_damaged"),
        (b"260302071002", b"260230071002", "record_time_impossible"),
        (b"260302071002", b"260302241002", "record_time_impossible"),
        (b"260302071002", b"260302071060", "record_time_impossible"),
        (b"0020702", b"0#20702", "record_damaged"),
        (b"0020702", b"020702", "record_damaged"),  # a byte lost: the next record is found all the same
        (b"0020702", b"00200702", "record_damaged"),  # a byte too many
        (b"0020702", b"\xff\xfe20702", "record_damaged"),
    ],
)
def test_a_damaged_record_costs_itself_only_and_is_counted(
    tmp_path: Path, layout: str, old: bytes, new: bytes, kind: str
) -> None:
    data = tachograph_file(drive(5), layout)
    assert data.count(old) == 1
    found = read_bytes(tmp_path, data.replace(old, new))
    assert [sample.speed_ckmh for sample in found.samples] == [0, 100, 300, 400]
    assert found.problems == {kind: 1}
    assert list(found.signals([SPEED], Counter())) == [(0,), (100,), (300,), (400,)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_ends_within_a_record_says_so(tmp_path: Path, layout: str) -> None:
    found = read_bytes(tmp_path, tachograph_file(drive(3), layout)[:-5])
    assert len(found.samples) == 2
    assert found.problems == {"record_cut_off": 1}


def test_what_stands_after_the_last_record_as_an_end_is_no_damage(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, tachograph_file(drive(3)) + b" \r\n\x1a")
    assert len(found.samples) == 3
    assert found.problems == {}


def test_a_header_some_bytes_longer_is_no_damage(tmp_path: Path) -> None:
    # As of a file that somebody turned into UTF-8.
    as_utf8 = header().decode("euc-kr").encode("utf-8")
    found = read_bytes(tmp_path, as_utf8 + b"".join(record(second, False) for second in drive(3)))
    assert len(as_utf8) == 82
    assert len(found.samples) == 3
    assert found.problems == {}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(LAYOUTS[:3]),
    st.integers(1, 40),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=20),
)
def test_every_record_is_read_or_counted_whatever_its_bytes_become(
    tmp_path: Path, layout: str, count: int, damage: list[tuple[float, int]]
) -> None:
    seconds = drive(count)
    data = bytearray(tachograph_file(seconds, layout))
    first = len(data) - sum(len(record(second, layout == "long")) for second in seconds)
    for place, byte in damage:
        data[first + int(place * (len(data) - first))] = byte
    try:
        found = read_bytes(tmp_path, bytes(data))
    except SimulatorError:
        assert len(damage) >= count  # not one record in good order
        return
    assert len(found.samples) + dropped(found) == count
    rows = list(found.signals(SIGNALS, Counter()))
    speeds = [UNKNOWN if row[0] == MISSING else row[0] for row in rows]
    assert speeds == [sample.speed_ckmh for sample in found.samples]


def edits(generator: random.Random, data: bytes) -> Iterator[bytes]:
    """Endlessly: the file cut, doubled in part, holed, noised, anywhere and also in its header."""
    while True:
        damaged = bytearray(data)
        for _ in range(generator.randint(1, 12)):
            at = generator.randrange(len(damaged) + 1)
            length = generator.choice((1, 2, 11, 57, 79, 300))
            edit = generator.randrange(4)
            if edit == 0:
                del damaged[at : at + length]
            elif edit == 1:
                damaged[at:at] = generator.randbytes(length)
            elif edit == 2:
                damaged[at:at] = damaged[at : at + length]
            else:
                damaged[at : at + length] = generator.choice((b"\n", b",", b"\x00", b"#", b'"')) * length
        yield bytes(damaged)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_damaged_anywhere_is_read_or_refused_and_names_nobody(tmp_path: Path, layout: str) -> None:
    made = tachograph_file(drive(30), layout)
    outcomes: Counter[str] = Counter()
    for _, data in zip(range(300), edits(random.Random(layout), made), strict=False):  # noqa: S311 - not for secrets
        try:
            found = read_bytes(tmp_path, data)
        except SimulatorError as error:
            outcomes["refused"] += 1
            assert_names_nobody(str(error).encode())
        else:
            outcomes["read"] += 1
            assert len(list(found.signals(SIGNALS, Counter()))) == len(found.samples)
            assert_names_nobody(repr(found.problems).encode())
    assert outcomes["read"] > 200  # or this tests the refusals only


def assert_names_nobody(text: bytes) -> None:
    for secret in PERSONAL:
        for encoding in ("utf-8", "euc-kr", "utf-16-le"):
            assert secret.encode(encoding) not in text
            assert secret[:8].encode(encoding) not in text
            assert secret[-8:].encode(encoding) not in text


def test_nothing_personal_and_no_position_is_kept_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    data = tachograph_file(drive(60)).replace(b"0020702", b"0#20702")
    found = read_bytes(tmp_path, data)
    rows = list(found.signals(SIGNALS, found.problems))
    assert len(rows) == 59
    assert_names_nobody(pickle.dumps((found, rows)) + repr(found).encode() + caplog.text.encode())
    with pytest.raises(AssertionError):
        assert_names_nobody(data)  # the file itself does


@pytest.mark.parametrize("separator", [b"", b"\n", b"\x00", b",", b",\n"])
@pytest.mark.parametrize("count", [3, 3000])
def test_a_file_damaged_beyond_recognition_is_refused_without_quoting_it(
    tmp_path: Path, separator: bytes, count: int
) -> None:
    data = header() + separator + b"".join(record(second, False) for second in drive(count)).replace(b".", separator)
    if separator == b"":
        data = data.replace(b".", b"")
    with pytest.raises(SimulatorError) as refusal:
        read_bytes(tmp_path, data)
    assert_names_nobody(str(refusal.value).encode())
    assert "26030207" not in str(refusal.value)


def test_a_first_line_without_a_comma_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="a first line without a comma") as refusal:
        read_bytes(tmp_path, VIN[:5].encode() + b"\n" + header())
    assert VIN[:5] not in str(refusal.value)


def test_a_file_of_impossible_times_only_is_refused_with_the_count(tmp_path: Path) -> None:
    data = tachograph_file(drive(4)).replace(b"260302", b"260231")
    with pytest.raises(SimulatorError, match="no usable sample: record_time_impossible 4"):
        read_bytes(tmp_path, data)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b", gzip.compress(b"timestamp")[:14], b"timestamp,"]))
def test_bytes_of_any_kind_are_read_or_refused(tmp_path: Path, data: bytes, beginning: bytes) -> None:
    with suppress(SimulatorError):
        assert read_bytes(tmp_path, beginning + data).samples


def test_what_is_no_quantum_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, tachograph_file(drive(1)))
    with pytest.raises(ValueError, match="is no quantum"):
        found.signals([SignalQuantum("Vehicle.Speed", 1, 0)], Counter())


def test_a_csv_recording_is_not_taken_for_a_tachographs(tmp_path: Path) -> None:
    rows = "".join(f"{1772435400 + i},50,+000.1-012.3,00\n" for i in range(100))
    found = read_bytes(tmp_path, ("timestamp,Vehicle.Speed,Vehicle.Note,status\n" + rows).encode())
    assert len(found.samples) == 100
    assert "Vehicle.Note" in found.columns
