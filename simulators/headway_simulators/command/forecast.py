"""`headway forecast`: how long a service's next activity takes and what it costs, evaluated over a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command import forecast_devices
from headway_simulators.command.terminal import complain, foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_simulators.costing.evaluation import Evaluation, Settings
    from headway_simulators.costing.event_log import EventLog, FactorName

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
Forecast how long the activities of a service take, by customer, and what they cost; say how good devices' forecasts are.

`docs/costing.md` explains the methods. **First steps**: `headway forecast example > log.csv`, then
`headway forecast evaluate log.csv --cost-rate 40`.
""",
)
app.command()(forecast_devices.devices)
_NONE = "none"


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="An event log: CSV or XES, plain or in gzip.", metavar="FILE")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with everything.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write plots of forecast against actual to this folder.")] = None,
    cost_rate: Annotated[
        list[str] | None,
        typer.Option(
            help="Money an hour: RATE, ACTIVITY=RATE, resource:NAME=RATE; a RATE may be COST/HOURS. Repeatable."
        ),
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="Only this activity. Repeatable.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not this activity. Repeatable.")] = None,
    customer: Annotated[str, typer.Option(help="XES: the attribute that names the customer.")] = "customer",
    factor: Annotated[
        list[str] | None, typer.Option(help="XES: an attribute that is a factor, as CLASS:ATTRIBUTE. Repeatable.")
    ] = None,
    derive: Annotated[
        list[str] | None,
        typer.Option(
            help="Factors from the log's past: earlier-cases, cases-last-year, activities-of-this-kind, or none. All of them "
            "where the log brings no factor. Repeatable."
        ),
    ] = None,
    series: Annotated[
        str, typer.Option(help="A series for each activity, or for each activity of a customer.")
    ] = "activity",
    learn_share: Annotated[float, typer.Option(help="Of the log, earliest first, what is learned from.")] = 0.6,
    method: Annotated[str, typer.Option(help="How weights are learned: class-means or ridge.")] = "class-means",
    strength: Annotated[float, typer.Option(help="Pull towards no effect: kappa, or lambda of ridge.")] = 15.0,
    alpha: Annotated[float, typer.Option(help="Smoothing factor.")] = 0.5,
    b: Annotated[float, typer.Option("--b", help="Second smoothing factor: 1 is no customer factors.")] = 0.5,
    rho: Annotated[float, typer.Option(help="A correction is at most this share of the level.")] = 0.5,
    gamma: Annotated[float, typer.Option(help="A correction is at most this share of the usual error.")] = 1.0,
    limit_h: Annotated[float, typer.Option(help="A correction is at most this many hours.")] = 250.0,
    top: Annotated[int, typer.Option(min=1, help="Customers whose costs are shown.")] = 10,
    parameters: Annotated[
        Path | None, typer.Option(help="Write here, as JSON, what would be pushed to devices: weights by factor.")
    ] = None,
) -> None:
    """Evaluate forecasts of activity times over a log: the paper's Table 1, peers, and costs by customer.

    A CSV has the columns `customer`, `activity` and two of `start`, `end` (ISO 8601; UTC where no offset is given) and
    `duration_h` (hours, which win over `end` less `start`). It may have `case` and `resource`, and customer factors in columns
    named `factor:CLASS:NAME`, such as `factor:experience:years`: numbers or names, as they were known when the activity began;
    an empty cell is not known. Numbers from -1 to 1 are taken as they are, others are scaled by their 5 % and 95 % quantiles in
    the time that is learned from. Factors named after protected attributes (age, sex, origin …) are refused.

    In an XES log an activity takes the time from its start to its completion, or, where it has a completion only, since the
    event before it in its case. Rows that cannot be used are counted and named.

    Each activity is forecast when it begins, from those that had ended by then. The first part of the log is learned from, the
    figures are of the rest.

    Examples:

        headway forecast evaluate log.csv --cost-rate 40 --cost-rate "Train users=5600/112"
        headway forecast evaluate log.xes.gz --exclude Closed --factor request:product --plot plots
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        from headway_simulators.costing.cost_rates import CostRates
        from headway_simulators.costing.evaluation import Settings
        from headway_simulators.costing.models import Parameters

        settings = Settings(
            Parameters(alpha, b, rho, gamma, limit_h),
            series,
            learn_share,
            method,
            strength,
            CostRates.parsed(cost_rate or []),
        )
        found = _evaluated(file, settings, customer, factor or [], derive or [], include or [], exclude or [])
        _tell(found, as_json, top)
        if plot:
            from headway_simulators.costing import plots

            complain(f"{len(plots.draw(found, plot))} plots written to {plot}")
        if parameters:
            _write_parameters(found, parameters)


@app.command()
def example(
    effect: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="How much time customer factors add or save at most, as a share; 0 is none."),
    ] = 0.6,
    seed: Annotated[int, typer.Option(help="The same seed gives the same log.")] = 1,
) -> None:
    """Print a made log to try things with: 149 customers, 1,537 activities, three customer factors, as CSV.

    Examples:

        headway forecast example > log.csv
        headway forecast example --effect 0 > no-effect.csv
    """
    from headway_simulators.costing import made_log

    typer.echo(made_log.text(effect, seed), nl=False)


def _evaluated(
    file: Path,
    settings: "Settings",
    customer: str,
    factors: list[str],
    wanted: list[str],
    include: list[str],
    exclude: list[str],
) -> "Evaluation":
    from headway_simulators.costing import reading
    from headway_simulators.costing.derived_factors import NAMES, derive
    from headway_simulators.costing.evaluation import evaluate

    with _progress("reading") as tell:
        log = reading.read(file, [_factor(text) for text in factors], customer, tell)
    # Before anything is left out: a case that was closed is a case of the customer's.
    derive(log, [] if wanted == [_NONE] else wanted or ([] if log.factors else list(NAMES)))
    _choose(log, include, exclude)
    with _progress("forecasting") as tell:
        return evaluate(log, settings, tell)


def _factor(text: str) -> "FactorName":
    from headway_simulators.costing.event_log import FactorName

    kind, colon, name = text.partition(":")
    if not kind or not colon or not name:
        raise SimulatorError(f"{text!r} is no factor; write CLASS:ATTRIBUTE, for example request:product.")
    return FactorName(kind, name)


def _choose(log: "EventLog", include: list[str], exclude: list[str]) -> None:
    known = {activity.activity for activity in log.activities}
    for name in (*include, *exclude):
        if name not in known:
            raise SimulatorError(f"{log.path} has no activity {name!r}; it has {', '.join(sorted(known)[:20])}.")
    kept = (set(include) or known) - set(exclude)
    log.activities = [activity for activity in log.activities if activity.activity in kept]
    left_out = ", ".join(sorted(known - kept))
    if left_out:
        log.notes.append(f"Without the activities {left_out}.")


def _tell(found: "Evaluation", as_json: bool, top: int) -> None:
    from headway_simulators.costing import report

    if as_json:
        import json

        typer.echo(json.dumps(report.as_data(found), ensure_ascii=False))
        return
    from rich.console import Console

    console = Console()
    for part in report.told(found, top):
        console.print(part, highlight=False, markup=False)


def _write_parameters(found: "Evaluation", path: Path) -> None:
    import json

    if found.learned is None:
        raise SimulatorError("there are no customer factors, so there are no parameters to write.")
    try:
        path.write_text(json.dumps(found.learned.parameters(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SimulatorError(f"the parameters cannot be written to {path}: {error}.") from None


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    # A bar on standard error while the block runs; nothing moves where there is no terminal.
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
