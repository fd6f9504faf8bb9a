"""The check at the end of a run: whether the books balance, and whether everything the server adds up is of its records.

What a device made is stored, or kept by the device, or declared lost for a reason that there was. The totals are worked out
twice: by `headway_server.recounting.verification` from what is stored, and here from what the devices made, by neither's code.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headway_edge.core.episode import DISTANCE
from headway_edge.store.pending_loss import STORE_FULL
from headway_edge.store.retention import BUDGET_BYTES
from headway_protocol import fold, record
from headway_protocol.record_names import KIND_NAMES
from headway_server.recounting.verification import verify
from headway_simulators.chaos.books import (
    INVENTED,
    LOST_AND_KEPT,
    LOST_SILENTLY,
    LOST_WITHOUT_REASON,
    NOT_REFILLED,
    OTHER_TOTALS,
    OWN_TOTALS,
    REFUSED,
    TWO_CONTENTS,
    Books,
    Place,
    decoded,
    payloads_of,
)
from headway_simulators.chaos.orders_check import check_orders
from headway_simulators.chaos.people import processes
from headway_simulators.chaos.sim_device import SimDevice
from headway_simulators.chaos.sim_server import SimServer
from headway_simulators.chaos.witness import Witness

_DIFFERENCES_MAX = 5


@dataclass
class Checked:
    """What was counted. folded: records that a fold stands for. lost: records by the reason that the device gave.

    erased: records of before a wipe of their device.
    made: records by their kind. repeated: those that came to the server, and the present database, again.
    """

    produced: int = 0
    stored: int = 0
    kept: int = 0
    folded: int = 0
    erased: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    repeated: int = 0


@dataclass
class _Stored:
    records: dict[Place, bytes] = field(default_factory=dict)
    losses: list[tuple[int, int, int, str]] = field(default_factory=list)  # boot, first seq, last seq, reason
    refused: dict[Place, str] = field(default_factory=dict)
    other_contents: list[Place] = field(default_factory=list)


async def check(books: Books, devices: Sequence[SimDevice], server: SimServer) -> Checked:
    """Note every violation in `books`; return what was counted."""
    counted = Checked()
    if not server.is_up:
        await server.start()
    witness = server.witness
    stored = _read(witness.reader)
    for device in devices:
        its = stored[device.name]
        _balance(books, device, witness, its, counted)
        _totals(books, device, its, witness.reader)
        _own_totals(books, device)
    counted.repeated = witness.reader.execute("SELECT coalesce(sum(duplicates), 0) FROM devices").fetchone()[0]
    check_orders(books, devices, server)
    database, packs = server.parts
    found: defaultdict[str, list[str]] = defaultdict(list)
    async for difference in verify(database, packs):
        name = difference.device.partition("/")[2]
        found[name].append(f"{difference.what} {difference.key}: {difference.stored}, not {difference.computed}")
    for name, texts in found.items():
        books.violated(OTHER_TOTALS, name, "; ".join(texts[:_DIFFERENCES_MAX]))
    return counted


def check_effects(books: Books, devices: Sequence[SimDevice], witness: Witness) -> None:
    """Note in `books` what is wrong with the server's records and totals; unlike `check`, at any time while it is up."""
    stored = _read(witness.reader)
    for device in devices:
        its = stored[device.name]
        _were_made(books, device, its.records)
        _totals(books, device, its, witness.reader)


def _read(reader: sqlite3.Connection) -> defaultdict[str, _Stored]:
    found: defaultdict[str, _Stored] = defaultdict(_Stored)

    def of(device: str) -> _Stored:
        return found[device.partition("/")[2]]

    for device, boot, seq, payload in reader.execute("SELECT device, boot, seq, payload FROM records"):
        of(device).records[boot, seq] = payload
    for device, *loss in reader.execute("SELECT device, boot, first_seq, last_seq, reason FROM losses"):
        of(device).losses.append((loss[0], loss[1], loss[2], loss[3]))
    for device, boot, seq, reason in reader.execute("SELECT device, boot, seq, reason FROM rejections"):
        of(device).refused[boot, seq] = reason
    for device, boot, seq in reader.execute("SELECT device, boot, seq FROM quarantine"):
        of(device).other_contents.append((boot, seq))
    return found


