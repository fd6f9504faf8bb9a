"""A device without Linux, linked to a broker: what `band.py` is, with the link of `headway_edge.band`.

    linked_band.py FOLDER SAMPLES PORT DEVICE SEED PAUSE_MS

Runs on CPython and MicroPython. FOLDER is where `install_pack.py` has put the program, and where the log is. Prints the boot, seq
and payload of each record that the log returned, waits PAUSE_MS after each sample, and ends once the server has settled all.
On MicroPython it prints the most heap that was in use, at `heap`.
"""

import sys
import time

from band import drive, make_core, tell_birth
from fast_clock import FastClock, Uniform

from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import LogFolder

DEADLINE_S = 60


class TellingLog(FlashLog):
    """Says which records it has returned."""

    def append(self, *arguments):
        """As the log does."""
        payload = super().append(*arguments)
        sys.stdout.write("%d %d %s\n" % (self.boot, self.last_seq, "".join(["%02x" % byte for byte in payload])))
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()
        return payload


def main(folder, samples, port, device, seed, pause_ms):
    """Drive, store, send, until all is settled."""
    outbox = TellingLog(LogFolder(folder), 1)  # its start takes heap that is free again afterwards
    core = make_core()
    from headway_edge.band.band_exchange import BandExchange
    from headway_edge.band.band_link import BandLink
    from headway_edge.band.tcp_stream import TcpStream

    uniform, clock = Uniform(seed), FastClock()
    link = BandLink(
        lambda: TcpStream("127.0.0.1", port), "depot-7", device, outbox.boot, uniform, lambda: outbox.ends(8), 600
    )
    exchange = BandExchange(outbox, link, uniform, clock)
    tell_birth(outbox, core.program)

    def between():
        exchange.step()
        time.sleep(pause_ms / 1000)

    drive(core, outbox, samples, between)
    deadline_s = time.time() + DEADLINE_S
    while outbox.backlog():
        if time.time() > deadline_s:
            raise RuntimeError("not settled: %d, %s, %s" % (outbox.backlog(), link.cause, exchange.failures))
        if not exchange.step():
            time.sleep(0.005)
    link.stop()


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))
