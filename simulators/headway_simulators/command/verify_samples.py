"""`headway verify --samples`: whether a server's records are what the devices' own samples give."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from headway_server.audit.device_audit import audit
from headway_server.audit.differences import START, Difference
from headway_server.audit.findings import Audit, Finding, Verdict
from headway_server.errors import ServerError
from headway_server.packs.processes import Processes
from headway_server.settings import ServerSettings
from headway_server.store.database import Database
from headway_simulators.command.terminal import rate_text
from headway_simulators.errors import SimulatorError
from headway_simulators.recompute import vehicles_of
from headway_simulators.recorded_device import device_samples

_SHOWN_MAX = 50
# What is said beside what agrees, in this order; what contradicts is in the table.
_ASIDE = {
    Verdict.UNDECIDED: "differing only in what may come from before or after the samples",
    Verdict.EDGE: "at an edge of the samples",
    Verdict.OUTSIDE: "outside of them",
    Verdict.UNDATED: "without a time and like none of theirs",
}


def verify_samples(
    settings: ServerSettings,
    named: Sequence[str],
    vehicle_class: str | None,
    clock_ms: int,
    is_local: bool,
    as_json: bool,
) -> bool:
    """Print what the samples say of each device; return whether all that was compared agrees, and something was.

    named: "group/name=path" each; the files of one device may be named one by one. Raises SimulatorError or ServerError.
    """
    recordings = files_of(named)
    try:
        audits = asyncio.run(_audits(settings, recordings, vehicle_class, clock_ms, is_local))
    except (DBAPIError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ServerError(f"the database stopped answering: {reason}", "run the command again") from error
    if as_json:
        for found in audits:
            print(json.dumps(_as_json(found)))  # noqa: T201
    else:
        _print(audits, is_local)
    return all(found.compared and not found.wrong for found in audits)


def files_of(named: Sequence[str]) -> dict[str, list[Path]]:
    """Return {device: its files}, in the order in which they are named. Raises SimulatorError for what is no DEVICE=PATH.

    >>> files_of(["band/anna=monday.csv", "band/anna=tuesday.csv"])
    {'band/anna': [PosixPath('monday.csv'), PosixPath('tuesday.csv')]}
    """
    found: dict[str, list[Path]] = {}
    for text in named:
        device, sign, path = text.partition("=")
        if not sign or not path or device.count("/") != 1:
            raise SimulatorError(
                f"{text!r} is no DEVICE=PATH. Name the device as group/name, as in depot-7/bus-0142=bus.csv."
            )
        for _, files in vehicles_of([Path(path)]):
            found.setdefault(device, []).extend(files)
    return found


async def _audits(
    settings: ServerSettings,
    recordings: dict[str, list[Path]],
    vehicle_class: str | None,
    clock_ms: int,
    is_local: bool,
) -> list[Audit]:
    database = await Database.open_to_read(settings.database_url)
    processes = Processes()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    terminal = Console(stderr=True)
    audits = []
    try:
        with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
            reading, computing = (bar.add_task(what, total=None) for what in ("reading files", "computing samples"))
            for device, files in recordings.items():

                def read(done: int, total: int, device: str = device) -> None:
                    bar.update(reading, description=f"reading files of {device}", completed=done, total=total)

                def compute(done: int, total: int, device: str = device) -> None:
                    bar.update(computing, description=f"computing samples of {device}", completed=done, total=total)

                samples = await asyncio.to_thread(device_samples, files, is_local, read)
                compute(0, len(samples))
                audits.append(await audit(database, processes, device, samples, vehicle_class, clock_ms, compute))
    finally:
        await database.close()
    return audits


def _print(audits: Sequence[Audit], is_local: bool) -> None:
    console = Console(markup=False)  # names of devices and counts may be anything

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    rows = [(found.device, *row) for found in audits for row in _rows(found.wrong)]
    if rows:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for heading in ("device", "begins", "what", "unit", "stored", "by the samples"):
            table.add_column(heading, overflow="fold")
        for row in rows[:_SHOWN_MAX]:
            table.add_row(*row)
        console.print(table)
        if len(rows) > _SHOWN_MAX:
            say(f"and {len(rows) - _SHOWN_MAX} more lines; --json has all of them.")
    for found in audits:
        for line in _lines(found, is_local):
            say(line)
    samples, spent_s = sum(found.samples for found in audits), sum(found.computed_s for found in audits)
    say(f"{samples:,} samples, computed in {spent_s:.2f} s: {rate_text(samples, spent_s)}.")


def _rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str, str, str]]:
    for finding in findings:
        noun = finding.process.pack.kind
        begins = _moment(finding.start_ms)
        lasts = f"a {noun} of {finding.elapsed_ms / 60_000:.1f} min"
        if finding.verdict is Verdict.NOT_GIVEN:
            yield begins, noun, "", f"{lasts}, {_record(finding)}", f"no such {noun}"
        elif finding.verdict is Verdict.NOT_STORED:
            yield begins, noun, "", f"no such {noun}", lasts
        else:
            for one in finding.differences:
                values = [_moment(int(text)) for text in (one.stored, one.computed)] if one.kind == START else None
                stored, computed = values or (one.stored, one.computed)
                yield begins, one.name, "" if one.kind == START else one.unit, stored, computed
                begins = ""


def _lines(found: Audit, is_local: bool) -> Iterator[str]:
    counts = found.counts()
    packs = sorted({f"{finding.process.name} version {finding.process.version}" for finding in found.findings})
    kinds = {finding.process.pack.kind for finding in found.findings}
    noun = f"{kinds.pop()}s" if len(kinds) == 1 else "trips"
    of = f" ({', '.join([*packs, *(f'class {name}' for name in found.classes)])})" if packs else ""
    yield (
        f"{found.device}{of}: {counts[Verdict.AGREES]} of {found.compared} stored {noun} agree with the samples from "
        f"{_moment(found.first_ms)} to {_moment(found.last_ms)}."
    )
    if found.is_foreign:
        local = "" if is_local else ", or its times are local ones (--local-times)"
        yield f"  Nothing in them is alike: this looks like another device's recording{local}."
    if found.is_counted_otherwise:
        yield "  They begin as the samples say, but not one is counted so: was the device of another class (--class)?"
    wrong = [
        f"{words} {counts[verdict]}"
        for verdict, words in (
            (Verdict.DIFFERS, "differing"),
            (Verdict.NOT_GIVEN, "stored but given by no samples"),
            (Verdict.NOT_STORED, "given by the samples but not stored"),
        )
        if counts[verdict]
    ]
    if wrong:
        yield f"  {noun.capitalize()}: {', '.join(wrong)}."
    aside = [f"{words} {counts[verdict]}" for verdict, words in _ASIDE.items() if counts[verdict]]
    if found.superseded:
        aside.append(f"superseded by a correction {found.superseded}")
    if aside:
        yield f"  Not compared: {', '.join(aside)}."
    corrections = sum(finding.is_correction for finding in found.findings)
    if corrections:
        yield f"  Corrections among them: {corrections}, of which what the person reported is not compared."
    if found.unread:
        yield f"  Records of packs that are not known here: {found.unread}; publish these to have them compared as well."
    apart_ms = _same_shift_ms(found.wrong)
    if apart_ms:
        hint = "" if is_local else "; if the recording's times are local ones, say --local-times"
        yield f"  Every start is {_shift(apart_ms)}: a clock was off, which --clock allows for{hint}."
    if not found.compared:
        yield "  Nothing was compared: the device has nothing stored that lies in the time of these samples."


def _same_shift_ms(findings: Iterable[Finding]) -> int:
    # By how much all starts that differ do so alike; 0 if they do not, or there are less than two.
    starts = [one for finding in findings for one in finding.differences if one.kind == START]
    shifts = {int(one.stored) - int(one.computed) for one in starts}
    return shifts.pop() if len(starts) > 1 and len(shifts) == 1 else 0


def _shift(apart_ms: int) -> str:
    return f"{abs(apart_ms) / 1000:g} s {'later' if apart_ms > 0 else 'earlier'} in the store than in the samples"


def _record(finding: Finding) -> str:
    return "" if finding.place is None else f"boot {finding.place[0]} seq {finding.place[1]}"


def _moment(time_ms: int | None) -> str:
    if time_ms is None:
        return "no time"
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).replace(tzinfo=None)
    return moment.isoformat(" ", "milliseconds" if time_ms % 1000 else "seconds")


def _as_json(found: Audit) -> dict[str, object]:
    counts = found.counts()
    return {
        "device": found.device,
        "classes": found.classes,
        "samples": found.samples,
        "first_ms": found.first_ms,
        "last_ms": found.last_ms,
        "compared": found.compared,
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
        "superseded": found.superseded,
        "unread": found.unread,
        "foreign": found.is_foreign,
        "trips": [_trip_as_json(finding) for finding in found.findings if finding.verdict is not Verdict.AGREES],
    }


def _trip_as_json(finding: Finding) -> dict[str, object]:
    boot, seq = finding.place or (None, None)
    return {
        "verdict": finding.verdict.value,
        "pack": {"name": finding.process.name, "version": finding.process.version, "id": finding.process.id.hex()},
        "boot": boot,
        "seq": seq,
        "start_ms": finding.start_ms,
        "elapsed_s": finding.elapsed_ms / 1000,
        "correction": finding.is_correction,
        "differences": [_difference_as_json(one) for one in finding.differences],
    }


def _difference_as_json(one: Difference) -> dict[str, object]:
    return {
        "kind": one.kind, "name": one.name, "unit": one.unit, "stored": one.stored, "by_the_samples": one.computed
    }  # fmt: skip
