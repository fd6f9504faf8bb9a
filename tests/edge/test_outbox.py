"""The outbox keeps every record until the server has settled it, across restarts and refusals."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from headway_edge.errors import AgentError
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.codes import CONFLICT
from headway_protocol.errors import EncodeError

LOSS = record.loss_body(1, 1, 1, "test")


def append(outbox: Outbox, **state: bytes) -> bytes:
    return outbox.append(record.LOSS, 1000, None, record.UNSYNCED, LOSS, state)


def keys(outbox: Outbox) -> list[tuple[int, int]]:
    return [(boot, seq) for boot, seq, _ in outbox.to_send((0, 0), 1000)]


def test_every_opening_is_a_new_boot_and_seq_counts_from_one(tmp_path: Path) -> None:
    for boot in (1, 2, 3):
        outbox = Outbox(tmp_path / "outbox.db")
        append(outbox)
        append(outbox)
        assert outbox.boot == boot
        outbox.close()
    outbox = Outbox(tmp_path / "outbox.db")
    assert keys(outbox) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert outbox.produced == 6
    outbox.close()


def test_bytes_are_frozen_when_the_record_is_made(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    payload = append(outbox)
    outbox.close()
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.to_send((0, 0), 10) == [(1, 1, payload)]
    outbox.close()


def test_acknowledgement_settles_up_to_a_seq_of_one_boot_only(tmp_path: Path) -> None:
    for _ in range(2):
        outbox = Outbox(tmp_path / "outbox.db")
        for _ in range(3):
            append(outbox)
        outbox.close()
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.acknowledge(1, 2, []) == 2
    assert outbox.acknowledge(1, 2, []) == 0
    assert keys(outbox) == [(1, 3), (2, 1), (2, 2), (2, 3)]
    assert outbox.backlog() == 4
    outbox.close()


def test_a_refused_record_is_settled_kept_and_named(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    for _ in range(3):
        append(outbox)
    outbox.acknowledge(1, 0, [(2, CONFLICT)])
    outbox.acknowledge(1, 3, [(2, CONFLICT)])
    assert outbox.backlog() == 0
    assert outbox.refused == 1
    assert outbox.refusals() == [(1, 2, "conflict")]
    outbox.close()


def test_state_is_stored_with_the_record_or_not_at_all(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    append(outbox, checkpoint=b"one")
    with pytest.raises(EncodeError):
        outbox.append(record.LOSS, -1, None, record.UNSYNCED, LOSS, {"checkpoint": b"two"})
    assert outbox.load("checkpoint") == b"one"
    assert append(outbox, checkpoint=b"three")
    assert keys(outbox) == [(1, 1), (1, 2)]
    outbox.close()


def test_a_second_agent_on_one_store_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    with pytest.raises(AgentError, match=f"in use by process {os.getpid()}"):
        Outbox(tmp_path / "outbox.db")
    outbox.close()
    Outbox(tmp_path / "outbox.db").close()


def test_a_path_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AgentError, match="cannot keep records"):
        Outbox(tmp_path / "file" / "outbox.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(AgentError, match=r"cannot keep records.*unable to open.*Name a file"):
        Outbox(tmp_path / "folder.db")


def _append_for_ever(path: Path, told: "multiprocessing.connection.Connection") -> None:
    outbox = Outbox(path)
    while True:
        append(outbox)
        told.send_bytes(outbox.produced.to_bytes(4, "big"))


def test_what_append_returned_survives_kill_9(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "outbox.db"
    known = 0
    for kill in range(3):
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=_append_for_ever, args=(path, writer))
        process.start()
        writer.close()
        target = known + 40 + kill * 17
        while known < target:
            known = int.from_bytes(reader.recv_bytes(), "big")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        while reader.poll():
            try:
                known = int.from_bytes(reader.recv_bytes(), "big")
            except EOFError:
                break
        reader.close()
    outbox = Outbox(path)
    assert outbox.produced >= known
    found = keys(outbox)
    assert len(found) == outbox.produced
    for boot in (1, 2, 3):
        seqs = [seq for b, seq in found if b == boot]
        assert seqs == list(range(1, len(seqs) + 1))
    outbox.close()