def _balance(books: Books, device: SimDevice, witness: Witness, stored: _Stored, counted: Checked) -> None:
    of = device.books
    kept = {} if device.agent is None else payloads_of(device.agent.outbox)
    _were_made(books, device, {**stored.records, **kept})
    for place in stored.other_contents:
        books.violated(TWO_CONTENTS, device.name, f"{_at(place)}, by the server's quarantine")
    for place, reason in stored.refused.items():
        books.violated(REFUSED, device.name, f"{_at(place)}: {reason}")
    counted.produced += len(of.produced)
    counted.made.update(KIND_NAMES[decoded(payload).kind] for payload in of.produced.values())
    counted.stored += len((stored.records.keys() & of.produced.keys()) - of.erased)
    counted.kept += len(kept.keys() - stored.records.keys() - of.erased)
    folds = [
        run
        for payload in {**stored.records, **kept}.values()
        if (found := decoded(payload)).kind == record.DAY
        for run in fold.parse_day(found.body)[-1]
    ]
    missing = of.produced.keys() - of.erased - stored.records.keys() - kept.keys()
    counted.erased += len(of.erased)
    named = {place for place in missing if fold.named(folds, *place)}
    counted.folded += len(named)
    _missing(books, device, witness, stored, counted, sorted(missing - named))


def _were_made(books: Books, device: SimDevice, found: Mapping[Place, bytes]) -> None:
    of = device.books
    for place, payload in found.items():
        if not of.may_be(place, payload):
            kind = TWO_CONTENTS if place in of.produced else INVENTED
            books.violated(kind, device.name, _at(place))
        of.produced.setdefault(place, payload)  # made as the power went


def _missing(
    books: Books, device: SimDevice, witness: Witness, stored: _Stored, counted: Checked, missing: list[Place]
) -> None:
    """Account for what neither the server has nor the device is going to send."""
    of, still_there = device.books, _all_kept(device)
    lowest_boot = min((boot for boot, _ in stored.records), default=0)
    has_small_store = device.person.store_bytes < BUDGET_BYTES
    for place in missing:
        reason = _declared(place, stored.losses)
        if reason is not None:
            counted.lost[reason] += 1
            dropped = reason == STORE_FULL and has_small_store
            if place in still_there:
                books.violated(LOST_AND_KEPT, device.name, f"{_at(place)}: {reason}")
            elif not (of.losable or dropped or witness.was_taken_back(device.name, place)):
                books.violated(LOST_WITHOUT_REASON, device.name, f"{_at(place)}: {reason}")
        elif place in of.gone:
            counted.lost["with the store, unknown to anybody"] += 1
        elif place not in still_there:
            books.violated(LOST_SILENTLY, device.name, _at(place))
        elif place[0] < lowest_boot:  # restored from a copy that is older than the device: nobody can know of it
            counted.kept += 1
        else:
            books.violated(NOT_REFILLED, device.name, _at(place))


def _all_kept(device: SimDevice) -> set[Place]:
    if device.agent is None:
        return set()
    outbox = device.agent.outbox
    return {record.identity(payload) for kind in KIND_NAMES for payload in outbox.payloads(kind)}


def _declared(place: Place, losses: Iterable[tuple[int, int, int, str]]) -> str | None:
    boot, seq = place
    return next((reason for of, first, last, reason in losses if of == boot and first <= seq <= last), None)


def _at(place: Place) -> str:
    return f"boot {place[0]} seq {place[1]}"


