"""Readers of wearables' recordings: made-up files in the real forms, the real ones, and the replay command on them."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from days import shared, wellness
from typer.testing import CliRunner

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_edge.core.program import MISSING
from headway_simulators.command import app
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import episodes
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recordings import read
from headway_simulators.wearables.epoch_recording import ACTIVITY, HEART_RATE, LOCAL_MINUTE, STEPS, EpochRecording
from headway_simulators.wearables.reading import recordings

AWD = "somebody\r\n23-Jan-1918\r\n23:58\r\n 4 \r\n00\r\nV1\r\nX\r\n0\r\n12 M\r\nbroken\r\n7\r\n"
HOURLY = (
    "Id,ActivityHour,StepTotal\n1,2016-4-12 0:00,125\n1,2016-4-12 1:00,0\n2,4/12/2016 11:00:00 PM,60\n"
    "1,2016-4-12 1:00,0\n1,noon,5\n2,4/13/2016 12:00:00 AM,x\n"
)
RATES = "Id,Time,Value\n9,5/10/2016 6:55:26 AM,70\n9,5/10/2016 6:55:31 AM,71\n9,5/10/2016 7:10:01 AM,80\n"
EXPORT = (
    '"Fichier d\'exportation Actiware (Version 05.00)"\n"Ligne:","Numéro"\n\n'
    '"Ligne","Secondes","Date","Heure","Activité","Marqueur","Lumière blanche","Sommeil/Éveil","Mobilité",\n\n'
    '"1","0","4/02/2015","23:59:00","0","0","279.17","NAN","0","ACTIVITÉ",\n'
    '"2","60","5/02/2015","00:00:00","11","0","285.28","1","1","ACTIVITÉ",\n'
    '"3","120","5/02/2015","00:01:00","NAN","0","NAN","0","1","ACTIVITÉ",\n'
)


def made(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def epochs(path: Path) -> EpochRecording:
    found = read(path)
    assert isinstance(found, EpochRecording)
    return found


def column(recording: EpochRecording, name: str) -> list[float | None]:
    return [row.get(name) for row in recording.rows]


def test_an_awd_file_is_counts_from_a_local_time_on(tmp_path: Path) -> None:
    found = epochs(made(tmp_path, "one.AWD", AWD))
    assert column(found, ACTIVITY) == [0, 12, None, 7]
    assert column(found, LOCAL_MINUTE) == [1438, 1439, 0, 1]
    assert [sample.wall_ms - found.samples[0].wall_ms for sample in found.samples] == [0, 60_000, 120_000, 180_000]
    assert found.period_ms == 60_000
    assert found.samples[0].wall_ms == 128_217_480_000  # 23 January 1974, 23:58: a Wednesday, as in 1918


def test_the_code_of_an_awd_file_says_how_long_an_epoch_is(tmp_path: Path) -> None:
    assert epochs(made(tmp_path, "one.AWD", AWD.replace(" 4 ", "2"))).period_ms == 30_000
    with pytest.raises(SimulatorError):
        read(made(tmp_path, "two.AWD", AWD.replace(" 4 ", "77")))


def test_an_export_of_actiware_is_read_with_its_own_score(tmp_path: Path) -> None:
    found = epochs(made(tmp_path, "export.csv", EXPORT))
    assert column(found, ACTIVITY) == [0, 11, None]
    assert column(found, LOCAL_MINUTE) == [1439, 0, 1]
    assert column(found, "Actiware.Wake") == [None, 1, 0]
    with pytest.raises(SimulatorError, match="no table of epochs"):
        read(made(tmp_path, "short.csv", EXPORT.partition('"Ligne","Sec')[0]))


def test_hourly_steps_are_spread_over_minutes_and_their_sum_holds(tmp_path: Path) -> None:
    path = made(tmp_path, "hourly.csv", HOURLY)
    first = epochs(Path(f"{path}#1"))
    assert len(first.samples) == 120
    assert column(first, STEPS) == [3] * 5 + [2] * 55 + [0] * 60
    assert first.problems == {"row_unreadable": 2, "row_twice": 1}
    second = epochs(Path(f"{path}#2"))
    assert column(second, STEPS) == [1] * 60
    assert column(second, LOCAL_MINUTE) == list(range(1380, 1440))
    assert second.path.name == "hourly.csv#2"


def test_a_file_of_several_persons_asks_whose_is_meant(tmp_path: Path) -> None:
    path = made(tmp_path, "hourly.csv", HOURLY)
    with pytest.raises(SimulatorError, match=r"2 persons' epochs; name one, as in .*hourly.csv#1\. There are 1, 2\."):
        read(path)
    with pytest.raises(SimulatorError, match="There are 1, 2"):
        read(Path(f"{path}#3"))
    with pytest.raises(SimulatorError, match="no such file"):
        read(tmp_path / "nothing.csv#1")


def test_heart_rates_are_means_of_minutes_and_gaps_stay_gaps(tmp_path: Path) -> None:
    found = epochs(made(tmp_path, "rates.csv", RATES))
    assert column(found, HEART_RATE) == [70.5, 80]
    assert column(found, LOCAL_MINUTE) == [415, 430]
    rows = list(found.signals([SignalQuantum(HEART_RATE, 1, 2), SignalQuantum(STEPS, 1, 1)], Counter()))
    assert rows == [(141, MISSING), (160, MISSING)]


def test_a_plain_table_of_epochs_takes_local_time_as_it_is_written(tmp_path: Path) -> None:
    text = (
        "timestamp,Wearable.Steps, Wearable.IsWorn,Wearable.HeartRate\n2026-03-02T23:59:00+09:00,5,true,61.4\n"
        "2026-03-03T00:00:00+09:00,,false,x\n1772463660,7,1,\nnever,1,1,1\n"
    )
    path = tmp_path / "epochs.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    found = epochs(path)
    assert column(found, LOCAL_MINUTE) == [1439, 0, None]
    assert [column(found, name) for name in ("Wearable.Steps", "Wearable.IsWorn", HEART_RATE)] == [
        [5, None, 7],
        [1, 0, 1],
        [61.4, None, None],
    ]
    assert found.problems == {"timestamp_unreadable": 1, f"{HEART_RATE}_unreadable": 1}
    assert found.period_ms == 60_000


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="no usable row"):
        read(made(tmp_path, "none.csv", "timestamp,Wearable.Steps\nnever,1\n"))


@pytest.mark.full
def test_real_steps_of_33_persons_add_up_to_their_files_sums_and_nearly_to_the_days_of_their_bands() -> None:
    path = shared("fitabase/hourlySteps_merged.csv")
    compiled = wellness(('boundary = "20*h"', 'boundary = "0*h"'))
    process = Process(Pack(compiled.data), compiled.catalogue)
    hourly: Counter[str] = Counter()
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            hourly[row["Id"]] += int(row["StepTotal"])
    by_day: dict[tuple[str, int], int] = {}
    found: Counter[str] = Counter()
    everybody = recordings(path, path.read_bytes())
    assert {r.person: sum(row[STEPS] for row in r.rows) for r in everybody} == hourly
    assert len(everybody) == 33
    for recording in everybody[:8]:
        for episode in episodes(recording, process, "other"):
            steps = process.count("steps_taken", episode.trip.numbers())
            assert steps is not None
            found[recording.person] += steps
            by_day[recording.person, episode.start_ms // 86_400_000] = steps
    assert found == {person: hourly[person] for person in found}
    daily = dict(_daily_steps())
    common = daily.keys() & by_day.keys()
    assert len(common) > 200
    # The bands' own daily sums are not those of their hours on every day: Fitabase's affair, not ours.
    assert sum(daily[key] == by_day[key] for key in common) > 0.8 * len(common)
    assert abs(sum(daily[key] for key in common) / sum(by_day[key] for key in common) - 1) < 0.02


def _daily_steps() -> list[tuple[tuple[str, int], int]]:
    from datetime import UTC, datetime

    days = []
    with shared("fitabase/dailyActivity_merged.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            form = "%m-%d-%y" if "-" in row["ActivityDate"] else "%m/%d/%Y"
            day = datetime.strptime(row["ActivityDate"], form).replace(tzinfo=UTC)
            days.append(((row["Id"], int(day.timestamp()) // 86_400), int(row["TotalSteps"])))
    return days


@pytest.mark.full
def test_most_steps_are_taken_before_the_boundary_that_ships() -> None:
    """What docs/wellness.md says of 8 pm."""
    path = shared("fitabase/hourlySteps_merged.csv")
    by_hour: Counter[int] = Counter()
    for recording in recordings(path, path.read_bytes()):
        for row in recording.rows:
            by_hour[int(row[LOCAL_MINUTE]) // 60] += int(row[STEPS])
    assert round(sum(by_hour[hour] for hour in range(20, 24)) / by_hour.total(), 2) == 0.13


@pytest.mark.full
def test_a_real_resting_heart_rate_is_told_and_the_gaps_are_counted() -> None:
    compiled = wellness()
    process = Process(Pack(compiled.data), compiled.catalogue)
    found = list(episodes(read(shared("fitabase/heartrate_seconds_partial.csv")), process, "other"))
    (resting,) = [item for item in process.trip if item.key == "day_resting_pulse"]
    values = [resting.value(episode.trip.numbers()) for episode in found]
    assert len(values) >= 2
    assert all(480 <= value <= 700 for value in values if value is not None)
    gaps = [episode.trip.quality() for episode in found]
    assert sum(day[1] for day in gaps) > 10 * 33_984  # the longest gap alone, in tenths of a second
    assert sum(day[0] for day in gaps) >= 5


@pytest.mark.full
def test_the_replay_command_tells_the_days_of_a_recording() -> None:
    path = str(shared("actigraphy/example_01.AWD"))
    source = str(Path(__file__).parents[2] / "server/headway_server/packs/library/wellness.toml")
    run = CliRunner().invoke(app, ["replay", path, "--offline", "--json", "--pack", source, "--class", "actiwatch"])
    assert run.exit_code == 0, run.output
    days = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(days) == 14
    assert [day["start"][11:16] for day in days[1:]] == ["20:00"] * 13
    # On the first and the last two days the band lay somewhere: no counts, and nothing in the file that says so.
    nights = [day["characteristics"]["day_sleep_h"]["value"] for day in days]
    assert nights[0] is None  # from 2 pm to 8 pm nothing is scored
    assert all(7 < night < 10.5 for night in nights[2:-2])
    assert days[1]["characteristics"]["day_steps"]["value"] is None
    run = CliRunner().invoke(app, ["replay", path, "--offline"])
    assert run.exit_code == 1
    assert "60000 ms is not in 40..1000" in run.output
