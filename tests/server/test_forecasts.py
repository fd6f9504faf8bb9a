"""How good devices' forecasts were: the server's reckoning from their trips is what the devices themselves have kept."""

import asyncio
import json
import random
import re

import pytest
from typer.testing import CliRunner

from headway_edge.agent import Agent
from headway_edge.core.forecast import error_ledger
from headway_edge.core.program import MISSING
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_server.packs import library
from headway_server.reading.device_trips import device_trips
from headway_server.reading.forecast_accuracy import Together, follow
from headway_server.store import tables
from headway_server.totals.periods import UNDATED
from headway_simulators.command import app

pytestmark = pytest.mark.anyio
DAY_MS = 86_400_000
MONDAY_MS = 1_700_438_400_000  # 2023-11-20 00:00 UTC


class Clock:
    """A clock that a test sets; `known` is whether the wall clock was ever set."""

    now_ms = 0
    known = True

    def mono_ms(self):
        return self.now_ms

    def wall(self):
        return (MONDAY_MS + self.now_ms, record.SYNCED) if self.known else (None, record.UNSYNCED)


def driven(folder, process, seed=1, days=60, factors=None):
    """An agent that has driven some trips on most days, restarted in the middle, its clock unknown on one day."""
    generator = random.Random(seed)  # noqa: S311 - repeatable, not secret
    clock = Clock()

    def start():
        outbox = Outbox(folder / "outbox.db")
        return Agent(
            outbox,
            None,
            clock,
            lambda _low, high: high,
            process,
            recorded=True,
            utc_offset_min=lambda _wall_ms: 60,
            factors=factors,
        )

    agent = start()
    speed = process.pack.speed
    for day in range(days):
        clock.known = day != 20
        for trip in range(generator.randrange(4)):
            clock.now_ms = day * DAY_MS + (6 + 5 * trip) * 3_600_000
            idle = generator.randrange(10, 40)
            for second in range(60 + generator.randrange(120)):
                clock.now_ms += 1000
                signals = [MISSING] * len(process.pack.signals)
                signals[speed] = 0 if 5 < second < idle else 4000 + 10 * second
                agent.on_sample(clock.now_ms, signals)
            agent.finish()
        if day == 30:
            agent.outbox.close()
            agent = start()
    return agent


def accuracy(process, followed):
    """How good the series of some devices were, together."""
    together = Together(process)
    for series in followed:
        together.add(series)
    assert together.devices == len(followed)
    return together.accuracy()


async def at_server(store, make, agent, device):
    await store.commit(
        *[
            make.up(payload, device)
            for kind in (record.BIRTH, record.EPISODE)
            for payload in agent.outbox.payloads(kind)
        ]
    )


async def of_device(store, process, device):
    async with store.database.read() as connection:
        (found,) = [item async for item in device_trips(connection, process, device)]
    return found


async def test_the_server_follows_a_devices_series_to_the_integer(store, make, client, tmp_path):
    agent = driven(tmp_path, make.process)
    await at_server(store, make, agent, "depot/car")
    found = await of_device(store, make.process, "depot/car")
    assert (found.device, found.person, len(found.trips) > 60) == ("depot/car", "depot/car", True)
    own = agent.own.series.series
    assert [item.state() for item in follow(make.process, found.trips)] == [item.state() for item in own]
    assert all(item.ledger.numbers()[error_ledger.COUNT] > 20 for item in own)
    # And as the API tells it.
    answer = (await client.get("/api/v1/persons/depot/car/forecasts")).json()
    assert answer["pack"]["id"] == make.process.id.hex()
    for told, item in zip(answer["series"], own, strict=True):
        numbers, scale = item.ledger.numbers(), 10**item.characteristic.decimals
        assert told == {
            "characteristic": item.characteristic.key,
            "unit": item.characteristic.unit,
            "each": item.noun,
            "forecasts": numbers[error_ledger.COUNT],
            "mase": error_ledger.mase(numbers) / 1000,
            "mean_error": error_ledger.mfe(numbers) / 1000 / scale,
            "mean_absolute_error": error_ledger.mad(numbers) / 1000 / scale,
            "interval_share_pct": 80,
            "interval_held_pct": pytest.approx(100 * item.held / item.asked, abs=0.05),
            "without_customer_factors": False,
        }
    agent.outbox.close()


