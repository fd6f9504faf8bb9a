"""Days of a wearable held against the wearer's own epochs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from days import shared
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import Device, Store, changed, is_trip, only, part, replayed, samples_of, verdicts

from headway_edge import agent
from headway_edge.core.data_quality import GAPS
from headway_protocol import record
from headway_server.audit.computed_trips import RunSamples
from headway_server.audit.differences import CHARACTERISTIC, COUNT, GATE
from headway_server.audit.findings import Verdict
from headway_server.audit.judgement import judged, pairs_of
from headway_server.audit.stored_runs import StoredTrip
from headway_simulators.processes import find_process
from headway_simulators.recordings import read

pytestmark = pytest.mark.anyio

PROCESS = find_process("wellness")
STEPS = PROCESS.places("steps_taken")[0]
MINUTE_S, DAY_S = 60, 86_400
START_S = 1_772_478_000  # 2 March 2026, 19:00 UTC: an hour before a day begins


def epochs(days: int, minutes_off: int = 0) -> Iterator[str]:
    """Rows of made-up days: asleep at night, walking by day, a drink in the evening, a pulse, not worn now and then."""
    for minute in range(days * 1440):
        of_day = (START_S // 60 + minute + minutes_off) % 1440
        asleep = of_day < 420
        counts = minute * 37 % 60 if asleep else 300 + minute * 91 % 1900
        steps = 0 if asleep else minute * 13 % 40
        pulse = 52 + minute % 11 if asleep else 70 + minute % 40
        worn = "false" if minute % 997 < 30 else "true"
        drinks = "1" if of_day == 1230 else ""
        yield f"{START_S + minute * MINUTE_S},{counts},{steps},{pulse},{worn},{drinks}"


HEADER = "timestamp,Wearable.ActivityCount,Wearable.Steps,Wearable.HeartRate,Wearable.IsWorn,Wearable.Report.Drinks"


@pytest.fixture(scope="module", autouse=True)
def few_checkpoints() -> Iterator[None]:
    """A transaction for every epoch, a minute each, would take longer than all else here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agent, "CHECKPOINT_MS", DAY_S * 1000)
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of epochs, whose Unix seconds tell no local time."""
    found = tmp_path_factory.mktemp("band") / "band.csv"
    found.write_text("\n".join([HEADER, *epochs(5), ""]))
    return found


@pytest.fixture(scope="module")
def payloads(path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a band sends of them whose wearer is in Korea: a birth, and days from 8 pm to 8 pm there."""
    device = Device(tmp_path_factory.mktemp("outbox") / "band.db", PROCESS, "actigraph", read(path), offset_min=540)
    device.live()
    found = device.payloads()
    assert [is_trip(payload) for payload in found] == [False, *[True] * 6]
    return found


async def test_days_are_by_the_bands_own_clock_and_zone(store: Store, path: Path, payloads: list[bytes]) -> None:
    await store.take(payloads)
    assert verdicts(await store.audit(samples_of(path))) == {Verdict.AGREES: 6}


async def test_recordings_that_tell_local_time_themselves(store: Store, tmp_path: Path) -> None:
    """As they are written where they have an offset; in UTC, as the band's clock had it."""
    korea = timezone(timedelta(hours=9))
    for name, zone in (("korea", korea), ("utc", UTC)):
        rows = []
        for row in epochs(3):
            seconds, _, rest = row.partition(",")
            rows.append(f"{datetime.fromtimestamp(int(seconds), zone).isoformat()},{rest}")
        file = tmp_path / f"{name}.csv"
        file.write_text("\n".join([HEADER, *rows, ""]))
        device = Device(tmp_path / f"{name}.db", PROCESS, "actigraph", read(file), offset_min=540)
        device.live()
        await store.take(device.payloads(), f"band/{name}")
        assert verdicts(await store.audit(samples_of(file), f"band/{name}")) == {Verdict.AGREES: 4}
    assert verdicts(await store.audit(samples_of(tmp_path / "utc.csv"), "band/korea")) == {Verdict.AGREES: 4}


async def test_a_replay_agrees(store: Store, path: Path, tmp_path: Path) -> None:
    found = replayed(tmp_path / "one", PROCESS, "actiwatch", [path])
    await store.take(found)
    agreed = sum(is_trip(payload) for payload in found)
    assert verdicts(await store.audit(samples_of(path))) == {Verdict.AGREES: agreed}


