"""A device without Linux: a pack, core, protocol, flash log and session together, as a small unit would run them.

    band.py FOLDER SAMPLES ACKNOWLEDGED

Runs on CPython and MicroPython. FOLDER is where `install_pack.py` has put the program, and where the outbox is; SAMPLES as for
core_vectors.py. The first ACKNOWLEDGED records handed out are settled as a server would; what is then still to be sent is
printed in hex, one record a line. On MicroPython the heap is locked in each update: one that allocates ends the run.
"""

import gc
import sys
from binascii import hexlify

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # what is left over from compiling must not lie about between what is kept

try:
    from micropython import heap_lock, heap_unlock, opt_level

    opt_level(3)  # the program without line numbers, as the modules are
except ImportError:  # CPython

    def heap_lock():
        """There is nothing to lock."""

    heap_unlock = heap_lock

sys.path.insert(0, sys.argv[1])
import pack_program  # compiling it takes the largest piece of heap: before anything else is there

from headway_edge.core import data_quality
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.program import MISSING, Program
from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import LogFolder
from headway_protocol import record

AT_ONCE = 8  # payloads in memory


def main(folder, samples, acknowledged):
    """Drive, store, send, settle."""
    outbox = FlashLog(LogFolder(folder), 1)  # its start takes heap that is free again afterwards
    core = make_core()
    tell_birth(outbox, core.program)
    drive(core, outbox, samples)
    if acknowledged:
        talk(outbox, acknowledged)
    rows = outbox.to_send((0, 0), AT_ONCE)
    while rows:
        for _, _, payload in rows:
            sys.stdout.write(str(hexlify(payload), "ascii") + "\n")
        rows = outbox.to_send(rows[-1][:2], AT_ONCE)


def talk(outbox, acknowledged):
    """Have as many records settled; the session is loaded for it."""
    from headway_edge.session import Session
    from headway_protocol import ack

    session = Session(outbox, lambda low, high: high, AT_ONCE)
    session.connected()
    settled = 0
    while settled < acknowledged:
        for payload in session.take(0):
            boot, seq = record.identity(payload)
            if settled < acknowledged:
                session.receive(ack.encode(boot, seq, []), 0)
                settled += 1


def make_core():
    """The core of the installed program."""
    program = Program(pack_program.__dict__)
    if program.kind == "day":
        from headway_edge.core.day import DayCore

        return DayCore(program, program.vehicle_class)
    return EpisodeCore(program, program.vehicle_class)


def tell_birth(outbox, program):
    """Keep the record that a boot begins with."""
    held = [(program.id, program.name, program.version)]
    birth = record.birth_body("band 0", program.vehicle_class, held, outbox.backlog(), 0)
    outbox.append(record.BIRTH, 0, None, record.UNSYNCED, birth)


def drive(core, outbox, samples, between=None):
    """Feed the samples, and keep each trip that closes; `between` is called after each sample."""
    now_ms = start_ms = 0
    signals = core.signals
    with open(samples) as lines:
        for line in lines:
            words = line.split()
            for i in range(len(signals)):
                signals[i] = MISSING if words[i + 1] == "-" else int(words[i + 1])
            dt_ms = int(words[0])
            heap_lock()
            flags = core.update(dt_ms)
            heap_unlock()
            now_ms += max(0, dt_ms)
            if flags & data_quality.CLOSED:
                store(outbox, core, now_ms, start_ms)
            if flags & data_quality.OPENED:
                start_ms = now_ms - core.lead_ms
            if between is not None:
                between()
    if core.finish() & data_quality.CLOSED:
        store(outbox, core, now_ms, start_ms)


def store(outbox, core, now_ms, start_ms):
    """Keep the trip that was just closed."""
    gates = data_quality.wire_gates(core.closed_gates)
    body = record.episode_body(core.program.id, now_ms - start_ms, wire_cells(core), gates)
    outbox.append(record.EPISODE, now_ms, None, record.UNSYNCED, body)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