async def test_a_wearers_days_are_followed_and_corrections_are_not(store, make, wellness):
    process = wellness.process
    await store.processes.add(store.database, wellness, 1)
    generator = random.Random(4)  # noqa: S311 - repeatable, not secret
    messages, expected = [], []
    for day in range(20):
        steps = generator.randrange(2000, 15_000)
        numbers = make.numbers(
            process, elapsed_ds=864_000, distance_m=0, steps_taken=steps, steps_seen=1, worn_time=500_000
        )
        wall_ms = MONDAY_MS + (day + 1) * DAY_MS
        messages.append(
            make.up(make.trip(1, 2 * day + 1, numbers, wall_ms=wall_ms, offset_min=0, process=process), "band/anna")
        )
        expected.append(numbers)
        other = [*numbers]
        other[process.places("steps_taken")[0]] += 1000
        revision = make.trip(
            1, 2 * day + 2, other, wall_ms=wall_ms, offset_min=0, process=process, revises=(1, 2 * day + 1)
        )
        messages.append(make.up(revision, "band/anna"))
    await store.commit(*messages)
    found = await of_device(store, process, "band/anna")
    assert [trip.totals for trip in found.trips] == [process.totals(numbers) for numbers in expected]
    steps = {item.characteristic.key: item for item in follow(process, found.trips)}["mean_steps"]
    assert steps.ledger.numbers()[error_ledger.COUNT] == 20 - 8


async def test_devices_together_are_the_sum_of_their_ledgers(store, make, client, tmp_path):
    followed = []
    for i in range(2):
        (tmp_path / str(i)).mkdir()
        agent = driven(tmp_path / str(i), make.process, seed=i, days=25)
        await at_server(store, make, agent, f"depot/car-{i}")
        agent.outbox.close()
        followed.append(follow(make.process, (await of_device(store, make.process, f"depot/car-{i}")).trips))
    together = accuracy(make.process, followed)
    for i, item in enumerate(together):
        both = [series[i] for series in followed]
        assert item.forecasts == sum(one.ledger.numbers()[error_ledger.COUNT] for one in both)
        assert (item.asked, item.held) == (sum(one.asked for one in both), sum(one.held for one in both))


async def test_the_command_tells_of_a_whole_fleet(store, make, database_url, tmp_path):
    followed = []
    for i in range(2):
        (tmp_path / str(i)).mkdir()
        agent = driven(tmp_path / str(i), make.process, seed=i, days=25)
        await at_server(store, make, agent, f"depot/car-{i}")
        agent.outbox.close()
        followed.append(agent.own.series.series)
    arguments = ["forecast", "devices", "--from", database_url]
    done = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    for found, item in zip(told, accuracy(make.process, followed), strict=True):
        assert (found["pack"], found["devices"]) == (make.process.id.hex(), 2)
        assert (found["characteristic"], found["each"]) == (item.characteristic.key, item.noun)
        assert (found["forecasts"], found["mase"]) == (item.forecasts, error_ledger.mase(item.ledger) / 1000)
        assert found["held_pct"] == item.held_permille / 10
    done = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--pack", "private-driving"])
    assert "private-driving version" in done.stdout
    assert "2 devices" in done.stdout
    assert "Idling share" in done.stdout
    done = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--pack", "wellness"])
    assert (done.exit_code, done.stderr) == (1, "headway: the database has no trips of a pack wellness.\n")


async def test_customer_factors_are_followed_where_they_are_told(store, make, tmp_path):
    """Of a device that moves a forecast by its person's class, the server finds the very numbers only with the class."""
    table = '[factors.experience]\ntitle = "x"\nclasses = ["new", "long"]\nabout = "x"\n'
    series = 'model = "r1"\nweights = { experience = [-0.5, 0.5] }\n'
    text = library.path("private-driving").read_text(encoding="utf-8")
    adapted = make.pack(text.replace("[series.idling]\n", f"{table}\n[series.idling]\n{series}"))
    await store.processes.add(store.database, adapted, 1)
    agent = driven(tmp_path, adapted.process, days=25, factors={"experience": "long"})
    await at_server(store, make, agent, "depot/car")
    found = await of_device(store, adapted.process, "depot/car")
    own = [item.state() for item in agent.own.series.series]
    assert [item.state() for item in follow(adapted.process, found.trips, [1])] == own
    assert [item.state() for item in follow(adapted.process, found.trips)][1:] == own[1:]
    assert follow(adapted.process, found.trips)[0].ledger.numbers() != agent.own.series.series[0].ledger.numbers()
    assert [item.adapted for item in accuracy(adapted.process, [])] == [True, False, False, False]
    agent.outbox.close()


