"""Tells an evaluation: as tables for people, as plain data for JSON."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from headway_edge.core.forecast.factor_weight import BANDS, NAMES, WEIGHT_ONE
from headway_server.factors.learn import Learned
from headway_simulators.costing.accuracy import Accuracy, afe_pct
from headway_simulators.costing.cost_rates import CustomerCost, cents
from headway_simulators.costing.evaluation import Evaluation
from headway_simulators.costing.event_log import hours
from headway_simulators.costing.models import FACTORS, SES, TITLES, UNGATED

_COMPARED = (SES, FACTORS, UNGATED)
_MEASURES = (
    ("CFE, h", "cfe_h", 4),
    ("MAD, h", "mad_h", 4),
    ("MSE, h²", "mse_h2", 4),
    ("RMSE, h", "rmse_h", 4),
    ("MAPE, %", "mape_pct", 2),
    ("MFE, h", "mfe_h", 4),
    ("SAT, h", "sat_h", 4),
)
_BAND_NAMES = ("low", "middle", "high")
_NAMES_SHOWN = 6


def told(evaluation: Evaluation, top: int) -> Iterator[RenderableType]:
    """Yield what is to be printed, tables of at most 80 columns. top: customers whose costs are shown."""
    log = evaluation.log
    yield f"{log.path.name}: {len(log.activities)} activities of {_customers(evaluation)} customers"
    yield from (f"- {note}" for note in log.notes)
    if log.losses.counts:
        yield f"- left out: {log.losses}"
    yield (
        f"- {evaluation.learned_from} to learn from, {len(evaluation.forecasts)} later ones evaluated, "
        f"{evaluation.too_early} begun before their series could be forecast"
    )
    of = evaluation.settings.parameters
    yield (
        f"- series by {evaluation.settings.series}; alpha {of.alpha:g}, b {of.b:g}, rho {of.rho:g}, gamma {of.gamma:g}, "
        f"limit {of.limit_h:g} h"
    )
    yield from _learned(evaluation.learned)
    yield _table_1(evaluation)
    yield (
        "CFE, MFE: actual less forecast, negative where too much was forecast. SAT: sum of the forecast times; that of the "
        f"actual times is {_actual_h(evaluation):.4f} h. AFE is a method's share of its SAT and that of SES, as in the paper: "
        "it says who forecasts more, not who is right."
    )
    factors = evaluation.models[FACTORS]
    same = factors.count - factors.better - factors.worse
    shares = [f"{factors.share_pct(count):.1f}%" for count in (factors.better, factors.worse, same)]
    yield (
        f"Really better than SES: {shares[0]} of the activities; worse: {shares[1]}; the same: {shares[2]}. "
        f"MAPE is of the {factors.mape_coverage_pct:.1f}% of activities that took 0.01 h or more."
    )
    yield _peers(evaluation)
    if evaluation.costs:
        yield from _costs(evaluation.costs, top)


def as_data(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that was found as plain data."""
    log, models = evaluation.log, evaluation.models
    return {
        "file": str(log.path),
        "activities": len(log.activities),
        "customers": _customers(evaluation),
        "notes": log.notes,
        "losses": dict(log.losses.counts),
        "learned_from": evaluation.learned_from,
        "evaluated": len(evaluation.forecasts),
        "too_early": evaluation.too_early,
        "actual_h": round(_actual_h(evaluation), 4),
        "models": {name: {"title": TITLES[name], **models[name].as_dict()} for name in models},
        "afe_pct": {name: round(afe_pct(models[SES], models[name])[1], 2) for name in (FACTORS, UNGATED)},
        "learned": evaluation.learned.as_dict() if evaluation.learned else None,
        "costs": [
            {
                "customer": row.customer,
                "activities": row.activities,
                "hours": hours(row.time_q),
                "cost": str(cents(row.cost)),
                "cost_by_ses": str(cents(row.forecast[0])),
                "cost_by_customer_factors": str(cents(row.forecast[1])),
                "without_rate": row.without_rate,
            }
            for row in evaluation.costs
        ],
    }


def _customers(evaluation: Evaluation) -> int:
    return len({activity.customer for activity in evaluation.log.activities})


def _actual_h(evaluation: Evaluation) -> float:
    activities = evaluation.log.activities
    return hours(sum(activities[item.index].time_q for item in evaluation.forecasts))


