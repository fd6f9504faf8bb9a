"""The agent: records, checkpoints and totals go to disk together; comparisons are its own and work offline."""

import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.edge.signing_server import SigningServer

from headway_edge import packs
from headway_edge.agent import CHECKPOINT_MS, Agent
from headway_edge.core import data_quality
from headway_edge.core.program import MISSING
from headway_edge.mqtt.link import Connected, Disconnected, Event, Message
from headway_edge.store.outbox import Outbox
from headway_edge.wall_time import SYNCED_MS, floor_of
from headway_edge.watcher import Trip
from headway_protocol import ack, benchmark, counts, incident, record, service, topics

START_MS = 1_772_435_400_000
PROCESS = packs.load("private-driving")
ELAPSED, DISTANCE = 0, 1
YEAR_MS = 365 * 86_400_000
SERVER = SigningServer()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.ahead_ms = 0  # of the wall clock, by being set wrong
        self.wall_known = True

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        return (START_MS + self.now_ms + self.ahead_ms, record.SYNCED) if self.wall_known else (None, record.UNSYNCED)


class FakeLink:
    """A link whose events a test puts in and whose publications it reads."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.published: list[bytes] = []

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        return self.events.popleft() if self.events else None

    def publish(self, payload: bytes) -> bool:
        self.published.append(payload)
        return True


class Device:
    """One device under test; `restart` is a power cut and a new boot."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.db"
        self.server_keys = SERVER.keys()
        self.clock = Clock()
        self.link = FakeLink()
        self.trips: list[Trip] = []
        self.outbox: Outbox
        self.agent: Agent
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.path)
        self.agent = Agent(
            self.outbox,
            self.link,  # type: ignore[arg-type]
            self.clock,
            lambda _low, high: high,
            PROCESS,
            on_trip=self.trips.append,
            server_keys=self.server_keys,
        )

    def restart(self) -> None:
        self.outbox.close()
        self.start()

    def drive(self, seconds: int, speed_ckmh: int = 3600) -> None:
        for _ in range(seconds):
            self.clock.now_ms += 1000
            self.agent.on_sample(self.clock.now_ms, self.sample(speed_ckmh), position=self.clock.now_ms // 1000)

    def sample(self, speed_ckmh: int) -> list[int]:
        pack = self.agent.process.pack
        return [speed_ckmh if i == pack.speed else MISSING for i in range(len(pack.signals))]

    def park(self, seconds: int = 400) -> None:
        self.clock.now_ms += seconds * 1000

    def trip(self, seconds: int = 600) -> None:
        self.drive(seconds)
        self.park()
        self.drive(1, 0)

    def episodes(self) -> list[record.Record]:
        return [record.decode(payload) for payload in self.outbox.payloads(record.EPISODE)]


@pytest.fixture
def device(tmp_path: Path):
    device = Device(tmp_path)
    yield device
    device.outbox.close()


def numbers(item: record.Record) -> list[int]:
    return PROCESS.numbers(record.parse_episode(item.body)[2])


def trips_of(device: Device) -> int | None:
    totals = device.agent.own.totals.both()
    return None if totals is None else PROCESS.total("trips", totals)


def bench(epoch: int = 1, persons: int = 22) -> bytes:
    shares = [136, 386, 614, 864]
    tables = [(105, persons, shares, [10, 20, 30, 40]), (109, persons, shares, [300, 340, 380, 420])]
    return benchmark.encode(epoch, "car", PROCESS.id, tables)


def test_the_first_record_of_a_boot_is_its_birth(device: Device) -> None:
    device.restart()
    births = [record.decode(payload) for payload in device.outbox.payloads(record.BIRTH)]
    assert [(birth.boot, birth.seq) for birth in births] == [(1, 1), (2, 1)]
    firmware, vehicle_class, packs, backlog, dropped = record.parse_birth(births[1].body)
    assert (firmware, vehicle_class, backlog, dropped) == ("headway 0.1.0", "car", 1, 0)
    assert packs == [(PROCESS.id, "private-driving", PROCESS.version)]


def test_a_trip_becomes_a_record_with_its_start(device: Device) -> None:
    device.park(10)
    device.trip(600)
    (episode,) = device.episodes()
    assert numbers(episode)[DISTANCE] == 5990
    pack_id, start_ago_ms, _, _, utc_offset_min, revises = record.parse_episode(episode.body)
    assert (pack_id, utc_offset_min, revises) == (PROCESS.id, 0, None)
    assert episode.wall_ms is not None
    assert episode.wall_ms - start_ago_ms == START_MS + 11_000
    assert [trip.start_ms for trip in device.trips] == [11_000]


def test_an_open_trip_survives_a_power_cut_up_to_the_last_checkpoint(device: Device) -> None:
    device.drive(330)
    device.restart()
    device.clock.now_ms = device.agent.position * 1000  # the source is read again from the checkpoint on
    assert 240 < device.agent.position <= 330
    device.drive(600 - device.agent.position)
    device.agent.finish()
    (episode,) = device.episodes()
    assert (episode.boot, numbers(episode)[ELAPSED]) == (2, 5990)


def test_a_live_agent_that_was_off_for_a_moment_goes_on_with_the_trip(device: Device) -> None:
    device.drive(300)
    device.restart()
    device.park(30)
    device.drive(300)
    device.agent.finish()
    (episode,) = device.episodes()
    gates = counts.unpack(record.parse_episode(episode.body)[3], data_quality.GATES)
    assert numbers(episode)[ELAPSED] == 6290
    assert gates[data_quality.GAPS] == 1


def test_without_a_wall_clock_a_restart_ends_the_trip_that_was_open(device: Device) -> None:
    device.drive(300)
    device.clock.wall_known = False
    device.restart()
    device.clock.now_ms = 5_000
    device.drive(100)
    device.agent.finish()
    elapsed = [numbers(episode)[ELAPSED] for episode in device.episodes()]
    assert len(elapsed) == 2
    assert elapsed[1] == 990


@pytest.mark.parametrize("jump_ms", [10 * YEAR_MS, 2 * 86_400_000, -1, -86_400_000, -10 * YEAR_MS])
def test_a_clock_that_jumped_while_the_agent_was_off_ends_the_trip_and_stretches_nothing(
    device: Device, jump_ms: int
) -> None:
    device.drive(300)
    wall_then_ms = device.clock.wall()[0]
    device.restart()
    device.clock.now_ms = 1_000  # counts from the start
    device.clock.ahead_ms = wall_then_ms + jump_ms - (START_MS + 1_000)
    if jump_ms < 0:
        device.clock.ahead_ms -= CHECKPOINT_MS
    device.drive(100)
    device.agent.finish()
    before, after = device.episodes()
    at_least_ds = 10 * (300 - CHECKPOINT_MS // 1000) - 10
    assert at_least_ds <= numbers(before)[ELAPSED] <= 2990
    assert numbers(after)[ELAPSED] == 990
    for episode in (before, after):
        elapsed_ds, distance_m = numbers(episode)[:2]
        assert distance_m == elapsed_ds, "36 km/h are a metre in a tenth of a second: nothing is bridged"
        _, start_ago_ms, _, packed_gates, _, _ = record.parse_episode(episode.body)
        assert start_ago_ms >= 100 * elapsed_ds - 1_000
        gates = counts.unpack(packed_gates, data_quality.GATES)
        assert gates[data_quality.GAPS] == gates[data_quality.GAP_TIME] == 0


def test_a_trip_that_a_silence_ended_began_when_it_began(device: Device) -> None:
    device.drive(300)
    device.park(320)
    device.agent.finish()
    (episode,) = device.episodes()
    assert episode.wall_ms - record.parse_episode(episode.body)[1] == START_MS + 1_000


def test_a_suspension_for_hours_is_no_part_of_any_trip(device: Device) -> None:
    device.drive(300)
    device.park(5 * 3600)
    device.drive(300)
    device.agent.finish()
    assert [numbers(episode)[:2] for episode in device.episodes()] == [[2990, 2990], [2990, 2990]]


def test_the_last_synced_time_is_a_floor_for_the_clocks_of_later_boots(device: Device) -> None:
    device.trip()
    synced_ms = device.clock.wall()[0]
    device.clock.wall_known = False
    device.trip()
    device.restart()
    assert floor_of(device.outbox.load(SYNCED_MS)) == synced_ms


def test_a_damaged_checkpoint_costs_the_open_trip_and_nothing_else(device: Device) -> None:
    device.drive(300)
    device.outbox.save("checkpoint", b"\xff damaged")
    device.restart()
    device.drive(100)
    device.agent.finish()
    assert [numbers(episode)[ELAPSED] for episode in device.episodes()] == [990]


def test_a_disk_that_refuses_for_a_while_loses_no_trip(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> bytes:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(device.outbox, "append", refuse)
    device.trip(100)
    device.trip(200)
    assert not device.agent.settled
    assert device.trips == []
    monkeypatch.undo()
    device.agent.step(0)
    assert [numbers(episode)[ELAPSED] for episode in device.episodes()] == [
        990,
        2000,
    ]  # the second begins with the standing sample before it
    device.restart()
    assert trips_of(device) == 2


def test_a_disk_that_refuses_for_too_long_costs_the_oldest_trips_and_counts_them(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> bytes:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(device.outbox, "append", refuse)
    for _ in range(103):
        device.trip(20)
    monkeypatch.undo()
    device.agent.step(0)
    assert device.agent.dropped == 3
    assert len(device.episodes()) == 100


def test_records_are_sent_when_the_link_comes_up_and_settled_by_the_servers_acknowledgement(device: Device) -> None:
    device.trip()
    device.agent.step(0)
    assert device.link.published == []
    device.link.events.append(Connected())
    device.agent.step(0)
    assert [record.decode(payload).kind for payload in device.link.published] == [record.BIRTH, record.EPISODE]
    assert not device.agent.settled
    device.link.events.append(Message(topics.ACK, ack.encode(1, 2, [])))
    device.agent.step(10)
    assert device.agent.settled


def test_what_was_published_but_not_acknowledged_is_published_again_after_a_reconnection(device: Device) -> None:
    device.link.events.extend([Connected()])
    device.agent.step(0)
    device.link.events.extend([Disconnected("test"), Connected()])
    device.agent.step(0)
    assert len(device.link.published) == 2
    assert device.link.published[0] == device.link.published[1]


def test_rubbish_from_the_link_is_refused_and_the_rest_goes_on(device: Device) -> None:
    device.link.events.extend(
        [
            Connected(),
            Message(topics.ACK, b"\xff"),
            Message(topics.BENCH, b"rubbish"),
            Message(topics.BENCH, bench(persons=22)[:-1]),
            Message(topics.ACK, ack.encode(1, 1, [])),
        ]
    )
    device.agent.step(0)
    assert device.agent.settled
    assert device.agent.refused_benchmarks == 2
    assert device.agent.own.benchmark is None


def test_comparison_is_held_back_until_there_is_enough_driving(device: Device) -> None:
    device.link.events.append(Message(topics.BENCH, bench()))
    device.agent.step(0)
    for _ in range(4):
        device.trip()
    assert device.agent.own.compare() == []
    device.trip()
    assert [item.characteristic.key for item in device.agent.own.compare()] == ["idle_share_pct", "mean_speed_kmh"]


def test_comparison_needs_no_link_and_survives_a_restart(device: Device) -> None:
    for _ in range(6):
        device.trip()
    device.link.events.append(Message(topics.BENCH, bench()))
    device.agent.step(0)
    before = device.agent.own.compare()
    device.link.events.append(Disconnected("gone for good"))
    device.agent.step(0)
    device.restart()
    assert device.agent.own.compare() == before
    assert [(item.parts, item.which, item.persons) for item in before] == [(4, 1, 22), (4, 3, 22)]


def test_a_benchmark_of_an_older_epoch_or_another_definition_is_ignored(device: Device) -> None:
    other = benchmark.encode(9, "car", bytes(8), [(105, 22, [500], [1])])
    for data in (bench(epoch=5), bench(epoch=4), bench(epoch=5, persons=30), other):
        device.link.events.append(Message(topics.BENCH, data))
    device.agent.step(0)
    assert device.agent.own.benchmark is not None
    assert (device.agent.own.benchmark.epoch, device.agent.own.benchmark.tables[105][0]) == (5, 22)


def test_own_totals_reach_back_two_epochs_and_no_further(device: Device) -> None:
    seen = []
    for epoch in (1, 2, 3):
        device.trip()
        device.link.events.append(Message(topics.BENCH, bench(epoch)))
        device.agent.step(0)
        device.restart()
        seen.append(trips_of(device))
    assert seen == [1, 1, 1]
    device.trip()
    assert trips_of(device) == 2


def offer(name: str = "commercial-driving", damage: Callable[[bytes], bytes] = lambda data: data) -> Message:
    path = Path(packs.__file__).parent / name
    data = path.with_suffix(".cbor").read_bytes()
    return SERVER.offer(damage(data), path.with_suffix(".json").read_text("utf-8"))


def births(device: Device) -> list[str]:
    return [
        record.parse_birth(record.decode(payload).body)[2][0][1] for payload in device.outbox.payloads(record.BIRTH)
    ]


def test_an_offered_pack_runs_from_the_next_trip_on_and_says_so(device: Device) -> None:
    device.drive(100)
    device.link.events.append(offer())
    device.agent.step(0)
    assert device.agent.process.name == "private-driving"
    device.drive(200)
    device.park()
    device.drive(1, 0)
    assert device.agent.process.name == "commercial-driving"
    device.trip()
    assert births(device) == ["private-driving", "commercial-driving"]
    ids = [record.parse_episode(episode.body)[0] for episode in device.episodes()]
    assert ids == [PROCESS.id, packs.load("commercial-driving").id]


def test_an_offer_amid_a_trip_runs_once_silence_has_ended_that_though_the_next_one_begins_with_its_first_sample(
    device: Device,
) -> None:
    device.drive(200)
    device.link.events.append(offer())
    device.agent.step(0)
    device.drive(100)
    assert device.agent.process.name == "private-driving"
    device.agent.finish()
    assert device.agent.process.name == "commercial-driving"
    device.clock.now_ms += 3_600_000
    device.drive(300)
    device.agent.finish()
    ids = [record.parse_episode(episode.body)[0] for episode in device.episodes()]
    assert ids == [PROCESS.id, packs.load("commercial-driving").id]


def test_an_offered_pack_is_still_there_after_a_power_cut(device: Device) -> None:
    device.link.events.append(offer())
    device.agent.step(0)
    device.drive(300)
    device.restart()
    device.clock.now_ms += 1000
    device.drive(300)
    device.agent.finish()
    (episode,) = device.episodes()
    assert record.parse_episode(episode.body)[0] == packs.load("commercial-driving").id
    assert births(device) == ["private-driving", "commercial-driving", "commercial-driving"]


def test_totals_of_two_packs_are_kept_apart_and_taken_up_again(device: Device) -> None:
    device.trip()
    device.link.events.append(offer())
    device.agent.step(0)
    assert device.agent.own.totals.both() is None
    device.trip()
    device.link.events.append(offer("private-driving"))
    device.agent.step(0)
    assert trips_of(device) == 1


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data.replace(b"Speed", b"Spee\xff"), lambda _: b"\x80", lambda _: b"?"],
)
def test_a_pack_that_no_device_takes_is_refused_and_the_old_one_goes_on(
    device: Device, damage: Callable[[bytes], bytes]
) -> None:
    device.link.events.extend([Connected(), offer(damage=damage), Message(topics.PACK, b"rubbish")])
    device.agent.step(0)
    assert device.agent.refused_packs == 2
    device.restart()
    device.trip()
    assert births(device) == ["private-driving", "private-driving"]


def test_a_pack_that_does_not_know_the_vehicles_class_is_refused(device: Device) -> None:
    device.link.events.append(offer("wellness"))
    device.agent.step(0)
    assert (device.agent.refused_packs, device.agent.process.name) == (1, "private-driving")


def test_an_offer_that_is_taken_back_before_the_trip_ends_changes_nothing(device: Device) -> None:
    device.drive(100)
    device.link.events.extend([offer(), offer("private-driving")])
    device.agent.step(0)
    device.park()
    device.drive(1, 0)
    assert births(device) == ["private-driving"]


def test_an_offer_that_is_taken_back_stays_so_after_a_power_cut(device: Device) -> None:
    device.drive(100)
    device.link.events.extend([offer(), offer("private-driving")])
    device.agent.step(0)
    device.restart()
    assert births(device) == ["private-driving", "private-driving"]


@pytest.mark.parametrize("offered_before_the_cut", [True, False])
def test_a_trip_that_a_power_cut_interrupts_is_finished_by_the_pack_it_began_with(
    device: Device, offered_before_the_cut: bool
) -> None:
    def arrive() -> None:
        device.link.events.append(offer())
        device.agent.step(0)

    device.drive(120)
    if offered_before_the_cut:
        arrive()
    device.restart()
    if not offered_before_the_cut:
        arrive()
    assert device.agent.process.name == "private-driving"
    device.drive(120)
    device.park()
    device.drive(1, 0)
    device.trip()
    ids = [record.parse_episode(episode.body)[0] for episode in device.episodes()]
    assert ids == [PROCESS.id, packs.load("commercial-driving").id]
    assert births(device) == ["private-driving", "private-driving", "commercial-driving"]
    (first, _) = device.episodes()
    assert numbers(first)[ELAPSED] > 2000, "both parts of it, in tenths of a second"


def test_an_offer_between_trips_leaves_no_checkpoint_of_the_old_pack(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    device.trip()
    device.restart()
    device.link.events.append(offer())
    device.agent.step(0)
    assert device.agent.process.name == "commercial-driving"
    device.restart()
    device.trip()
    assert births(device)[1:] == ["private-driving", "commercial-driving", "commercial-driving"]
    assert "checkpoint_unreadable" not in capsys.readouterr().out


def test_the_day_of_a_trip_is_that_of_its_start_in_local_time(device: Device) -> None:
    # The clock stands at 07:10 UTC; at 17 hours ahead it is ten past midnight, of the next day.
    device.agent._utc_offset_min = lambda _wall_ms: 17 * 60
    device.agent.own = device.agent._own(PROCESS)
    device.trip()
    (episode,) = device.episodes()
    assert record.parse_episode(episode.body)[4] == 17 * 60
    day = START_MS // 86_400_000  # UTC
    assert device.agent.own.history.totals("day", day) is None
    assert device.agent.own.history.totals("day", day + 1) is not None


def test_without_a_clock_a_trip_has_no_day_and_is_counted_all_the_same(device: Device) -> None:
    device.clock.wall_known = False
    device.restart()
    device.trip()
    (episode,) = device.episodes()
    assert record.parse_episode(episode.body)[4] is None
    assert trips_of(device) == 1


def test_the_score_falls_back_on_the_persons_own_weeks(device: Device) -> None:
    assert device.agent.own.score(device.agent.clock.wall()[0]) is None
    for _week in range(7):
        device.trip(3000)
        device.trip(600)
        device.trip(700)
        device.clock.now_ms += 7 * 86_400_000
    found = device.agent.own.score(device.agent.clock.wall()[0])
    assert found is not None
    assert found.own
    # Every week was the same: in the middle of them.
    assert (found.points, found.past) == (50, 50)


def incidents(device: Device) -> list[tuple[int, int, list[int], object]]:
    found = []
    for payload in device.outbox.payloads(record.INCIDENT):
        item = record.decode(payload)
        code, _, _, _, values, closes = incident.parse_incident(item.body)
        found.append((item.seq, code, values, closes))
    return found


def test_a_change_is_an_incident_that_one_record_opens_and_another_closes(device: Device) -> None:
    # Of each trip, so much of a minute is driven slowly: the share of slow driving goes from 20 to 80 % and stays.
    news = []
    for i in range(90):
        slow = 20 + i % 3 if i < 40 else 80 + i % 3
        device.drive(slow * 6, 2000)
        device.drive(600 - slow * 6, 5000)
        device.park()
        device.drive(1, 0)
        news += device.agent.news
        if i == 45:
            device.restart()
    slow_ratio = next(c for c in PROCESS.period if c.key == "low_speed_ratio_pct")
    found = [item for item in incidents(device) if item[2][0] == slow_ratio.id]
    (opened, code, values, closes), (_, other, _, closed) = found
    assert code == other == incident.CHANGE
    assert (values[1], closes, closed) == (1, None, (1, opened))
    news = [sentence for sentence in news if sentence.startswith("Low-speed ratio")]
    assert news[0].startswith("Low-speed ratio: higher than expected on the last ")
    assert news[1:] == ["Low-speed ratio: as usual again."]


def test_a_change_into_the_contrary_is_two_incidents(device: Device) -> None:
    found: list[tuple[int, int, list[int], tuple[int, int] | None]] = []
    slow_ratio = next(c for c in PROCESS.period if c.key == "low_speed_ratio_pct")

    def drive(slow: int) -> None:
        device.drive(slow, 2000)
        device.drive(60 - slow, 5000)
        device.park()
        device.drive(1, 0)
        found[:] = [item for item in incidents(device) if item[2][0] == slow_ratio.id]

    for i in range(40):
        drive(30 + i % 3)
    for slow, count in ((55, 1), (4, 3)):
        tries = 0
        while len(found) < count and tries < 15:
            drive(slow)
            tries += 1
    (first, _, up, _), (_, _, over, closes), (second, _, down, none) = found
    assert (up[1], over, closes) == (1, [slow_ratio.id], (1, first))
    assert (down[1], none) == (-1, None)
    # A restart knows which one is open.
    device.restart()
    for i in range(40):
        drive(4 + i % 3)
    assert found[3][2:] == ([slow_ratio.id], (1, second))
    assert len(found) == 4


def test_a_change_has_an_end_when_another_pack_takes_over(device: Device) -> None:
    for i in range(60):
        device.drive((20 if i < 40 else 80) * 6, 2000)
        device.drive(120, 5000)
        device.park()
        device.drive(1, 0)
    opened = {seq for seq, _, _, closes in incidents(device) if closes is None}
    opened -= {closes[1] for _, _, _, closes in incidents(device) if isinstance(closes, tuple)}
    assert opened
    device.link.events.append(offer())
    device.agent.step(0)
    assert device.agent.process.name == "commercial-driving"
    closed = {closes[1] for _, _, _, closes in incidents(device) if isinstance(closes, tuple)}
    assert opened <= closed
    device.restart()
    assert len(incidents(device)) == len(opened | closed) + len(closed)


def test_an_incident_that_a_power_cut_kept_back_is_told_at_the_next_start(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_ratio = next(c for c in PROCESS.period if c.key == "low_speed_ratio_pct")

    def drive(slow: int) -> list[tuple[int, int, list[int], tuple[int, int] | None]]:
        device.drive(slow, 2000)
        device.drive(60 - slow, 5000)
        device.park()
        device.drive(1, 0)
        return [item for item in incidents(device) if item[2][0] == slow_ratio.id]

    def series_is_open() -> bool:
        return (
            next(i for i in device.agent.own.series.series if i.characteristic.id == slow_ratio.id).change() is not None
        )

    for i in range(40):
        assert drive(30 + i % 3) == []
    append = Outbox.append

    def cut(outbox: Outbox, kind: int, *others: object) -> bytes:
        if kind == record.INCIDENT:
            raise sqlite3.OperationalError("no power")
        return append(outbox, kind, *others)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "append", cut)
        while not series_is_open():
            drive(55)
    device.restart()
    (found,) = [item for item in incidents(device) if item[2][0] == slow_ratio.id]
    assert (found[2][1], found[3]) == (1, None)
    device.restart()
    assert len(incidents(device)) == 1


def test_the_totals_of_a_trip_are_worked_out_once(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    totals = PROCESS.totals
    monkeypatch.setattr(device.agent.process, "totals", lambda numbers: times.append(1) or totals(numbers))
    device.trip()
    assert (len(device.episodes()), len(times)) == (1, 1)


def test_a_service_is_a_record_and_begins_the_consumable_anew(device: Device) -> None:
    device.trip()
    assert device.agent.consumable_lines()[0].startswith("Engine oil: not known")
    assert device.agent.serviced(service.OIL_CHANGED, ago_ms=86_400_000, odometer_km=84_210)
    assert not device.agent.serviced(service.REFUELLED, millilitres=41_500)
    device.restart()
    assert device.agent.consumable_lines()[0].startswith("Engine oil: not yet")
    found = [service.parse_service(record.decode(payload).body) for payload in device.outbox.payloads(record.SERVICE)]
    assert found == [(service.OIL_CHANGED, 86_400_000, 84_210, None), (service.REFUELLED, 0, None, 41_500)]
