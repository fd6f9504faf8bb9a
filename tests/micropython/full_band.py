"""A band whose log is full and whose medium fails for once: what is loaded seldom finds its place among all the rest.

    full_band.py FOLDER

Runs on CPython and MicroPython, with all that `band.py` has loaded. FOLDER is where `install_pack.py` has put the program, and
where the log is. Prints what was lost, and the counters of the log.
"""

import sys

from band import make_core, tell_birth

from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import LogFolder
from headway_protocol import record

LOG_BYTES_MAX = 4096
SEGMENT_BYTES = 1024
RECORDS = 60


class FailingFolder(LogFolder):
    """Refuses to open a file for appending the `fails`-th time."""

    fails = 25

    def open(self, name, mode):
        """As the folder does, but for that once."""
        if mode == "ab":
            self.fails -= 1
            if self.fails == 0:
                raise OSError(5, "input/output error")
        return super().open(name, mode)


def main(folder):
    """Append until the oldest segments had to go, then have some sent again."""
    outbox = FlashLog(FailingFolder(folder), 1, LOG_BYTES_MAX, SEGMENT_BYTES)
    core = make_core()
    tell_birth(outbox, core.program)
    refused = 0
    for number in range(RECORDS):
        body = record.episode_body(core.program.id, 1000, bytes(100), bytes(8))
        try:
            outbox.append(record.EPISODE, 1000 * number, None, record.UNSYNCED, body, {"totals": b"%d" % number})
        except OSError:
            refused += 1
    outbox.skip()
    for key, boot, first, last, reason in outbox.undeclared():
        sys.stdout.write("lost %d %d..%d %s\n" % (boot, first, last, reason))
        outbox.append(record.LOSS, 0, None, record.UNSYNCED, record.loss_body(boot, first, last, reason), {key: None})
    last = outbox.last_seq
    outbox.acknowledge(outbox.boot, last, [])
    sys.stdout.write("resent %r\n" % (outbox.resend([(outbox.boot, 1, last)]),))
    counters = outbox.counters()
    counters["refused"] = refused
    for name in sorted(counters):
        sys.stdout.write("%s %d\n" % (name, counters[name]))
    sys.stdout.write("dropped %d, state %s, backlog %d\n" % (outbox.dropped, outbox.load("totals"), outbox.backlog()))


main(sys.argv[1])
