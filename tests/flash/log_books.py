"""Books on what a flash log was given and what it gives back, over power cuts and faults. Runs on MicroPython too.

A life is a list of operations; `Books.live` performs them on a log and writes down what returned, `Books.check` opens the log
anew and compares. What was under way when power was cut may have happened or not; anything else is a violation.
"""

from headway_edge.flash.flash_log import FlashLog
from headway_protocol import record

SEGMENT_BYTES = 512  # so small that a few records fill the log


class Violation(Exception):  # noqa: N818 - it is no error of the test
    """The log broke a promise."""


class Books:
    """All that ever left a log, and what it must still have.

    may_lose: whether the medium loses what it had, so that the log may lose records, if it says so. spoilt: whether it spoils
    bytes besides; then an acknowledgement may be forgotten too, and its records be sent again. gives_up: whether an append
    that failed is not tried again but given up for the next one.
    """

    def __init__(self, may_lose=False, sync_every=1, gives_up=False, spoilt=False, segment_bytes=SEGMENT_BYTES):
        self.may_lose = may_lose or spoilt
        self.spoilt = spoilt
        self.sync_every = sync_every
        self.segment_bytes = segment_bytes
        self.gives_up = gives_up
        self.made = {}  # (boot, seq): payload, of every record that `append` returned or that was handed out
        self.contents = {}  # number of a record's content: (boot, seq); one content is stored once
        self.settled = {}  # (boot, seq): True, or False for those under way
        self.lost = {}  # (boot, seq): reason
        self.boots = []
        self.counter = 0
        self.refused = None  # the append that failed, to be tried again
        # What `load` may say, the newest last: (value, how: "sure", "unsure", or the number of the content it came with).
        self.states = [(None, "sure")]
        self.under_way = ""
        self.faults = 0
        self.were_unnamed = False  # for a while there were more losses than the log could name

    # --- a life -------------------------------------------------------------------------------------------------

    def start(self, medium):
        """Open the log; each opening is a boot that never was before."""
        log = FlashLog(medium, 1, 4 * self.segment_bytes, self.segment_bytes, self.sync_every)
        self.expect(not self.boots or log.boot > self.boots[-1], "boot %d after %r" % (log.boot, self.boots[-1:]))
        self.boots.append(log.boot)
        return log

    def live(self, log, operations, medium):
        """Perform operations, reopening where they say so; return the log."""
        for operation in operations:
            log = self.perform(log, operation, medium)
        self.under_way = ""
        return log

    def survive(self, log, operations, medium):
        """The same on a medium that fails: what failed is left for the next time."""
        for operation in operations:
            try:
                log = self.perform(log, operation, medium)
            except (OSError, MemoryError):
                self.faults += 1
        return log

    def perform(self, log, operation, medium):
        """Perform one operation; return the log."""
        self.under_way = operation[0]
        if operation[0] == "reboot":
            log.sync()
            return self.start(medium)
        getattr(self, operation[0])(log, *operation[1:])
        return log

    def append(self, log, size_bytes=20, with_state=True):
        """Append a record no other has the bytes of, and its state; then declare what is lost."""
        if self.refused is None or self.gives_up:
            self.counter += 1
            self.refused = (self.counter, size_bytes, with_state)
        number, size_bytes, with_state = self.refused
        value = b"%d" % number
        if with_state:
            self.states.append((value, number))
        payload = log.append(
            record.EPISODE,
            number,
            None,
            record.UNSYNCED,
            [number, bytes(size_bytes)],
            {"totals": value} if with_state else {},
        )
        self.refused = None
        if with_state:
            self.states = [(value, "sure")]
        self.take(payload, record.identity(payload))
        self.declare(log)

    def declare(self, log):
        """Append a LOSS for each loss that is not declared, as a device does."""
        self.were_unnamed = self.were_unnamed or log.counters()["unnamed"] > 0
        for _ in range(100):
            losses = log.undeclared()
            if not losses:
                return
            key, boot, first, last, reason = losses[0]
            body = record.loss_body(boot, first, last, reason)
            payload = log.append(record.LOSS, 0, None, record.UNSYNCED, body, {key: None})
            self.take(payload, record.identity(payload))
        raise Violation("losses without end: %r" % log.undeclared())

    def ack(self, log, boots_ago=0, back=0):
        """Settle all of a boot but the last `back` records, as far as nothing is missing."""
        boot = self.boots[max(0, len(self.boots) - 1 - boots_ago)]
        upto = 0
        while self.known((boot, upto + 1)):
            upto += 1
        self.settle(log, boot, max(0, upto - back), [])

    def reject(self, log, back=1):
        """Refuse one record of this boot for good, and no other: one that there was, not a seq given up unnamed."""
        if (log.boot, log.last_seq - back) in self.made:
            self.settle(log, log.boot, 0, [(log.last_seq - back, 3)])

    def settle(self, log, boot, upto, rejections):
        """Hand the log an acknowledgement."""
        keys = [(boot, seq) for seq in list(range(1, upto + 1)) + [item[0] for item in rejections]]
        for key in keys:
            if key in self.made or key in self.lost:
                self.settled.setdefault(key, False)
        log.acknowledge(boot, upto, rejections)
        for key in keys:
            if key in self.settled:
                self.settled[key] = True

    def save(self, log):
        """Save a piece of state that belongs to no record."""
        self.counter += 1
        log.save("place", b"%d" % self.counter)

    def overwrite(self, log):
        """Save alone what is otherwise saved with records."""
        self.counter += 1
        value = b"%d" % self.counter
        self.states.append((value, "unsure"))
        log.save("totals", value)
        self.states = [(value, "sure")]

    def sync(self, log):
        """Have everything on the medium."""
        log.sync()

    def read(self, log):
        """Look at all that would be sent."""
        self.rows(log)

    def skip(self, log):
        """Give up a record that the medium refused for too long."""
        self.refused = None
        self.faults += 1
        log.skip()
        self.declare(log)

    def resend(self, log, boots_ago=0, first=1, last=0xFFFFFFFF):
        """The server asks for records again; those that are gone are declared lost."""
        boot = self.boots[max(0, len(self.boots) - 1 - boots_ago)]
        asked = [key for key in self.settled if key[0] == boot and first <= key[1] <= last]
        for key in asked:
            self.settled[key] = False
        _, missing = log.resend([(boot, first, last)])
        gone = {}
        for its_boot, start, end in missing:
            self.expect(end - start < 1000, "%d..%d of boot %d are missing" % (start, end, its_boot))
            for seq in range(start, end + 1):
                gone[(its_boot, seq)] = True
        for _, its_boot, start, end, _ in log.undeclared():
            for seq in range(start, end + 1):
                gone[(its_boot, seq)] = True
        kept = {}
        for row in self.rows(log):
            kept[row[:2]] = True
        for key in asked:
            # Each record asked for is handed out again, or named as gone.
            self.expect((key in kept) != (key in gone or key in self.lost), "asked for %r again" % (key,))
            if key in kept:
                del self.settled[key]
            else:
                self.settled[key] = True

    # --- the check ----------------------------------------------------------------------------------------------

    def take(self, payload, key):
        """A record left the log: it has its own key in it, the same bytes as ever, and a content no other has."""
        self.expect(record.identity(payload) == key, "%r in the place of %r" % (record.identity(payload), key))
        self.expect(self.made.get(key, payload) == payload, "two contents of %r" % (key,))
        self.made[key] = payload
        found = record.decode(payload)
        if found.kind == record.EPISODE:
            at = self.contents.setdefault(found.body[0], key)
            self.expect(at == key, "the content of %r stored twice, as %r too" % (key, at))
        elif found.kind == record.LOSS:
            self.note_lost(*found.body[:4])  # also of one that `append` never returned, cut off behind it

    def note_lost(self, boot, first, last, reason):
        """The log says that records are lost."""
        self.expect(last - first < 1000, "a loss of %d..%d" % (first, last))
        for seq in range(first, last + 1):
            self.lost[(boot, seq)] = reason

    def rows(self, log):
        """Return all that the log would send, window by window, and see that the newest first is the same."""
        found = []
        rows = log.to_send((0, 0), 3)
        while rows:
            found.extend(rows)
            rows = log.to_send(rows[-1][:2], 3)
        for boot, seq, payload in found:
            self.take(payload, (boot, seq))
        self.expect(found == list(reversed(log.newest(1000))), "oldest and newest first differ")
        self.expect(len(found) == log.backlog(), "a backlog of %d, %d rows" % (log.backlog(), len(found)))
        return found

    def check(self, medium):
        """Open the log after a cut or a fault and compare it with the books; return it."""
        before = dict(self.made)
        log = self.start(medium)
        under_way, self.under_way = self.under_way, ""
        unnamed = log.counters()["unnamed"]  # there is no room to name them all before the server has heard of others
        self.were_unnamed = self.were_unnamed or unnamed > 0
        handed = {}
        for _, boot, first, last, reason in log.undeclared():
            self.note_lost(boot, first, last, reason)
        for boot, seq, _ in self.rows(log):
            key = (boot, seq)
            handed[key] = True
            if key not in before:
                latest = unnamed + max([its[1] for its in list(before) + list(self.lost) if its[0] == boot] + [0])
                may = under_way in ("append", "skip") or self.refused is not None or self.faults > 0
                self.expect(may and seq <= latest + 1, "%r, which nobody made" % (key,))
            self.expect(self.spoilt or self.settled.get(key) is not True, "%r came back, settled" % (key,))
            if key in self.settled:
                del self.settled[key]  # the acknowledgement that was under way did not come to its end
        for key in before:
            if key not in handed and key not in self.settled and key not in self.lost and not unnamed:
                raise Violation("%r is gone, and nobody says so" % (key,))
            if key not in handed and key in self.settled:
                self.settled[key] = True
            if not self.may_lose and key in self.lost:
                full = self.lost[key] == "storage full" or self.were_unnamed
                self.expect(full, "%r is lost: %s" % (key, self.lost[key]))
        for key in self.lost:
            # In one boot there are no holes; what is lost was made, or was being made.
            self.expect(
                unnamed or key[1] == 1 or self.known((key[0], key[1] - 1)),
                "%r is lost, what is before it unknown" % (key,),
            )
            known = key in self.made or self.may_lose or self.sync_every > 1 or self.known((key[0], key[1] + 1))
            self.expect(known or self.faults > 0, "%r is lost, and nobody made it" % (key,))
        for boot, last in log.ends(100):
            for seq in range(1, last + 1):
                self.expect(unnamed or self.known((boot, seq)), "%r: made, by the ends of boots" % ((boot, seq),))
        if self.refused is not None and self.refused[0] in self.contents:
            self.refused = None  # it was stored all the same
        self.check_state(log)
        return log

    def check_state(self, log):
        """The state is the newest that is certain, or a later one that may have been saved."""
        value = log.load("totals")
        may = []
        for state, how in reversed(self.states):
            if how in ("sure", "unsure") or how in self.contents:
                may.append(state)
                if how != "unsure":
                    break
        self.expect(self.may_lose or value in may, "state %r, not %r" % (value, may))
        self.states = [(value, "sure")]

    def known(self, key):
        """Whether a record was made or told to be lost."""
        return key in self.made or key in self.lost

    def expect(self, true, text):
        """Raise Violation unless so."""
        if not true:
            raise Violation(text)


