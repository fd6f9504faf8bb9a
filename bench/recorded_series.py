"""Real series to forecast: daily steps of 33 wearers, and characteristics of 22 vehicles trip by trip.

The steps are Fitabase's (Furberg et al., Zenodo 53894), read from a folder beside the repository; the trips are NREL's, which
are fetched (`headway_simulators.nrel`).
"""

import csv
from datetime import UTC, datetime
from pathlib import Path

from headway_simulators import nrel
from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.recordings import read

STEPS_FILE = Path(__file__).parents[2] / "shared/data/fitabase/dailyActivity_merged.csv"

Series = dict[str, list[int]]


def daily_steps() -> Series:
    """Return the steps of each wearer, one number a day in the order of days, none left out.

    Days without steps, of which some are days on which nothing was worn, are 0 as in the file. Raises FileNotFoundError.
    """
    if not STEPS_FILE.exists():
        raise FileNotFoundError(f"the wearers' days are not there: {STEPS_FILE} (Fitabase, Zenodo 53894)")
    days: dict[str, dict[datetime, int]] = {}
    with STEPS_FILE.open(newline="") as file:
        for row in csv.DictReader(file):
            form = "%m-%d-%y" if "-" in row["ActivityDate"] else "%m/%d/%Y"
            day = datetime.strptime(row["ActivityDate"], form).replace(tzinfo=UTC)
            days.setdefault(row["Id"], {})[day] = int(row["TotalSteps"])
    return {person: [steps[day] for day in sorted(steps)] for person, steps in days.items()}


def trip_characteristics(keys: tuple[str, ...]) -> dict[str, Series]:
    """Return, for each characteristic of private-driving, each vehicle's numbers, in quanta, trip by trip.

    A trip where a characteristic is not defined is left out of its series. Raises SimulatorError.
    """
    process = find_process()
    wanted = {key: next(c for c in process.trip if c.key == key) for key in keys}
    found: dict[str, Series] = {key: {} for key in keys}
    for vehicle in nrel.vehicles():
        for path in vehicle.day_files:
            for episode in episodes(read(path), process, "car"):
                numbers = episode.trip.numbers()
                for key, characteristic in wanted.items():
                    value = characteristic.value(numbers)
                    if value is not None:
                        found[key].setdefault(vehicle.name, []).append(value)
    return found
