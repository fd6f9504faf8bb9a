"""Looks into an agent's store without touching it: whether it is sound, what waits in it, what was lost or refused.

It looks at a copy, so the agent may be running; it then tells how things stood a moment ago.
"""

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from headway_edge.orders import offer_book, pack_trial
from headway_edge.store import outbox_schema, pending_loss, quarantine, retention
from headway_edge.store.boot_mark import BootMark
from headway_edge.store.medium import SystemMedium
from headway_protocol import code_texts
from headway_simulators.finding import Finding

_TRIES = 3  # a copy of a file that is being written may be of two moments
_LISTED_MAX = 5


def stores_in(path: Path) -> list[Path]:
    """Return the stores that a path means: itself if it is a file, else those in that folder."""
    if path.is_file():
        return [path]
    return sorted(mark.with_suffix("") for mark in path.glob("*.mark") if mark.with_suffix("").exists())


def look_into(path: Path, budget_bytes: int) -> Iterator[Finding]:
    """Yield what there is to say about one store. budget_bytes: what it may take."""
    holder = _holder(path)
    if holder:
        yield Finding("ok", f"store: {path} is in use by process {holder}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield from _look_into_copy(path, Path(folder) / path.name, holder, budget_bytes)
        except (sqlite3.Error, OSError) as error:
            yield Finding("bad", f"store: {path} cannot be looked into: {error}", _agent_repairs(holder))
    yield from _quarantine(path)


def _look_into_copy(path: Path, copy: Path, holder: str, budget_bytes: int) -> Iterator[Finding]:
    trouble = ""
    for _ in range(_TRIES):
        _copy(path, copy)
        trouble = _trouble(copy)
        if not trouble or not holder:
            break
    if trouble:
        yield Finding("bad", f"store: {path} is damaged: {trouble}", _agent_repairs(holder))
        return
    with closing(sqlite3.connect(copy)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != outbox_schema.SCHEMA_VERSION:
            known = outbox_schema.SCHEMA_VERSION
            yield (
                Finding("note", f"store: {path} is of version {version}; the agent's next start brings it to {known}")
                if 0 < version < known
                else Finding(
                    "bad", f"store: {path} is no outbox of this version ({version}, not {known})", "Install it again."
                )
            )
            return
        yield from _records(db, path, budget_bytes)
        yield from _losses(db)
        yield from _offers(db)
        yield from _ends(db, path)


def _copy(path: Path, copy: Path) -> None:
    for part in ("", "-wal"):
        source, target = quarantine.beside(path, part), quarantine.beside(copy, part)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copyfile(source, target)


def _trouble(copy: Path) -> str:
    try:
        with closing(sqlite3.connect(copy)) as db:
            outbox_schema.check(db)
    except sqlite3.Error as error:
        return " ".join(str(error).split())
    return ""


def _records(db: sqlite3.Connection, path: Path, budget_bytes: int) -> Iterator[Finding]:
    kept, waiting, damaged = 0, 0, 0
    noted: Counter[str] = Counter()
    for done, code, payload, crc in db.execute("SELECT done, code, payload, crc FROM record"):
        kept += 1
        waiting += done != outbox_schema.SETTLED
        damaged += not outbox_schema.is_whole(payload, crc)
        if code:
            noted[code_texts.explain(code)[0]] += 1
    used = retention.used_bytes(db)
    yield Finding(
        "ok",
        f"store: {path} is sound: {kept} records, {waiting} of them for the server, "
        f"{used / 2**20:.1f} of {budget_bytes / 2**20:.0f} MiB",
    )
    if damaged:
        yield Finding(
            "bad", f"store: the bytes of {damaged} records have changed", "Check the disk; they are declared lost."
        )
    if noted:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(noted.items()))
        yield Finding(
            "note",
            f"store: refused or undeliverable: {reasons}",
            "docs/protocol.md says what each reason means and what to do.",
        )


def _losses(db: sqlite3.Connection) -> Iterator[Finding]:
    rows = db.execute("SELECT key, value, crc FROM state WHERE key LIKE ? ORDER BY key", (pending_loss.PREFIX + "%",))
    losses = [loss for row in rows if (loss := pending_loss.read(*row)) is not None]
    if losses:
        told = "; ".join(
            f"boot {loss.boot}, {loss.first_seq} to {loss.last_seq}: {loss.reason}" for loss in losses[:_LISTED_MAX]
        )
        more = f"; {len(losses) - _LISTED_MAX} more" if len(losses) > _LISTED_MAX else ""
        yield Finding(
            "note", f"store: lost, and not yet declared: {told}{more}", "The agent tells its server when it runs."
        )


def _offers(db: sqlite3.Connection) -> Iterator[Finding]:
    state = {
        key: value.decode(errors="replace")
        for key, value, crc in db.execute("SELECT key, value, crc FROM state")
        if key in offer_book.STATE_KEYS and outbox_schema.is_whole(value, crc)
    }
    cause, _, next_step = state.get(offer_book.REFUSED, "").partition("\n")
    if cause:
        yield Finding("bad", f"store: the pack that was offered last was not taken: {cause}", f"{next_step}.")
    if pack_trial.GIVEN_BACK in state:
        yield Finding(
            "bad",
            f"store: the pack of offer {state[pack_trial.GIVEN_BACK]} was given back: "
            f"{pack_trial.STARTS_MAX} starts with it came to nothing",
            "Offer a mended pack.",
        )
    if pack_trial.TRIAL in state:
        yield Finding(
            "note",
            "store: the pack that runs is on trial",
            "None: a trip, or an answer of the server, confirms it; after some starts without either, the one before runs again.",
        )


def _ends(db: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    mark = BootMark(quarantine.beside(path, ".mark"), SystemMedium())
    if not mark.found:
        yield Finding(
            "note", "store: the mark beside it cannot be read", "None: the agent's next start makes a new one."
        )
        return
    ends = dict(db.execute("SELECT boot, last_seq FROM boot").fetchall())
    missing = sum(max(0, end.last_seq - ends.get(end.boot, 0)) for end in mark.ends)
    if missing:
        yield Finding(
            "bad",
            f"store: {missing} records that were committed are missing from it",
            "The agent's next start declares them lost. Check the disk.",
        )
    else:
        yield Finding("ok", f"store: complete up to record {mark.ends[0].last_seq} of boot {mark.ends[0].boot}")


def _quarantine(path: Path) -> Iterator[Finding]:
    numbers = quarantine.kept(path, SystemMedium())
    if numbers:
        names = ", ".join(f"{path.name}-{number}" for number in numbers)
        yield Finding(
            "note",
            f"store: damaged files lie in {quarantine.folder(path)}: {names}",
            "What could be read of them was taken over. Check the disk; then they may be removed.",
        )


def _holder(path: Path) -> str:
    # The process that has the store, empty if none has.
    try:
        file = os.open(quarantine.beside(path, ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(file)
    return ""


def _agent_repairs(holder: str) -> str:
    again = "Stop the agent and start it again" if holder else "Start the agent"
    return f"{again}: it puts the file aside and goes on with what can be read of it."
