"""A month of one vehicle: two trips a day, each second a row with all that a vehicle and its driver could be asked for.

The rows come as the text that a reader of a vehicle writes, the settings from a file, and the agent with its link, store and
clock is the one of `headway agent`; only time is made, so that a month passes in seconds.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.leaving import canaries

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.mqtt.link import Link
from headway_edge.settings import AgentSettings, read_settings
from headway_edge.store.outbox import Outbox
from headway_protocol import service
from headway_protocol.state import ENDS_MAX
from headway_simulators.offline_replay import wanted
from headway_simulators.recorded_signals import SignalRow
from headway_simulators.virtual_clock import VirtualClock

START_MS = 1_788_220_800_000  # 1 September 2026
DAY_MS, HOUR_MS, SECOND_MS = 86_400_000, 3_600_000, 1000
DAYS, TRIP_S = 31, 240
BOOT_DAYS = (0, 10, 20)  # on which the agent starts anew
GROUP, DEVICE, USERNAME, PASSWORD = "depot-7", "bus-0142", "user-of-the-bus", "pass-of-the-bus"
VIN, SSID, NAME = "WVWZZZ1JZXW386752", "Nachbars-WLAN-5G", "Sparrow-Canary"
VEHICLE_CODE = "P0217"

_VSS = {
    "speed": "Vehicle.Speed",
    "rpm": "Vehicle.Powertrain.CombustionEngine.Speed",
    "heading": "Vehicle.CurrentLocation.Heading",
    "latitude": "Vehicle.CurrentLocation.Latitude",
    "longitude": "Vehicle.CurrentLocation.Longitude",
    "coolant": "Vehicle.Powertrain.CombustionEngine.ECT",
    "code": "Vehicle.Headway.TroubleCode",
    "vin": "Vehicle.VehicleIdentification.VIN",
    "pulse": "Vehicle.Driver.HeartRate",
    "ssid": "Vehicle.Cabin.WifiNetwork",
}
HEADER = ["timestamp", *_VSS.values()]

_SETTINGS = f"""
group = "{GROUP}"
device = "{DEVICE}"
vehicle_class = "bus"
timezone = "Asia/Seoul"
factors = {{ experience = "{NAME}" }}
broker_username = "{USERNAME}"
broker_password = "{PASSWORD}"
"""


class Month:
    """The rows of a month, and what of them must not leave."""

    def __init__(self, seed: int = 1) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - made trips
        self.positions: list[tuple[float, float]] = []
        self.speeds: list[list[int]] = []  # of each trip, in 0.01 km/h
        self.pulses: list[list[int]] = []

    def trips(self, day: int) -> Iterator[list[tuple[int, list[str]]]]:
        """Yield the trips of a day: rows with their Unix ms. In the second half of the month the vehicle idles much more."""
        for hour in (7, 17):
            start_ms = START_MS + day * DAY_MS + hour * HOUR_MS
            yield list(self._rows(start_ms, idles=day >= DAYS // 2, warns=day in {4, 6, 8}))

    def _rows(self, start_ms: int, *, idles: bool, warns: bool) -> Iterator[tuple[int, list[str]]]:
        dice, speed, latitude, longitude = self._dice, 0, 48.2081743, 16.3738189
        speeds, pulses = [], []
        for second in range(TRIP_S):
            standing = second < 5 or second > TRIP_S - 5 or (idles and second % 3)
            speed = 0 if standing else max(0, min(9000, speed + dice.randint(-500, 700)))
            latitude += dice.uniform(0.00002, 0.0003)
            longitude -= dice.uniform(0.00002, 0.0003)
            pulse = dice.randint(58, 171)
            speeds.append(speed)
            pulses.append(pulse)
            self.positions.append((latitude, longitude))
            at_ms = start_ms + second * SECOND_MS
            values: dict[str, object] = {
                "speed": f"{speed / 100:.2f}",
                "rpm": 800 + speed // 5,
                "heading": f"{dice.uniform(0, 359):.1f}",
                "latitude": f"{latitude:.6f}",
                "longitude": f"{longitude:.6f}",
                "coolant": 88,
                "code": VEHICLE_CODE if warns and second == 60 else "0",
                "vin": VIN,
                "pulse": pulse,
                "ssid": SSID,
            }
            yield at_ms, [f"{at_ms / 1000:.3f}", *(str(values[key]) for key in _VSS)]
        self.speeds.append(speeds)
        self.pulses.append(pulses)

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Yield what must not be found, as (what it is, bytes). Short forms of few places only: of many, one fits by chance."""
        for name, text in (("VIN", VIN), ("Wi-Fi", SSID), ("name in the settings", NAME), ("time zone", "Asia/Seoul")):
            yield from ((name, form) for form in canaries.text_forms(text))
        for number, place in enumerate(self.positions[::10]):
            for coordinate in place:
                forms = canaries.number_forms(coordinate, 0.00001)
                least = 4 if number % 50 == 0 else 7
                yield from (("position", form) for form in forms if len(form) >= least)
        for name, series in (("speeds", self.speeds), ("heart rates", self.pulses)):
            for one in series:
                yield from ((name, form) for form in canaries.series_forms(one))


def settings_in(folder: Path, port: int) -> AgentSettings:
    """Return the settings of a file that names what stays."""
    path = folder / "agent.toml"
    store = folder / f"home-of-{NAME}" / "outbox.db"
    path.write_text(f'{_SETTINGS}broker_port = {port}\nstore = "{store}"\n', encoding="utf-8")
    return read_settings(path)


def live(month: Month, settings: AgentSettings, limit_s: float = 60.0) -> int:
    """Let the month pass for an agent of these settings; return how many records it made. Each boot ends once all is settled."""
    produced = 0
    for begin, end in zip(BOOT_DAYS, (*BOOT_DAYS[1:], DAYS), strict=True):
        produced = _boot(month, settings, range(begin, end), limit_s)
    return produced


def _boot(month: Month, settings: AgentSettings, days: range, limit_s: float) -> int:
    clock = VirtualClock(START_MS + days[0] * DAY_MS)
    dice = random.Random(1)  # noqa: S311 - pauses
    outbox = Outbox(settings.store, budget_bytes=settings.store_bytes_max, mono_ms=clock.mono_ms)
    link = Link(
        settings.broker(), settings.group, settings.device, outbox.boot, dice.uniform,
        lambda: outbox.ends(ENDS_MAX),
    )  # fmt: skip
    agent = Agent(
        outbox, link, clock, dice.randint, packs.load(settings.pack), settings.vehicle_class,
        settings.period_ms, utc_offset_min=settings.utc_offset_min, factors=settings.factors,
    )  # fmt: skip
    signals_of, problems = SignalRow(HEADER, wanted(agent.process), utc_as_local=False), Counter[str]()
    link.start()
    try:
        for day in days:
            for trip in month.trips(day):
                for at_ms, row in trip:
                    clock.advance(at_ms)
                    agent.on_sample(clock.mono_ms(), signals_of(row, problems))
                clock.advance(trip[-1][0] + HOUR_MS)
                agent.finish()
                agent.step(_now_ms())
            if day == 9:
                agent.serviced(service.REFUELLED, odometer_km=84210, millilitres=41500)
            if day == 12:
                agent.serviced(service.REPAIRED)
        deadline_s = time.monotonic() + limit_s
        while not agent.settled:
            assert time.monotonic() < deadline_s, f"not settled: {agent.status()}"
            agent.step(_now_ms(), 0.05)
        return outbox.produced
    finally:
        link.stop()
        outbox.close()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
