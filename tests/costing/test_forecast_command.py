"""`headway forecast` as a person meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headway_edge.core.forecast import factor_weight
from headway_simulators.command.forecast import app
from headway_simulators.costing import made_log


def forecast(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(made_log.text(0.6, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["evaluate", "example"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = forecast(command, "--help")
    assert done.exit_code == 0
    assert f"headway forecast {command}" in done.stdout


def test_help_names_every_column_that_is_read() -> None:
    shown = forecast("evaluate", "--help").stdout
    for column in ("customer", "activity", "start", "end", "duration_h", "case", "resource", "factor:CLASS:NAME"):
        assert column in shown


def test_it_is_a_command_of_headway_and_the_example_feeds_the_evaluation(tmp_path: Path) -> None:
    headway = [sys.executable, "-m", "headway_simulators", "forecast"]
    made = subprocess.run([*headway, "example"], capture_output=True, text=True, check=True, timeout=60).stdout
    path = tmp_path / "log.csv"
    path.write_text(made, encoding="utf-8")
    done = subprocess.run(
        [*headway, "evaluate", path, "--cost-rate", "40"], capture_output=True, text=True, check=True, timeout=60
    )
    for line in ("CFE, h", "MAD, h", "MSE, h²", "RMSE, h", "MAPE, %", "MFE, h", "SAT, h", "AFE, % of SAT"):
        assert line in done.stdout
    assert "says who forecasts more, not who is right" in " ".join(done.stdout.split())
    assert "Really better than SES" in done.stdout
    assert done.stderr == ""


def test_json_has_everything_and_its_parts_agree(log: Path) -> None:
    found = json.loads(forecast("evaluate", log, "--json", "--cost-rate", "40").stdout)
    ses, factors = found["models"]["ses"], found["models"]["customer_factors"]
    assert found["learned_from"] + found["evaluated"] + found["too_early"] == found["activities"] == 1537
    assert found["customers"] == 149
    assert found["afe_pct"]["customer_factors"] == pytest.approx(
        100 * factors["sat_h"] / (ses["sat_h"] + factors["sat_h"]), abs=0.01
    )
    assert found["actual_h"] - ses["sat_h"] == pytest.approx(ses["cfe_h"], abs=0.001)
    assert sum(float(row["cost"]) for row in found["costs"]) == pytest.approx(40 * found["actual_h"], abs=1)
    assert found["learned"]["gate"]["used"] is True


def test_plots_and_parameters_are_written(log: Path, tmp_path: Path) -> None:
    plots, parameters = tmp_path / "plots", tmp_path / "parameters.json"
    done = forecast("evaluate", log, "--plot", plots, "--parameters", parameters)
    assert done.exit_code == 0
    drawn = sorted(path.name for path in plots.iterdir())
    assert drawn == ["01-answer-question.svg", "02-correct-defect.svg", "03-install-update.svg", "04-train-users.svg"]
    assert "with customer factors" in (plots / drawn[0]).read_text(encoding="utf-8")
    first = (plots / drawn[0]).read_bytes()
    forecast("evaluate", log, "--plot", plots)
    assert (plots / drawn[0]).read_bytes() == first
    pushed = json.loads(parameters.read_text(encoding="utf-8"))
    factor_weight.check(pushed["device"])


def test_only_the_activities_that_are_asked_for_are_evaluated(log: Path) -> None:
    one = json.loads(forecast("evaluate", log, "--json", "--include", "Train users").stdout)
    rest = json.loads(forecast("evaluate", log, "--json", "--exclude", "Train users").stdout)
    assert one["activities"] + rest["activities"] == 1537
    assert rest["notes"] == ["Without the activities Train users."]


def test_a_log_without_factors_gets_those_that_its_past_offers_unless_none_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    lines = made_log.text(0.6, 1).splitlines()
    path.write_text("\n".join(",".join(line.split(",")[:6]) for line in lines) + "\n", encoding="utf-8")
    derived = json.loads(forecast("evaluate", path, "--json").stdout)["learned"]["parameters"]["factors"]
    assert [item["factor"] for item in derived] == [
        "experience:earlier_cases",
        "resources:cases_last_year",
        "experience:activities_of_this_kind",
    ]
    assert json.loads(forecast("evaluate", path, "--json", "--derive", "none").stdout)["learned"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.csv"], "absent.csv cannot be read"),
        (["LOG", "--exclude", "Closed"], "has no activity 'Closed'; it has Answer question"),
        (["LOG", "--factor", "a:b"], "--factor is for XES attributes"),
        (["LOG", "--factor", "ab"], "'ab' is no factor"),
        (["LOG", "--cost-rate", "much"], "'much' is no cost rate"),
        (["LOG", "--alpha", "2"], "alpha is 2.0"),
        (["LOG", "--series", "week"], "series by 'week'"),
        (["LOG", "--learn-share", "1"], "a share of 1.0"),
        (["LOG", "--method", "guess"], "'guess' is no way to learn weights"),
        (["LOG", "--derive", "shoe-size"], "'shoe-size' cannot be derived"),
        (["LOG", "--plot", "LOG"], "the plots cannot be written"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_1(log: Path, arguments: list[str], message: str) -> None:
    done = forecast("evaluate", *(str(log) if argument == "LOG" else argument for argument in arguments))
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_a_protected_attribute_is_refused_with_the_column(log: Path) -> None:
    log.write_text(log.read_text().replace("factor:experience:years", "factor:person:age_group", 1))
    done = forecast("evaluate", log)
    assert done.exit_code == 1
    assert "'person:age_group' is named after 'age', a protected attribute" in done.stderr


def test_losses_are_shown_with_their_line(log: Path) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write("Ada,Repair,then,,,,,,\n")
    done = forecast("evaluate", log)
    assert "left out: time_unreadable 1 (first: line 1539, 'then')" in " ".join(done.stdout.split())
