"""The API of forecasts: how good those were that a person's own device made."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from headway_edge.core.forecast import error_ledger
from headway_edge.core.process import Process
from headway_edge.core.series import SHARE_PCT
from headway_server.api.access import Server
from headway_server.api.person_api import PackOfPerson, process_of
from headway_server.reading import answers
from headway_server.reading.device_trips import device_trips
from headway_server.reading.forecast_accuracy import Accuracy, Together, follow
from headway_server.running import Running

router = APIRouter(tags=["persons"])


class SeriesAccuracy(BaseModel):
    """How good the forecasts of one series were."""

    characteristic: str
    unit: str
    each: str = Field(examples=["trip", "day"], description="What was forecast, one step ahead.")
    forecasts: int = Field(description="How many; the first numbers of a series are not forecast.")
    mase: float | None = Field(
        description="Mean size of errors by that of the naive forecast, so 1 is as good as that one."
    )
    mean_error: float | None = Field(
        description="Actual less forecast, in `unit`: negative where too much was forecast."
    )
    mean_absolute_error: float | None = Field(description="In `unit`.")
    interval_share_pct: int = Field(description="Share of numbers that the interval told to the person is to hold.")
    interval_held_pct: float | None = Field(description="Share that it held.")
    without_customer_factors: bool = Field(
        description="True where the device moves this forecast by what it knows of the person, which the server does not."
    )


class PersonForecasts(BaseModel):
    """How good the forecasts of a person's device were, series by series in the pack's order."""

    person: str
    pack: answers.Pack
    series: list[SeriesAccuracy]


@router.get("/api/v1/persons/{person:path}/forecasts", responses={404: {"model": answers.Problem}})
async def forecasts(server: Server, person: str, pack: PackOfPerson = None) -> PersonForecasts:
    """How good the forecasts of a person's device were, worked out again from the trips it sent."""
    process, found = await accuracy_of(server, person, pack)
    return PersonForecasts(
        person=person,
        pack=answers.Pack(id=process.id.hex(), name=process.name, version=process.version),
        series=[_series(item) for item in found],
    )


async def accuracy_of(server: Running, person: str, pack: str | None) -> tuple[Process, list[Accuracy]]:
    """Return a process of a person and how good the forecasts of its series were. Raises HTTPException as `process_of`."""
    async with server.database.read() as connection:
        process, _ = await process_of(connection, server.processes, person, pack)
        devices = [item async for item in device_trips(connection, process, person)]
    together = Together(process)
    for item in devices:
        # Years of trips take seconds, in which the server has others to serve.
        together.add(await asyncio.to_thread(follow, process, item.trips))
    return process, together.accuracy()


def _series(item: Accuracy) -> SeriesAccuracy:
    scale = 10**item.characteristic.decimals
    mase, error, size = (read(item.ledger) for read in (error_ledger.mase, error_ledger.mfe, error_ledger.mad))
    return SeriesAccuracy(
        characteristic=item.characteristic.key,
        unit=item.characteristic.unit,
        each=item.noun,
        forecasts=item.forecasts,
        mase=None if mase is None else mase / 1000,
        mean_error=None if error is None else error / 1000 / scale,
        mean_absolute_error=None if size is None else size / 1000 / scale,
        interval_share_pct=SHARE_PCT,
        interval_held_pct=None if item.held_permille is None else item.held_permille / 10,
        without_customer_factors=item.adapted,
    )