def _table(title: str, *headings: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False
    )
    table.add_column(headings[0], no_wrap=True)
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    return table


def _table_1(evaluation: Evaluation) -> Table:
    models = [evaluation.models[name] for name in _COMPARED]
    title = f"Table 1 over {len(evaluation.forecasts)} activities"
    table = _table(title, "", "SES", "customer factors", "gate ignored")
    for title, name, decimals in _MEASURES:
        table.add_row(title, *(f"{getattr(model, name):.{decimals}f}" for model in models))
    ses = models[0]
    table.add_row("AFE, % of SAT", "", *(f"{afe_pct(ses, model)[1]:.2f}" for model in models[1:]))
    return table


def _peers(evaluation: Evaluation) -> Table:
    table = _table(
        "All models, the smallest MAD first; shares in % of the activities",
        "model",
        "MAD, h",
        "RMSE, h",
        "too little",
        "better than SES",
    )
    for model in sorted(evaluation.models.values(), key=lambda model: (model.mad_h, TITLES[model.name])):
        table.add_row(TITLES[model.name], *_peer(model))
    return table


def _peer(model: Accuracy) -> Iterator[str]:
    yield f"{model.mad_h:.4f}"
    yield f"{model.rmse_h:.4f}"
    yield f"{model.share_pct(model.too_little):.1f}"
    yield "" if model.name == SES else f"{model.share_pct(model.better):.1f}"


def _learned(learned: Learned | None) -> Iterator[RenderableType]:
    if learned is None:
        yield "There are no customer factors in the log, and none was derived: all that is said of them is SES."
        return
    yield (
        f"Customer factors {'are used' if learned.gate.used else 'are not used'}: {learned.gate.reason}. Weights were fitted "
        f"on {learned.fit_observations} activities of {learned.fit_customers} customers, and asked about on "
        f"{learned.gate.observations} later ones of {learned.gate.customers}."
    )
    table = _table("Weights before the gate, above 0 where more time is taken", "factor", "weights")
    for name, scale, found in zip(learned.factors, learned.scales, learned.fitted, strict=True):
        if found[0] == NAMES:
            values = list(zip(getattr(scale, "names", ()), found[1], strict=True))
            more = f", {len(values) - _NAMES_SHOWN} more" if len(values) > _NAMES_SHOWN else ""
            text = ", ".join(f"{level} {_share(weight)}" for level, weight in values[:_NAMES_SHOWN]) + more
        elif found[0] == BANDS:
            text = ", ".join(f"{level} {_share(weight)}" for level, weight in zip(_BAND_NAMES, found[2], strict=True))
        else:
            text = f"slope {_share(found[2])}"
        table.add_row(name, text)
    yield table


def _share(weight: int) -> str:
    return f"{weight / WEIGHT_ONE:+.3f}"


def _costs(costs: list[CustomerCost], top: int) -> Iterator[RenderableType]:
    table = _table(
        "Cost of the evaluated activities", "customer", "activities", "hours", "cost", "by SES", "by factors"
    )
    for row in costs[:top]:
        table.add_row(row.customer, f"{row.activities}", f"{hours(row.time_q):.2f}", *_money(row))
    left = costs[top:]
    if left:
        rest = _sum(f"{len(left)} others", left)
        table.add_row(rest.customer, f"{rest.activities}", f"{hours(rest.time_q):.2f}", *_money(rest))
    whole = _sum("all", costs)
    table.add_row(whole.customer, f"{whole.activities}", f"{hours(whole.time_q):.2f}", *_money(whole), style="bold")
    yield table
    if whole.without_rate:
        yield f"{whole.without_rate} activities have no cost rate and are in the hours, but not in the cost."


def _money(row: CustomerCost) -> Iterator[str]:
    return (f"{cents(money):.2f}" for money in (row.cost, *row.forecast))


def _sum(name: str, rows: list[CustomerCost]) -> CustomerCost:
    found = CustomerCost(name, forecast=[Decimal(0), Decimal(0)])
    for row in rows:
        found.activities += row.activities
        found.time_q += row.time_q
        found.cost += row.cost
        found.without_rate += row.without_rate
        found.forecast = [a + b for a, b in zip(found.forecast, row.forecast, strict=True)]
    return found