async def test_a_changed_a_missing_and_a_made_up_day_are_found(store: Store, path: Path, payloads: list[bytes]) -> None:
    made_up = record.decode(changed(payloads[4], PROCESS, {}, start_by_ms=-3_600_000))
    made_up.seq = 9
    gates = changed(payloads[5], PROCESS, {}, gate=GAPS)
    await store.take([*payloads[:2], changed(payloads[2], PROCESS, {STEPS: 500}), payloads[4], gates, payloads[6]])
    await store.take([record.encode(made_up)])
    assert await store.is_consistent()
    found = await store.audit(samples_of(path))
    assert verdicts(found) == {
        Verdict.AGREES: 3,
        Verdict.DIFFERS: 2,
        Verdict.NOT_STORED: 1,
        Verdict.NOT_GIVEN: 1,
    }
    steps, gaps = (finding for finding in found.findings if finding.verdict is Verdict.DIFFERS)
    assert [(one.kind, one.name) for one in steps.differences] == [(COUNT, "steps_taken"), (CHARACTERISTIC, "Steps")]
    assert int(steps.differences[0].stored) == int(steps.differences[0].computed) + 250  # zigzag on the wire
    assert [(one.kind, one.name) for one in gaps.differences] == [(GATE, "gaps")]
    assert only(found, Verdict.NOT_GIVEN).place == (1, 9)


async def test_another_wearers_recording_is_told_as_such(store: Store, payloads: list[bytes], tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("\n".join([HEADER, *epochs(5, minutes_off=333), ""]))
    await store.take(payloads)
    assert (await store.audit(samples_of(file))).is_foreign


async def test_of_a_corrected_day_all_is_compared_but_what_was_reported(
    store: Store, path: Path, tmp_path: Path
) -> None:
    device = Device(tmp_path / "band.db", PROCESS, "actigraph", read(path), offset_min=540)
    device.live()
    day = PROCESS.day(START_S * 1000 + 2 * DAY_S * 1000, 540)
    device.agent.correct(day, {"Wearable.Report.Drinks": 7})
    found = device.payloads()
    assert record.parse_episode(record.decode(found[-1]).body)[5] is not None, "it names the record that it replaces"
    await store.take(found)
    samples = samples_of(path)
    honest = await store.audit(samples)
    assert (verdicts(honest), honest.superseded) == ({Verdict.AGREES: 6}, 1)
    assert [finding.is_correction for finding in honest.findings].count(True) == 1
    await store.take([*found[:-1], changed(found[-1], PROCESS, {STEPS: 500})], "band/tampered")
    tampered = only(await store.audit(samples, "band/tampered"), Verdict.DIFFERS)
    assert (tampered.is_correction, tampered.differences[0].name) == (True, "steps_taken")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_part_of_the_own_epochs_contradicts(path: Path, data: st.DataObject) -> None:
    whole = samples_of(path)
    ahead_ms = whole.times_ms * 0 + 540 * 60_000
    everything = RunSamples(whole, PROCESS.pack, "actigraph", 0, len(whole)).computed(ahead_ms)
    stored = [
        StoredTrip((1, seq), day.start_ms, day.end_ms // 100 * 100, 540, day.counts, day.gates, is_correction=False)
        for seq, day in enumerate(everything.trips, start=2)
    ]
    begin = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(begin + 1, len(whole)))
    cut = part(whole, begin, end)
    computed = RunSamples(cut, PROCESS.pack, "actigraph", 0, len(cut)).computed(ahead_ms[begin:end])
    found = judged(PROCESS, stored, computed, 0, pairs_of(stored, computed))
    unlike = {Verdict.DIFFERS, Verdict.NOT_GIVEN, Verdict.NOT_STORED, Verdict.UNDATED}
    assert not unlike & {finding.verdict for finding in found}


def in_this_century(file: Path, folder: Path) -> Path:
    """An Actiwatch export whose dates were shifted to 1918, which no device's clock is believed, a hundred years later."""
    if file.suffix != ".AWD":
        return file
    found = folder / file.name
    found.write_bytes(file.read_bytes().replace(b"-1918", b"-2018", 1))
    return found


@pytest.mark.full
@pytest.mark.parametrize("name", ["actigraphy/example_01.AWD", "actigraphy/test_sample.csv"])
async def test_recorded_nights(store: Store, tmp_path: Path, name: str) -> None:
    file = in_this_century(shared(name), tmp_path)
    found = replayed(tmp_path / "one", PROCESS, "actiwatch", [file])
    await store.take(found)
    assert verdicts(await store.audit(samples_of(file))) == {Verdict.AGREES: sum(is_trip(one) for one in found)}