def _totals(books: Books, device: SimDevice, stored: _Stored, reader: sqlite3.Connection) -> None:
    """Compare the server's days and months, added up, with what the device made and the server has."""
    made = {place: payload for place, payload in device.books.produced.items() if place in stored.records}
    counted = _that_count(made)
    where = f"%/{device.name}"
    row = reader.execute("SELECT sum(trips), sum(distance_m) FROM devices WHERE device LIKE ?", (where,)).fetchone()
    expected = sum(item.trips for item in counted), sum(item.distance_m for item in counted)
    if (row[0] or 0, row[1] or 0) != expected:
        books.violated(OTHER_TOTALS, device.name, f"{row[0]} trips of {row[1]} m, not {expected[0]} of {expected[1]} m")
    rows = reader.execute(
        "SELECT pack_id, totals FROM day_totals WHERE device LIKE ?1 "
        "UNION ALL SELECT pack_id, totals FROM month_totals WHERE device LIKE ?1",
        (where,),
    )
    found = _merged((pack_id, _numbers(text)) for pack_id, text in rows)
    wanted = _merged((item.pack_id, item.totals) for item in counted)
    if found != wanted:
        books.violated(OTHER_TOTALS, device.name, f"{found}, not {wanted}")


@dataclass(frozen=True)
class _Counted:
    pack_id: bytes
    trips: int
    distance_m: int
    totals: list[int]


def _that_count(made: Mapping[Place, bytes]) -> list[_Counted]:
    """Return what counts of records: of trips that revise one another the last; folds in place of all that they name."""
    known = processes()
    first: dict[Place, Place] = {}
    latest: dict[Place, _Counted] = {}
    folded: list[tuple[int, int, int]] = []
    for place in sorted(made):
        found = decoded(made[place])
        if found.kind == record.EPISODE:
            pack_id, _, counts, _, _, revises = record.parse_episode(found.body)
            numbers = known[pack_id].numbers(counts)
            first[place] = first.get(revises, revises) if revises is not None else place
            latest[first[place]] = _Counted(pack_id, 1, numbers[DISTANCE], known[pack_id].totals(numbers))
        elif found.kind == record.DAY:
            pack_id, _, _, _, trips, distance_m, packed, ranges = fold.parse_day(found.body)
            totals = fold.unpack_totals(packed, len(known[pack_id].pack.period))
            first[place] = place
            latest[place] = _Counted(pack_id, trips, distance_m, totals)
            folded += ranges
    for place, its_first in first.items():
        if fold.named(folded, *place):
            latest.pop(its_first, None)
    return [item for place, item in latest.items() if not fold.named(folded, *place)]


def _merged(parts: Iterable[tuple[bytes, list[int]]]) -> dict[bytes, list[int]]:
    """Return the totals of each pack, by its id."""
    found: dict[bytes, list[int]] = {}
    for pack_id, part in parts:
        found[pack_id] = processes()[pack_id].merge(found.get(pack_id), part)
    return found


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.strip("[] ").split(",")]


def _own_totals(books: Books, device: SimDevice) -> None:
    """Compare the device's own history with its records: both go to disk in one transaction, or neither does."""
    if device.agent is None or device.books.losable:
        return
    made = {place: payload for place, payload in device.books.produced.items() if place not in device.books.erased}
    wanted = _merged((item.pack_id, item.totals) for item in _that_count(_dated_trips(made)))
    found = _merged((pack_id, totals) for pack_id in processes() for totals in device.months(pack_id))
    if found != wanted:
        books.violated(OWN_TOTALS, device.name, f"{found}, not {wanted}")


def _dated_trips(made: Mapping[Place, bytes]) -> dict[Place, bytes]:
    # A trip is dated by its own record, or by any other of its boot, made before it or after it.
    found = {place: decoded(payload) for place, payload in made.items()}
    dated = {boot for (boot, _), its in found.items() if its.wall_ms is not None}
    return {place: made[place] for place, its in found.items() if its.kind == record.EPISODE and place[0] in dated}