def small_life():
    """Return operations in which everything happens once."""
    return [
        ("append",),
        ("append", 20, False),
        ("ack", 0, 1),
        ("append",),
        ("save",),
        ("reboot",),
        ("append",),
        ("reject", 0),
        ("ack", 1),
        ("resend", 1, 1, 2),
        ("append", 20, False),
    ]


def long_life():
    """Return operations that fill the log several times, with and without a server."""
    life = [("append",), ("append", 200), ("overwrite",), ("append", 50, False), ("ack", 0, 1), ("reject", 0)]
    life += [("append", 110), ("append", 110, False), ("reboot",), ("append",), ("save",), ("append", 160), ("ack", 1)]
    life += [("append", 90), ("append", 90), ("append", 90), ("ack",), ("append",), ("reboot",)]
    # Nobody settles any more: what is settled goes first, then the oldest.
    life += [
        ("append", 150),
        ("append", 150),
        ("append", 150),
        ("append", 150, False),
        ("append", 150, False),
        ("reboot",),
    ]
    life += [("append", 150), ("append", 150), ("append", 150), ("append", 150), ("append", 150), ("append", 450)]
    return life + [
        ("resend", 3),
        ("resend", 2),
        ("ack", 1),
        ("append",),
        ("reboot",),
        ("resend", 1),
        ("append",),
        ("ack",),
    ]