async def test_the_page_says_what_the_api_says(store, make, client, tmp_path):
    agent = driven(tmp_path, make.process)
    await at_server(store, make, agent, "depot/car")
    agent.outbox.close()
    answer = (await client.get("/api/v1/persons/depot/car/forecasts")).json()["series"]
    person = (await client.get("/person", params={"id": "depot/car"})).text
    link = re.search(r'href="(forecasts[^"]*)"', person)[1].replace("&amp;", "&")
    page = (await client.get(f"/{link}")).text
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)][1:]
    assert [(int(row[2]), float(row[5])) for row in rows] == [(item["forecasts"], item["mase"]) for item in answer]
    assert all(abs(float(row[3]) - item["mean_absolute_error"]) < 0.1 for row, item in zip(rows, answer, strict=True))
    assert [row[6] for row in rows] == [f"{item['interval_held_pct']} %" for item in answer]
    assert (await client.get("/forecasts", params={"id": "nobody"})).status_code == 404


async def test_a_person_without_enough_trips_has_no_measures(store, make, client):
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2)))
    answer = (await client.get("/api/v1/persons/depot/bus-1/forecasts")).json()
    assert {item["forecasts"] for item in answer["series"]} == {0}
    assert {item["mase"] for item in answer["series"]} == {None}
    assert {item["interval_held_pct"] for item in answer["series"]} == {None}
    assert (await client.get("/api/v1/persons/nobody/forecasts")).status_code == 404


class LateClock(Clock):
    """Its wall clock is not set, or wrong, until somebody says the time; recorded time goes on over restarts."""

    quality = record.SYNCED
    ahead_ms = 0
    boot_ms = 0

    def mono_ms(self):
        return self.now_ms - self.boot_ms

    def wall(self):
        if self.quality == record.UNSYNCED:
            return None, record.UNSYNCED
        return MONDAY_MS + self.now_ms + self.ahead_ms, self.quality


def driven_by_late_clocks(folder, process, seed, days):
    """An agent that is restarted every few days, and learns the time late or not at all."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    clock = LateClock()
    agent = None
    for day in range(days):
        if agent is None or dice.randrange(5) == 0:
            if agent is not None:
                agent.outbox.close()
            clock.boot_ms = clock.now_ms
            clock.quality = dice.choice([record.UNSYNCED, record.HOLDOVER, record.SYNCED])
            clock.ahead_ms = 0 if clock.quality == record.SYNCED else dice.randrange(-400, 400) * DAY_MS // 4
            outbox = Outbox(folder / "outbox.db")
            agent = Agent(outbox, None, clock, lambda _low, high: high, process, recorded=True)
        for trip in range(dice.randrange(4)):
            clock.now_ms = day * DAY_MS + (6 + 5 * trip) * 3_600_000
            idle = dice.randrange(10, 40)
            for second in range(60 + dice.randrange(60)):
                clock.now_ms += 1000
                signals = [MISSING] * len(process.pack.signals)
                signals[process.pack.speed] = 0 if 5 < second < idle else 4000 + 10 * second
                agent.on_sample(clock.now_ms, signals)
            agent.finish()
            if clock.quality < record.SYNCED and dice.randrange(4) == 0:
                clock.quality += 1
                clock.ahead_ms = 0 if clock.quality == record.SYNCED else dice.randrange(-400, 400) * DAY_MS // 4
                agent.step(0)
    return agent


def by_day(process, rows):
    found = {}
    for day, totals in rows:
        found[day] = process.merge(found.get(day), totals)
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_days_put_right_on_a_device_are_those_of_the_server_and_its_series_are_followed(
    store, make, tmp_path, seed
):
    process, d = make.process, tables.day_totals.c
    agent = driven_by_late_clocks(tmp_path, process, seed, days=30)
    await at_server(store, make, agent, "depot/car")
    stored = by_day(process, await store.rows(d.day, d.totals, where=d.device == "depot/car"))
    stored.pop(UNDATED, None)  # of boots in which nobody ever told the time
    history = agent.own.history
    sums = [i for i, (how, _) in enumerate(process.pack.period) if how == "sum"]
    own = {day: history.totals("day", day) for day in stored}
    assert {day: [totals[i] for i in sums] for day, totals in own.items()} == {
        day: [totals[i] for i in sums] for day, totals in stored.items()
    }
    assert len(agent.outbox.keys(f"history/{process.id.hex()}/day/")) == len(stored), "no day is left over"
    found = await of_device(store, process, "depot/car")
    assert any(right.before is not None for trip in found.trips for right in trip.put_right), "or this shows nothing"
    assert [item.state() for item in follow(process, found.trips)] == [item.state() for item in agent.own.series.series]
    agent.outbox.close()
