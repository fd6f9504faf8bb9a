"""Everything in one process: broker (if embedded), database, ingest, page and API, and the epoch timer.

`serve` is what the command calls. It raises ServerError for what an operator can mend before it starts; once it runs, a
broker or a database that goes away is waited for, and /healthz says so.
"""

import asyncio
import contextlib
import random
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator

import structlog
import uvicorn

from headway_server.app import create_app
from headway_server.erasure import erasures
from headway_server.erasure.erasure_journal import ErasureJournal, journal_path
from headway_server.errors import ServerError
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.tombstones import Tombstones
from headway_server.mqtt.embedded_broker import EmbeddedBroker
from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.packs.processes import Processes
from headway_server.publishing.offers import Offers
from headway_server.running import Running
from headway_server.settings import ServerSettings
from headway_server.signing import open_signing
from headway_server.store.database import Database

log = structlog.get_logger(__name__)

_HTTP_GOODBYE_S = 5


def now_ms() -> int:
    """The wall clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def serve(
    settings: ServerSettings,
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the server until SIGTERM, SIGINT or `stop`; then commit what was received, answer it, and return.

    A second signal ends the process at once: what is not committed is not acknowledged, and comes again.

    on_ready: called once with the page's URL when it is served. It does not wait for a broker outside: that one may come
    later. Raises ServerError when a port is taken or the database cannot be used.
    """
    stop = stop or asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_stop_on_signal(stop))
        listener = stack.enter_context(_listen(settings.http_host, settings.http_port))
        database = await Database.open(settings.database_url, now_ms)
        stack.push_async_callback(database.close)
        if settings.embedded_broker:
            broker = await stack.enter_async_context(_embedded(settings))
            # It does not answer who speaks MQTT 5.
            settings = settings.model_copy(update={"broker_port": broker.port, "broker_protocol": "3.1.1"})
        signing = open_signing(settings)
        journal = await open_journal(settings, database, now_ms())
        tombstones = None if journal is None else Tombstones(journal, signing)
        ingest = Ingest(database, now_ms, await Processes.open(database, now_ms()), tombstones)
        understood = await ingest.read_parked()
        if understood:
            log.info("kept records understood now", records=understood)
        looked_at = await ingest.date_boots()
        if looked_at:
            log.info("trips of before dated by their boots", devices=looked_at)
        # Jitter keeps a fleet of servers from coming back in step; nothing about it has to be secret.
        offers = Offers(database, ingest.processes, signing, now_ms, settings.offer_days)
        mqtt = MqttIngest(settings, database, ingest, random.Random(), offers)  # noqa: S311
        running = Running(settings, database, ingest, mqtt, now_ms, signing, offers, journal)
        http = _Http(uvicorn.Config(create_app(running), log_config=None, access_log=False, lifespan="off", ws="none",
                                    timeout_graceful_shutdown=_HTTP_GOODBYE_S))  # fmt: skip
        host, port = listener.getsockname()[:2]
        shown = settings.http_host if settings.http_host not in {"0.0.0.0", "::", ""} else "127.0.0.1"  # noqa: S104
        url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
        tasks = [
            asyncio.create_task(mqtt.run(stop), name="ingest"),
            asyncio.create_task(http.serve([listener]), name="http"),
            asyncio.create_task(running.close_epochs_on_time(stop), name="epochs"),
            asyncio.create_task(_announce(http, url, on_ready), name="announcement"),
        ]
        log.info("server started", url=url, listening=f"{host}:{port}", broker_port=settings.broker_port)
        await _until(stop, tasks)
        http.should_exit = True
        log.info("server stopping")
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


async def open_journal(settings: ServerSettings, database: Database, now: int) -> ErasureJournal | None:
    """Return the journal of erasures, after what it says was erased again; None where the settings name none. now: Unix ms.

    Raises ServerError.
    """
    path = journal_path(settings.database_url, settings.erasure_journal)
    if path is None:
        return None
    journal = ErasureJournal(path)
    again = await erasures.replay(database, journal, now)
    if again:
        log.warning("the database knew less than the journal of erasures", erased_again=again)
    return journal


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for `stop`; a task that fails sets it, so that a server never runs on without one of its parts."""
    stopped = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[None]] = set(tasks)
    while not stop.is_set():
        done, _ = await asyncio.wait({stopped, *pending}, return_when=asyncio.FIRST_COMPLETED)
        for task in done & pending:
            pending.discard(task)
            if task.exception() is not None:
                log.error("a part of the server failed", part=task.get_name(), exc_info=task.exception())
                stop.set()
    stopped.cancel()


async def _announce(http: "_Http", url: str, on_ready: Callable[[str], None] | None) -> None:
    while not (http.started or http.should_exit):  # noqa: ASYNC110 - uvicorn has a flag, not an event
        await asyncio.sleep(0.01)
    if on_ready is not None and http.started:
        on_ready(url)


@contextlib.asynccontextmanager
async def _embedded(settings: ServerSettings) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(settings.broker_host, settings.broker_port)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Bind the page's socket before anything else starts: a port that is taken is the most frequent mistake."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as e:
            raise ServerError(
                f"the page cannot be served on {host}:{port}: {e.strerror or e}",
                "stop the program that uses the port, or set http_port (and http_host)",
            ) from e
        yield listener
    finally:
        listener.close()


@contextlib.contextmanager
def _stop_on_signal(stop: asyncio.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread; whoever runs us elsewhere has `stop`
        return
    loop = asyncio.get_running_loop()

    def stop_or_end(number: int) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_or_end, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class _Http(uvicorn.Server):
    """uvicorn without its signal handlers: they would raise the signal again after a shutdown that was in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
