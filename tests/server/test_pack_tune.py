"""Weights of customer factors: from the trips of many persons to the forecast of one device; or none, without an effect."""

import asyncio
import json
import random

import pytest
from tests.edge.signing_server import SigningServer
from typer.testing import CliRunner

from headway_edge.agent import Agent
from headway_edge.core.forecast import error_ledger
from headway_edge.mqtt.link_events import Connected
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_server.packs import library
from headway_server.packs.catalogue import for_device
from headway_server.packs.compile import compile_file
from headway_simulators.command import app

pytestmark = pytest.mark.anyio
DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
PERSONS, TRIPS = 30, 50
CLASSES = ("settling", "tiring")


def idling(generator, kind, effect, tiring=True, trips=TRIPS):
    """Seconds of 600 that somebody idles, trip by trip: less and less while they settle in, more and more if they tire."""
    level = generator.uniform(270, 330)
    drift = {"settling": -effect, "tiring": effect if tiring else 0}[kind]
    return [round(level + drift * (i - trips / 2) + generator.gauss(0, 40)) for i in range(trips)]


async def fleet(store, make, folder, effect, tiring=True, trips=TRIPS):
    """Store the trips of many persons; return the table of their classes, and a pack to tune."""
    generator = random.Random(5)  # noqa: S311 - repeatable, not secret
    messages, rows = [], ["person,experience"]
    for person in range(PERSONS):
        kind, device = CLASSES[person % 2], f"depot/car-{person:02}"
        rows.append(f"{device},{kind}")
        messages.append(make.up(make.birth(1), device))
        for i, idle_s in enumerate(idling(generator, kind, effect, tiring, trips)):
            trip = make.trip(1, 2 + i, wall_ms=START_MS + i * DAY_MS + person, offset_min=0, minutes=10, idle_s=idle_s)
            messages.append(make.up(trip, device))
    await store.commit(*messages)
    table, pack = folder / "persons.csv", folder / "own.toml"
    table.write_text("\n".join(rows) + "\n")
    pack.write_text(library.path("private-driving").read_text(encoding="utf-8"), encoding="utf-8")
    return table, pack


async def tune(pack, table, url, *more):
    arguments = ["pack", "tune", str(pack), "--series", "idling", "--from", url, "--factors", str(table), *more]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


class Link:
    """A link with one message."""

    def __init__(self, message):
        self.events = [Connected(), message]

    def poll(self, timeout_s=0.0):
        return self.events.pop(0) if self.events else None

    def publish(self, payload):
        return True


class Clock:
    def mono_ms(self):
        return 0

    def wall(self):
        return START_MS, record.SYNCED


def device(folder, name, process, offered, factors):
    """A device that was offered a pack, and runs it."""
    server = SigningServer()
    offer = server.offer(offered.data, json.dumps(for_device(offered.catalogue)))
    outbox = Outbox(folder / f"{name}.db")
    agent = Agent(
        outbox, Link(offer), Clock(), lambda _low, high: high, process, factors=factors, server_keys=server.keys()
    )
    agent.step(0)
    assert agent.process.id == offered.id
    return agent


def squared_error(agent, make, idle_s):
    """The mean squared error of an agent's forecasts of idling, over these trips."""
    for i, seconds in enumerate(idle_s):
        agent.own.take(make.trip_counts(minutes=10, idle_s=seconds), START_MS + i * DAY_MS)
    (found,) = [item for item in agent.own.series.series if item.characteristic.key == "idle_share_pct"]
    agent.outbox.close()
    return error_ledger.mse(found.ledger.numbers())


async def test_an_effect_is_learned_offered_and_makes_a_devices_forecasts_better(store, make, database_url, tmp_path):
    table, pack = await fleet(store, make, tmp_path, 4.0)
    before = compile_file(pack)
    done = await tune(pack, table, database_url, "--alpha", "0.2", "--damping", "0")
    assert done.exit_code == 0, done.output
    assert "used: g* is " in done.output
    after = compile_file(pack)
    assert (after.parts[1], after.parts[2], after.id == before.id) == ("private-driving", before.parts[2] + 1, False)
    assert after.parts[18] == [["experience", list(CLASSES)]]
    down, up = after.parts[16][0][4][4][0]
    assert down < -1000
    assert up > 1000
    # Persons who were not in the table, by devices that know the class and by devices that do not.
    generator = random.Random(99)  # noqa: S311 - repeatable, not secret
    runs = {
        "told": lambda kind: (after, {"experience": kind}),
        "not told": lambda _kind: (after, {}),
        "unknown class": lambda _kind: (after, {"experience": "weary"}),
        "before": lambda kind: (before, {"experience": kind}),
    }
    error = dict.fromkeys(runs, 0)
    for kind in CLASSES:
        for person in range(5):
            idle_s = idling(generator, kind, 4.0)
            for name, run in runs.items():
                agent = device(tmp_path, f"{kind}-{person}-{name}", make.other_process, *run(kind))
                error[name] += squared_error(agent, make, idle_s)
    assert error["told"] < 0.9 * error["not told"]
    assert error["not told"] == error["unknown class"]
    assert error["told"] < 0.95 * error["before"]


async def test_without_an_effect_the_pack_stays_as_it_is(store, make, database_url, tmp_path):
    table, pack = await fleet(store, make, tmp_path, 0.0)
    source = pack.read_bytes()
    done = await tune(pack, table, database_url, "--alpha", "0.2", "--damping", "0")
    assert done.exit_code == 0, done.output
    assert "not used: " in done.output
    assert done.output.endswith(f"{pack} stays as it is.\n")
    assert pack.read_bytes() == source


async def test_weights_that_lose_against_the_forecast_of_now_are_not_used(store, make, database_url, tmp_path):
    """A true effect in one of two classes passes the gate, but after fifty trips devices have found the trend by themselves."""
    table, pack = await fleet(store, make, tmp_path, 3.0, tiring=False, trips=100)
    source = pack.read_bytes()
    done = await tune(pack, table, database_url)
    assert done.exit_code == 0, done.output
    assert "but the forecasts that devices make now are better still" in done.output
    assert pack.read_bytes() == source


@pytest.mark.parametrize(
    ("header", "arguments", "message"),
    [
        ("person,age", [], "the customer factor 'age' is named after 'age', a protected attribute"),
        ("driver,experience", [], "does not begin with a header such as person,experience"),
        (
            "person,experience",
            ["--series", "walking"],
            "the pack has no series 'walking'; it has idling (of idle_share_pct)",
        ),
        ("person,experience", ["--alpha", "2"], "--alpha, --damping and --share lie from 0 to 1"),
        ("person,experience", [], "the database has no trips of private-driving version"),
    ],
)
async def test_what_cannot_be_tuned_is_said(store, database_url, tmp_path, header, arguments, message):
    table, pack = tmp_path / "persons.csv", tmp_path / "own.toml"
    table.write_text(f"{header}\ndepot/car,settling\n")
    pack.write_text(library.path("private-driving").read_text(encoding="utf-8"), encoding="utf-8")
    done = await tune(pack, table, database_url, *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
