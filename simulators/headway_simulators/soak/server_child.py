"""What a soaked server's process does: `headway serve`, without the start of Python."""

import asyncio
import os
from typing import Any

from headway_server.service import serve
from headway_server.settings import ServerSettings
from headway_simulators.command.terminal import log_to_stderr

# Devices here make a month of trips in seconds: the bound on what one may send is not what is looked at.
UNBOUNDED = {"device_messages_per_minute": 1_000_000, "device_messages_burst": 1_000_000}


def run(arguments: dict[str, Any], pipe: int) -> None:
    """arguments: settings of the server. Tells the page's address once it is served; runs until it is told to stop."""
    log_to_stderr("warning", as_json=False)
    settings = ServerSettings(**{"http_port": 0, "epoch_days": 0, **UNBOUNDED, **arguments})
    asyncio.run(serve(settings, lambda url: _tell(pipe, url)))


def _tell(pipe: int, url: str) -> None:
    os.write(pipe, f"{url}\n".encode())
