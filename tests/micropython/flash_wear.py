"""How much a flash log wears out its memory: a real littlefs on a block device that counts; MicroPython only.

    flash_wear.py SIMULATORS RECORDS RECORD_BYTES ACK_EVERY SYNC_EVERY SAVE_BYTES

Appends RECORDS records of RECORD_BYTES, each with its acknowledgement after ACK_EVERY of them (0: never), closing the file every
SYNC_EVERY records; SAVE_BYTES of state are saved alone with each (0: none). Prints numbers, one a line.
"""

import sys

sys.path.insert(0, sys.argv[1])
import headway_protocol.record  # noqa: F401 - first: an import within an import takes of a small stack

# isort: split
from block_device import formatted, mounted

from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import LogFolder
from headway_protocol import record

BLOCK_BYTES = 4096
BLOCKS = 64


def main(records, record_bytes, ack_every, sync_every, save_bytes):
    """Print what was erased and written."""
    device = mounted(formatted(BLOCKS, BLOCK_BYTES), BLOCK_BYTES)
    log = FlashLog(LogFolder("/flash"), 1, 65536, 4096, sync_every)
    payload = append(log, 0)
    body_bytes = record_bytes - len(payload)
    for _ in range(600):  # the log is full, and has been for a while
        append(log, body_bytes)
        log.acknowledge(1, log.last_seq, [])
    device.erasures, device.written_bytes = [0] * BLOCKS, 0
    for number in range(records):
        append(log, body_bytes)
        if save_bytes:
            log.save("place", bytes(save_bytes))
        if ack_every and number % ack_every == ack_every - 1:
            log.acknowledge(1, log.last_seq, [])
        while log.may_have_losses:
            key, boot, first, last, reason = log.undeclared()[0]
            body = record.loss_body(boot, first, last, reason)
            log.append(record.LOSS, 0, None, record.UNSYNCED, body, {key: None})
    print("records", records)
    print("record_bytes", record_bytes)
    print("erasures", sum(device.erasures))
    print("erasures_of_one_block", max(device.erasures))
    print("written_bytes", device.written_bytes)


def append(log, body_bytes):
    """Append a record with so many bytes in its body."""
    return log.append(record.EPISODE, 1 << 30, None, record.UNSYNCED, [bytes(body_bytes)])


main(*[int(argument) for argument in sys.argv[2:7]])
