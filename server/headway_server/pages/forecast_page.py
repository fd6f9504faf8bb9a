"""The page of how good the forecasts were that a person's own device made."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from headway_edge.core.forecast import error_ledger
from headway_edge.core.process import decimal_text
from headway_edge.core.series import SHARE_PCT
from headway_server.api.access import Server
from headway_server.api.forecast_api import accuracy_of
from headway_server.api.person_api import PackOfPerson
from headway_server.pages.html import SECURITY_HEADERS, templates
from headway_server.reading.forecast_accuracy import Accuracy
from headway_server.reading.labels import label_of

router = APIRouter(include_in_schema=False)


@router.get("/forecasts", response_class=HTMLResponse)
async def forecast_page(
    request: Request, server: Server, person: Annotated[str, Query(alias="id")], pack: PackOfPerson = None
) -> Response:
    """The page: a row for each series of the pack."""
    process, found = await accuracy_of(server, person, pack)
    shown = {
        "person": person,
        "process": process,
        "person_link": "person?" + urlencode({"id": person, "pack": process.id.hex()}),
        "share_pct": SHARE_PCT,
        "rows": [row(item) for item in found],
        "adapted": any(item.adapted for item in found),
    }
    return templates.TemplateResponse(request, "forecasts.html", shown, headers=SECURITY_HEADERS)


def row(item: Accuracy) -> list[str]:
    """Return the cells of a series: what, each, how many, mean size of errors, mean error, MASE, share held."""
    size, error = (_whole(read(item.ledger)) for read in (error_ledger.mad, error_ledger.mfe))
    decimals = item.characteristic.decimals
    held = decimal_text(item.held_permille, 1)
    return [
        label_of(item.characteristic) + (" *" if item.adapted else ""),
        item.noun,
        str(item.forecasts),
        decimal_text(size, decimals),
        decimal_text(error, decimals),
        decimal_text(error_ledger.mase(item.ledger), 3),
        held if item.held_permille is None else f"{held} %",
    ]


def _whole(thousandths: int | None) -> int | None:
    return None if thousandths is None else (thousandths + 500) // 1000
