"""What is sent, what is sent again when the server asks, what is put aside, and what is declared lost."""

from pathlib import Path

import pytest
from tests.edge.outbox_records import append, filled, keys, losses

from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.codes import MALFORMED

END = 2**32 - 1


@pytest.fixture
def outbox(tmp_path: Path):
    """Boot 1 with four records, boot 2 with none, boot 3 with six, now."""
    path = tmp_path / "outbox.db"
    filled(path, 4)
    Outbox(path).close()
    outbox = Outbox(path)
    for _ in range(6):
        append(outbox)
    yield outbox
    outbox.close()


def test_the_newest_come_newest_first(outbox: Outbox) -> None:
    outbox.acknowledge(3, 0, [], [(5, 5)])
    assert [(boot, seq) for boot, seq, _ in outbox.newest(4)] == [(3, 6), (3, 4), (3, 3), (3, 2)]
    payloads = {(boot, seq): data for boot, seq, data in outbox.to_send((0, 0), 99)}
    assert all(payloads[boot, seq] == data for boot, seq, data in outbox.newest(99))


def test_ends_are_of_the_boots_that_made_records_this_one_included(outbox: Outbox) -> None:
    assert outbox.ends(8) == [(3, 6), (1, 4)]
    assert outbox.ends(1) == [(3, 6)]
    assert outbox.last_seq == 6


def test_ranges_stored_above_a_gap_are_settled_too(outbox: Outbox) -> None:
    assert outbox.acknowledge(3, 1, [], [(3, 4), (6, 6)]) == 4
    assert [key for key in keys(outbox) if key[0] == 3] == [(3, 2), (3, 5)]
    assert outbox.backlog() == 6


def test_what_is_kept_is_sent_again_and_what_is_not_is_told(outbox: Outbox) -> None:
    outbox.acknowledge(1, 4, [])
    outbox.acknowledge(3, 5, [])
    with outbox:
        outbox._file.db.execute("DELETE FROM record WHERE (boot, seq) IN (VALUES (1, 1), (1, 2), (3, 3))")
    count, missing = outbox.resend([(1, 1, END), (2, 1, END), (3, 2, END), (4, 1, 7)])
    assert count == 2 + 3  # (3, 6) waits anyway
    assert missing == [(1, 1, 2), (3, 3, 3)]
    assert keys(outbox) == [(1, 3), (1, 4), (3, 2), (3, 4), (3, 5), (3, 6)]
    assert outbox.backlog() == 6
    assert outbox.resend([(3, 2, END)]) == (0, [(3, 3, 3)])


def test_what_a_waiting_loss_names_is_not_told_again(outbox: Outbox) -> None:
    outbox.skip(2)
    assert outbox.resend([(3, 7, 8)]) == (0, [])
    (loss,) = outbox.undeclared()
    body = record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason)
    outbox.append(record.LOSS, 0, None, record.UNSYNCED, body, {loss.key: None})
    assert outbox.resend([(3, 6, END)]) == (0, [])
    outbox.acknowledge(3, 9, [])
    assert outbox.resend([(3, 7, 8)]) == (0, [(3, 7, 8)])


def test_a_refused_record_that_is_asked_for_is_sent_again_and_stays_refused(outbox: Outbox) -> None:
    outbox.acknowledge(1, 4, [(2, MALFORMED)])
    assert outbox.resend([(1, 1, 4)]) == (4, [])
    assert outbox.refusals() == [(1, 2, "malformed")]
    assert (1, 2) in keys(outbox)
    assert outbox.acknowledge(1, 4, []) == 4
    assert outbox.refusals() == [(1, 2, "malformed")]
    assert outbox.refused == 1


def test_an_undeliverable_record_is_kept_counted_and_tried_again(outbox: Outbox) -> None:
    outbox.set_undeliverable(1, 2)
    outbox.set_undeliverable(1, 3)
    assert [key for key in keys(outbox) if key[0] == 1] == [(1, 1), (1, 4)]
    assert (1, 2) not in [(boot, seq) for boot, seq, _ in outbox.newest(99)]
    assert outbox.refusals() == [(1, 2, "undeliverable"), (1, 3, "undeliverable")]
    assert (outbox.backlog(), outbox.refused) == (10, 0)
    assert outbox.acknowledge(1, 2, []) == 2  # it had come through after all
    assert outbox.refusals() == [(1, 3, "undeliverable")]
    assert outbox.retry_undeliverable() == 1
    assert [key for key in keys(outbox) if key[0] == 1] == [(1, 3), (1, 4)]
    assert outbox.refusals() == []


def test_a_new_boot_tries_undeliverable_records_again(outbox: Outbox) -> None:
    outbox.set_undeliverable(1, 2)
    outbox.close()
    again = Outbox(outbox.path)
    assert (1, 2) in keys(again)
    again.close()
    outbox.__init__(outbox.path)  # type: ignore[misc] # for the fixture to close


def test_an_undeliverable_record_that_is_refused_or_asked_for_is_that(outbox: Outbox) -> None:
    for seq in (1, 2, 3):
        outbox.set_undeliverable(1, seq)
    outbox.acknowledge(1, 0, [(1, MALFORMED)])
    outbox.resend([(1, 2, 2)])
    assert outbox.refusals() == [(1, 1, "malformed"), (1, 3, "undeliverable")]
    assert outbox.backlog() == 9
    outbox.set_undeliverable(1, 1)  # settled: no effect
    assert outbox.backlog() == 9


def test_skipped_seqs_are_produced_and_named(outbox: Outbox) -> None:
    assert outbox.skip(3) == 3
    assert losses(outbox) == [(3, 7, 9)]
    assert append(outbox) == (3, 10)
    assert (outbox.produced, outbox.backlog()) == (14, 11)


def test_an_acknowledgement_beyond_what_was_made_settles_what_was(outbox: Outbox) -> None:
    assert outbox.acknowledge(3, END, []) == 6
    assert outbox.acknowledge(9, 5, [(4, MALFORMED)]) == 0
    assert append(outbox) == (3, 7)
    assert keys(outbox)[-1] == (3, 7)
