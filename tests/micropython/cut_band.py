"""A device whose connection is cut again and again: each round makes a record and a connection, until the server has settled it.

    cut_band.py FOLDER PORT DEVICE ROUNDS SEED

Runs on CPython and MicroPython. Prints the boot and seq of its last record, connections tried, and each cause that was named.
"""

import gc
import sys
import time

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # as in band.py

from fast_clock import FastClock, Uniform

from headway_edge.band.band_exchange import BandExchange
from headway_edge.band.band_link import BandLink
from headway_edge.band.tcp_stream import TcpStream
from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import LogFolder
from headway_protocol import record

ROUND_MAX_S = 30


def main(folder, port, device, rounds, seed):
    """Make a record, send it, and begin anew."""
    outbox = FlashLog(LogFolder(folder), 1)
    uniform, clock = Uniform(seed), FastClock()
    attempts, causes = 0, {}
    for number in range(rounds):
        link = BandLink(
            lambda: TcpStream("127.0.0.1", port), "depot-7", device, outbox.boot, uniform, lambda: outbox.ends(8), 600
        )
        exchange = BandExchange(outbox, link, uniform, clock)
        body = record.birth_body("band %d" % number, "car", [], outbox.backlog(), 0)
        outbox.append(record.BIRTH, clock.mono_ms(), None, record.UNSYNCED, body)
        deadline_s = time.time() + ROUND_MAX_S
        while outbox.backlog():
            if time.time() > deadline_s:
                raise RuntimeError("round %d is not settled: %s" % (number, link.cause))
            if not exchange.step():
                time.sleep(0.002)
            if link.cause:
                causes[link.cause] = True
        link.stop()
        attempts += link.attempts
        link = exchange = None  # a device has one link; here is the next one's place
        gc.collect()
    sys.stdout.write("%d %d %d\n" % (outbox.boot, outbox.last_seq, attempts))
    for cause in sorted(causes):
        sys.stdout.write(cause + "\n")


main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
