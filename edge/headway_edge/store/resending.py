"""What the server asks for again: what is kept of it is unsettled once more, what is not is to be declared lost."""

from headway_edge.store import boot_table, fold_rows, pending_loss
from headway_edge.store.boot_mark import End
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import ASIDE, TO_SEND, is_whole
from headway_edge.store.seq_ranges import BootRun, Run, missing, without
from headway_protocol import record
from headway_protocol.codes import UNDELIVERABLE
from headway_protocol.errors import DecodeError
from headway_protocol.fields import UINT32_MAX

Asked = tuple[int, int, int]  # boot, first_seq, last_seq


def resend(db: Connection, own: End, asked: list[Asked]) -> tuple[int, list[Asked]]:
    """Return (records that are to be sent again, ranges of records that were made and are not kept any more).

    own: the present boot and its end. asked: any ranges, of any boots; one that ends at 2**32-1 asks for whatever there is. A
    record that was refused is sent again like others and stays marked as refused. Of a boot whose end nobody remembers (the
    store was wiped since) the server knows best what was made, unless it asks without an end. Ranges that a loss names which
    is still on its way to the server are left out. Of what was folded the fold is sent again. Works within the caller's
    transaction.
    """
    count, gone = 0, []
    folds = fold_rows.kept_folds(db)
    for boot, first, asked_last in asked:
        end = own.last_seq if boot == own.boot else 0 if boot > own.boot else boot_table.end_of(db, boot)
        if end is None and asked_last == UINT32_MAX:
            end = db.execute("SELECT coalesce(max(seq), 0) FROM record WHERE boot = ?", (boot,)).fetchone()[0]
        last = asked_last if end is None else min(asked_last, end)
        if first > last:
            continue
        where = "WHERE boot = ? AND seq BETWEEN ? AND ?"
        count += db.execute(
            f"UPDATE record SET done = ?, code = CASE code WHEN ? THEN 0 ELSE code END {where} AND done <> ?",  # noqa: S608
            (TO_SEND, UNDELIVERABLE, boot, first, last, TO_SEND),
        ).rowcount
        kept = db.execute(f"SELECT seq FROM record {where} ORDER BY seq", (boot, first, last)).fetchall()  # noqa: S608
        told = sorted(_told(db, boot) + fold_rows.named_runs(folds, boot))
        for run in missing((row[0] for row in kept), first, last):
            gone += [(boot, *rest) for rest in without(run, told)]
            count += _unsettle_folds(db, folds, (boot, *run))
    return count, gone


def _unsettle_folds(db: Connection, folds: list[tuple[int, int, list[BootRun]]], run: BootRun) -> int:
    boot, first, last = run
    naming = [
        (TO_SEND, UNDELIVERABLE, *place, TO_SEND)
        for *place, named in folds
        if any(of == boot and low <= last and high >= first for of, low, high in named)
    ]
    sql = "UPDATE record SET done = ?, code = CASE code WHEN ? THEN 0 ELSE code END WHERE boot = ? AND seq = ? AND done <> ?"
    return max(0, db.executemany(sql, [*naming]).rowcount) if naming else 0


def _told(db: Connection, boot: int) -> list[Run]:
    # What of a boot is named by a loss that is noted, or declared by a record that is not settled.
    told = []
    prefix = pending_loss.PREFIX
    for row in db.execute("SELECT key, value, crc FROM state WHERE key >= ? AND key < ?", (prefix, prefix + "~")):
        loss = pending_loss.read(*row)
        if loss is not None and loss.boot == boot:
            told.append((loss.first_seq, loss.last_seq))
    rows = db.execute(
        "SELECT payload, crc FROM record WHERE done IN (?, ?) AND kind = ?", (TO_SEND, ASIDE, record.LOSS)
    )
    for payload, its_crc in rows:
        if not is_whole(payload, its_crc):
            continue  # it will be found damaged when it is to be sent
        try:
            its_boot, first, last, _ = record.parse_loss(record.decode(payload).body)
        except DecodeError:
            continue
        if its_boot == boot:
            told.append((first, last))
    return sorted(told)
