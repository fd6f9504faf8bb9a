"""Runs of many seeds: a database to begin with, one process a run, and what they came to together."""

import asyncio
import gc
import logging
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import structlog

from headway_server.packs.compile import compile_file
from headway_server.packs.processes import Processes, known_pack
from headway_server.store.database import Database
from headway_simulators.chaos import people
from headway_simulators.chaos.programs_once import programs_once
from headway_simulators.chaos.script import Script
from headway_simulators.chaos.threadless_sqlite import threadless_sqlite
from headway_simulators.chaos.timeline import START_MS
from headway_simulators.chaos.world import Outcome, Progress, quick_folder, simulate


def run(script: Script, *, keep_log: bool = False, progress: Progress = lambda _day: None) -> Outcome:
    """Run one script in this process."""
    with surroundings() as template:
        began_s = time.process_time()
        outcome = asyncio.run(simulate(script, template, keep_log=keep_log, progress=progress))
        return replace(outcome, cpu_s=time.process_time() - began_s)


@contextmanager
def surroundings() -> Iterator[Path]:
    """What a world needs around it from its making to its end; gives the database that it begins with."""
    with _quiet(), _seldom_collected(), threadless_sqlite(), programs_once(), _template() as template:
        yield template


def run_all(scripts: Iterable[Script], jobs: int) -> Iterator[Outcome]:
    """Run scripts in `jobs` processes; give the outcomes in their order."""
    if jobs <= 1:
        yield from (run(script) for script in scripts)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(run, scripts)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    # A world is many small objects that live long, and few circles: to look for these as often as usual takes an eighth
    # of the time.
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@cache
def _empty_database() -> bytes:
    async def make(path: Path) -> None:
        database = await Database.open(f"sqlite+aiosqlite:///{path}", lambda: START_MS)
        processes = await Processes.open(database, START_MS)
        for source in sorted(Path(people.__file__).parent.glob("*.toml")):
            await processes.add(database, known_pack(compile_file(source), source.read_text("utf-8")), START_MS)
        await database.close()

    with tempfile.TemporaryDirectory(prefix="headway-chaos-", dir=quick_folder()) as folder:
        path = Path(folder) / "empty.db"
        asyncio.run(make(path))
        return path.read_bytes()


@contextmanager
def _template() -> Iterator[Path]:
    # To copy a database is quicker than to migrate one for each run.
    data = _empty_database()
    folder = Path(tempfile.mkdtemp(prefix="headway-chaos-", dir=quick_folder()))
    try:
        path = folder / "empty.db"
        path.write_bytes(data)
        yield path
    finally:
        shutil.rmtree(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    # What the agents and the server say of thousands of faults is what they should say.
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
