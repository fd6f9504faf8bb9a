"""Takes what can be read of a damaged outbox over into a new one, and names what cannot.

First as a database, around what cannot be read; then page by page. What should be there and is not becomes a loss to be
declared; what the server had settled is not lost, only gone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headway_edge.store import boot_table, fold_rows, pending_loss, wiping
from headway_edge.store.boot_mark import BOOTS_MAX, End
from headway_edge.store.damaged_file import DamagedFile, Row, carved_rows
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import KNOWN_FROM, SETTLED, WIPED, crc, number, put, put_number
from headway_edge.store.seq_ranges import missing, without

_BEYOND = 1000  # how far records are looked for beyond the last one seen of a boot whose end nobody knows


@dataclass
class Salvaged:
    """Counts. lost: records that are to be declared. state_lost: pieces of state that could not be read."""

    records: int = 0
    lost: int = 0
    state_lost: int = 0


def salvage(source: DamagedFile, read_pages: Callable[[], bytes], target: Connection, marked: list[End]) -> Salvaged:
    """Copy records, boots and state into `target`, within the caller's transaction.

    read_pages: returns the damaged file's bytes. target: empty, of today's schema. marked: what the mark knows, newest first.
    Raises sqlite3.Error where `target` cannot be written, OSError where the bytes cannot be read.
    """
    found = Salvaged()
    for key, value in source.state():
        if value is None:
            found.state_lost += 1
        else:
            put(target, key, value)
    marked = wiping.since_wiped(target, marked)
    wiped = number(target, WIPED)
    failures = source.failures
    ends = {end.boot: end for end in source.ends()}
    if source.failures > failures and len(marked) == BOOTS_MAX:
        put_number(target, KNOWN_FROM, marked[-1].boot)
    for end in marked:
        other = ends.get(end.boot, end)
        ends[end.boot] = End(end.boot, max(end.last_seq, other.last_seq), max(end.settled, other.settled))
    for boot in {boot for boot in {*ends, *source.boots_of_records()} if boot >= wiped}:
        last_seq = ends[boot].last_seq if boot in ends else source.highest(boot) + _BEYOND
        _copy(target, source.records(boot, last_seq))
    if source.failures or _missing(target, ends):
        # Pages in gaps may have what was erased, until they are scrubbed.
        _copy(target, (row for row in _unsettled(carved_rows(read_pages()), ends) if row.boot >= wiped))
    _remove_folded(target)
    for boot in _boots(target):
        ends.setdefault(boot, _end_of(target, boot))
    for boot, end in ends.items():
        most = boot_table.furthest(target, boot, marked)
        if most is not None and end.last_seq > most:
            ends[boot] = End(boot, most, min(end.settled, most))
    for end in ends.values():
        if end.last_seq:
            boot_table.raise_end(target, end.boot, end.last_seq)
            boot_table.settle(target, end.boot, end.settled)
    for boot, first, last in _missing(target, ends):
        boot_table.lose(target, boot, first, last, pending_loss.DAMAGED)
        found.lost += last - first + 1
    found.records = int(target.execute("SELECT count(*) FROM record").fetchone()[0])
    return found


def _copy(target: Connection, rows: Iterable[Row]) -> None:
    # What was found first counts: a damaged tree may lead to a page twice, and a free page have an older state of a row.
    for row in rows:
        target.execute(
            "INSERT OR IGNORE INTO record (boot, seq, kind, payload, done, code, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, crc(row.payload)),
        )


def _unsettled(rows: Iterable[Row], ends: dict[int, End]) -> Iterable[Row]:
    # Free pages also have what was deleted: settled long ago, or after the end of what anybody was told of.
    for row in rows:
        end = ends.get(row.boot)
        if end is None or end.settled < row.seq <= end.last_seq:
            yield row


def _remove_folded(target: Connection) -> None:
    # Free pages also have what a fold took the place of.
    named = [run for _, _, runs in fold_rows.kept_folds(target) for run in runs]
    if named:
        target.executemany("DELETE FROM record WHERE boot = ? AND seq BETWEEN ? AND ?", [*named])


def _boots(target: Connection) -> list[int]:
    return [row[0] for row in target.execute("SELECT DISTINCT boot FROM record").fetchall()]


def _end_of(target: Connection, boot: int) -> End:
    # Of a boot that nobody knows: acknowledgements are cumulative, so below a settled record nothing waits.
    last_seq, settled = target.execute(
        "SELECT max(seq), coalesce(max(CASE WHEN done = ? AND code = 0 THEN seq END), 0) FROM record WHERE boot = ?",
        (SETTLED, boot),
    ).fetchone()
    return End(boot, last_seq, settled)


def _missing(target: Connection, ends: dict[int, End]) -> list[tuple[int, int, int]]:
    # Ranges that should be there, as (boot, first, last).
    found = []
    folds = fold_rows.kept_folds(target)
    for end in sorted(ends.values()):
        named = fold_rows.named_runs(folds, end.boot)
        rows = target.execute(
            "SELECT seq FROM record WHERE boot = ? AND seq > ? ORDER BY seq", (end.boot, end.settled)
        ).fetchall()
        for run in missing((row[0] for row in rows), end.settled + 1, end.last_seq):
            found += [(end.boot, *rest) for rest in without(run, named)]
    return found
