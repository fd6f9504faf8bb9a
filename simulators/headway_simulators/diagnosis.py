"""Looks for what commonly goes wrong on a machine that runs an agent, a server or the simulators."""

import importlib.metadata
import os
import shutil
import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from headway_edge import VERSION
from headway_edge.store.retention import BUDGET_BYTES
from headway_simulators import nrel
from headway_simulators.finding import Finding
from headway_simulators.store_diagnosis import look_into, stores_in

_CONNECT_TIMEOUT_S = 2.0
_DISK_FREE_MIN = 100 * 2**20
_WAL_RESET_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


def diagnose(
    broker_host: str, broker_port: int, server: str, store: Path, budget_bytes: int = BUDGET_BYTES
) -> list[Finding]:
    """Look at Python, packages, SQLite, the store and its folder, the broker, the server, and the recorded trips.

    store: an agent's, or a folder of them. budget_bytes: what a store may take.
    """
    return [
        _python(),
        *_packages(),
        _sqlite(),
        _folder(store),
        *(finding for path in stores_in(store) for finding in look_into(path, budget_bytes)),
        _broker(broker_host, broker_port),
        _server(server),
        _recordings(),
        *_for_tests(),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok", f"Headway {VERSION} on Python {version}")


def _packages() -> Iterator[Finding]:
    for extra, names in (
        ("edge", ["paho-mqtt"]),
        ("server", ["fastapi", "sqlalchemy", "alembic", "aiosqlite", "matplotlib"]),
        ("simulators", ["amqtt", "httpx"]),
    ):
        missing = [name for name in names if not _installed(name)]
        if missing:
            yield Finding(
                "note",
                f"{extra}: {', '.join(missing)} not installed",
                f"Only if this machine needs it: pip install 'headway[{extra}]'",
            )
        else:
            yield Finding("ok", f"{extra}: all packages installed")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def wal_reset_race(version: tuple[int, ...]) -> bool:
    """Whether this SQLite can lose a commit when two connections checkpoint at once (3.7.0 up to the fixes of 2026)."""
    fixed = version >= _WAL_RESET_FIXED[0] or any(version[:2] == fix[:2] and version >= fix for fix in _WAL_RESET_FIXED)
    return version >= (3, 7, 0) and not fixed


def _sqlite() -> Finding:
    if wal_reset_race(sqlite3.sqlite_version_info):
        return Finding(
            "note",
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset race (fixed in 3.51.3, 3.50.7, 3.44.6)",
            "Headway is safe from it, it writes through one connection; let no other program write to its files.",
        )
    return Finding("ok", f"SQLite {sqlite3.sqlite_version}")


def _folder(store: Path) -> Finding:
    folder = store.parent if store.is_file() else store
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding("bad", f"store: {folder} is not a folder this user may write to", "Choose another with --store.")
    free = shutil.disk_usage(folder).free
    if free < _DISK_FREE_MIN:
        return Finding(
            "bad", f"store: {folder} has {free >> 20} MiB free", "Free some space: records need a place to wait."
        )
    return Finding("ok", f"store: {folder.resolve()} can be written, {free >> 30} GiB free")


def _broker(host: str, port: int) -> Finding:
    try:
        with socket.create_connection((host, port), _CONNECT_TIMEOUT_S):
            return Finding("ok", f"broker: something listens on {host}:{port}")
    except OSError as error:
        return Finding(
            "note",
            f"broker: nothing at {host}:{port} ({error.strerror or error})",
            "Start one (mosquitto, or `headway serve --embedded-broker`), or name yours with --broker.",
        )


def _server(url: str) -> Finding:
    if not url.startswith(("http://", "https://")):
        return Finding("bad", f"server: {url} is no web address", "Name it like http://127.0.0.1:8000.")
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/healthz", timeout=_CONNECT_TIMEOUT_S) as answer:  # noqa: S310
            return Finding("ok", f"server: {url} is healthy ({answer.status})")
    except urllib.error.HTTPError as error:
        return Finding(
            "bad", f"server: {url}/healthz answers {error.code}", "Its body and the server's log say what is wrong."
        )
    except OSError as error:
        reason = getattr(error, "reason", error)
        return Finding(
            "note", f"server: nothing at {url} ({reason})", "Start it with `headway serve`, or name it with --server."
        )


def _recordings() -> Finding:
    folder = nrel.default_cache()
    if (folder / "complete").exists():
        return Finding("ok", f"recorded trips: in {folder}")
    return Finding("note", "recorded trips: not fetched yet", "`headway demo` fetches them (12 MB) on first use.")


def _for_tests() -> Iterator[Finding]:
    for command, use in (
        ("mosquitto", "a real broker"),
        ("micropython", "the core on a microcontroller's Python"),
        ("micropython32", "the same with 31-bit integers"),
        ("chromium", "the page in a browser"),
        ("linux.uml", "a kernel that may lose packets and power"),
    ):
        if shutil.which(command):
            yield Finding("ok", f"for `make test-all`: {command}")
        else:
            yield Finding("note", f"for `make test-all`: no {command} ({use})", "`.ci/run` installs it on Debian.")
