"""What a person reports late puts a closed day right: one record takes the place of another, and totals follow."""

from pathlib import Path

import pytest

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_edge.own.kept_episodes import kept_episodes
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.record_names import KIND_NAMES

PROCESS = packs.load("wellness")
NAMES = [signal[0] for signal in PROCESS.pack.signals]
DRINKS = "Wearable.Report.Drinks"
START_MS = 1_772_481_600_000  # 2 March 2026, 20:00 UTC: where this pack's days begin
DAY = PROCESS.day(START_MS, 0)
MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS


class Clock:
    def __init__(self) -> None:
        self.now_ms = 0
        self.quality = record.SYNCED
        self.error_ms = 0  # of the wall clock

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        if self.quality == record.UNSYNCED:
            return None, self.quality
        return START_MS + self.now_ms + self.error_ms, self.quality


class Wearer:
    """A person with a band; every hour has the same steps."""

    def __init__(self, path: Path, quality: int = record.SYNCED, error_ms: int = 0) -> None:
        self.clock = Clock()
        self.clock.quality, self.clock.error_ms = quality, error_ms
        self.outbox = Outbox(path)
        self.agent = Agent(self.outbox, None, self.clock, max, PROCESS, "actigraph", MINUTE_MS)

    def live(self, minutes: int, drinks: int | None = None) -> None:
        for minute in range(minutes):
            sample = dict.fromkeys(NAMES, MISSING)
            sample |= {"Wearable.Steps": 6, "Wearable.ActivityCount": 900, "Wearable.IsWorn": 1}
            if drinks is not None and minute == minutes // 2:
                sample[DRINKS] = drinks
            self.agent.on_sample(self.clock.now_ms, list(sample.values()))
            self.clock.now_ms += MINUTE_MS

    def days(self) -> dict[int, int | None]:
        """Drinks by day, as the records that count say."""
        payloads = [payload for kind in KIND_NAMES for payload in self.outbox.payloads(kind)]
        kept = kept_episodes(payloads, PROCESS)
        return {item.day - DAY: PROCESS.count("drinks_taken", PROCESS.numbers(item.counts)) for item in kept}

    def total(self, name: str) -> int | None:
        totals = self.agent.own.totals.both()
        return None if totals is None else PROCESS.total(name, totals)


@pytest.fixture
def wearer(tmp_path: Path):
    wearer = Wearer(tmp_path / "outbox.db")
    yield wearer
    wearer.outbox.close()


def test_drinks_that_are_entered_late_take_the_place_of_those_reported(wearer: Wearer) -> None:
    wearer.live(1440, drinks=1)
    wearer.live(1440)
    wearer.live(30)
    assert wearer.days() == {0: 1, 1: 0}
    before = wearer.total("steps")
    wearer.agent.correct(DAY, {DRINKS: 4})
    wearer.agent.correct(DAY + 1, {DRINKS: 2})
    assert wearer.days() == {0: 4, 1: 2}
    assert (wearer.total("drinks_reported"), wearer.total("report_days"), wearer.total("steps")) == (6, 2, before)
    for day, drinks in ((DAY, 4), (DAY + 1, 2)):
        totals = wearer.agent.own.history.totals("day", day)
        assert totals is not None
        assert PROCESS.total("drinks_reported", totals) == drinks
    month = wearer.agent.own.history.totals("month", DAY)
    assert month is not None
    assert PROCESS.total("drinks_reported", month) == 6


@pytest.mark.parametrize(
    ("quality", "error_ms"), [(record.UNSYNCED, 0), (record.HOLDOVER, 400 * DAY_MS), (record.HOLDOVER, -400 * DAY_MS)]
)
@pytest.mark.parametrize("corrected_before", [False, True])
def test_a_day_that_got_its_date_late_is_corrected_on_that_day(
    tmp_path: Path, quality: int, error_ms: int, corrected_before: bool
) -> None:
    wearer = Wearer(tmp_path / "outbox.db", quality, error_ms)
    wearer.live(1500, drinks=1)
    if corrected_before and quality == record.HOLDOVER:
        wearer.agent.correct(DAY + error_ms // DAY_MS, {DRINKS: 2})
    wearer.clock.quality, wearer.clock.error_ms = record.SYNCED, 0
    wearer.live(30)
    wearer.agent.correct(DAY, {DRINKS: 4})
    assert wearer.days() == {0: 4}
    for kind in ("day", "month"):
        totals = wearer.agent.own.history.totals(kind, DAY)
        assert totals is not None
        assert PROCESS.total("drinks_reported", totals) == 4
    prefix = f"history/{PROCESS.id.hex()}/day/"
    assert wearer.outbox.keys(prefix) == [f"{prefix}{DAY:08d}"]
    wearer.outbox.close()


def test_a_correction_names_the_record_it_replaces_and_may_be_corrected_again(wearer: Wearer) -> None:
    wearer.live(1470, drinks=1)
    wearer.agent.correct(DAY, {DRINKS: 4})
    wearer.agent.correct(DAY, {DRINKS: 3})
    found = [record.decode(payload) for payload in wearer.outbox.payloads(record.EPISODE)]
    revises = [record.parse_episode(item.body)[5] for item in found]
    assert revises == [None, (1, found[0].seq), (1, found[1].seq)]
    # All three are of one stretch of time.
    starts = {item.wall_ms - record.parse_episode(item.body)[1] for item in found if item.wall_ms is not None}
    assert starts == {START_MS}
    assert wearer.days() == {0: 3}
    assert wearer.total("drinks_reported") == 3


def test_what_cannot_be_corrected_says_why_and_changes_nothing(wearer: Wearer) -> None:
    wearer.live(1470, drinks=1)
    for day, reports, reason in (
        (DAY + 5, {DRINKS: 1}, "no record of the day 2026-03-08 is kept"),
        (DAY, {"Wearable.Steps": 9000}, "is not reported by a person"),
        (DAY, {DRINKS: 61}, "61 is not in 0..60"),
        (DAY, {"Wearable.Beers": 1}, "Wearable.Beers: no signal of the process wellness"),
    ):
        with pytest.raises(ValueError, match=reason):
            wearer.agent.correct(day, reports)
    assert wearer.days() == {0: 1}


def test_trips_are_not_corrected(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    agent = Agent(outbox, None, Clock(), max, packs.load("private-driving"))
    with pytest.raises(ValueError, match="has trips; only reports of a day can be corrected"):
        agent.correct(DAY, {DRINKS: 1})
    outbox.close()
