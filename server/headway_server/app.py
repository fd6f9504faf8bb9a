"""The web application: the pages /, /incidents and /person, the API under /api/v1 and its description at /docs, /healthz."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import SQLAlchemyError

from headway_server.api import (
    api,
    dead_letter_api,
    device_api,
    erasure_api,
    forecast_api,
    incident_api,
    pack_api,
    person_api,
)
from headway_server.api.body_limit import BodyLimit
from headway_server.api.refused_tokens import RefusedTokens
from headway_server.pages import forecast_page, incident_page, page, person_page, trend_page
from headway_server.running import Running

log = structlog.get_logger(__name__)

_BODY_BYTES_MAX = 1 << 20  # the largest source of a pack takes six times its size where every character is escaped

_DESCRIPTION = """Trips, devices, persons, packs and benchmarks of a fleet, by pseudonymous id; reading needs no token, so
serve it to operators only. Times are of the server's clock in UTC, except a trip's, which are of its device's."""


def create_app(running: Running) -> FastAPI:
    """Return the application over a running server."""
    # FastAPI's own page would load its scripts from somewhere else; a fleet's server may have no way there.
    app = FastAPIOffline(title="Headway fleet server", version=_version(), description=_DESCRIPTION)
    app.state.running = running
    app.state.refused_tokens = RefusedTokens()
    app.add_middleware(BodyLimit, bytes_max=_BODY_BYTES_MAX)
    for part in (
        *(api, device_api, erasure_api, forecast_api, incident_api, pack_api, person_api, dead_letter_api),
        *(page, forecast_page, incident_page, person_page, trend_page),
    ):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_exception_handler(SQLAlchemyError, _database_failed)
    app.add_exception_handler(OSError, _database_failed)
    return app


async def _database_failed(request: Request, error: Exception) -> JSONResponse:
    # The path as it is declared: what stands in its places may be a person.
    path = getattr(request.scope.get("route"), "path", "")
    log.warning("request failed", path=path, reason=(str(error) or type(error).__name__).splitlines()[0])
    return JSONResponse({"detail": "the database does not answer; try again later, see /healthz"}, 503)


def _version() -> str:
    try:
        return version("headway")
    except PackageNotFoundError:
        return "0"  # run from a checkout that is not installed
