"""What a link makes of bytes that a broker sends, from a file of lines "STAGE HEX PIECE_BYTES"; one line of verdict for each.

    hostile_packets.py FILE

Runs unmodified on CPython and MicroPython. STAGE: 0, the bytes come instead of a CONNACK; 1, after it; 2, after the SUBACK, when
a record is in the broker's hands. They come in pieces of PIECE_BYTES, and nothing comes after them.
"""

import sys

from headway_edge.band import band_connection, band_link
from headway_edge.band.band_link import BandLink

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x05\x00\x01\x01\x01\x01"  # the first packet id is the subscription's, the second presence's, the third a record's
TOPIC = b"headway/v1/depot-7/band-3/"
STEP_MS = 500
KEEPALIVE_S = 60
# Twice what it takes until the last watchdog has looked: the PUBACK's.
POLLS_MAX = 2 * (band_connection.OPEN_MAX_MS + 1000 * KEEPALIVE_S) // STEP_MS


class ScriptedStream:
    """A stream that gives what was pushed in pieces, and takes everything."""

    def __init__(self):
        self.waiting = b""
        self.piece_bytes = 256
        self.written = b""
        self.closed = False

    def send(self, data):
        """Take all of it."""
        self.written += bytes(data)
        return len(data)

    def receive(self, limit):
        """The next piece."""
        piece = self.waiting[: min(limit, self.piece_bytes)]
        self.waiting = self.waiting[len(piece) :]
        return piece or None

    def close(self):
        """Note it."""
        self.closed = True


class Met:
    """What a link did: its events, and the stream it met. `polls` is how often it was asked."""

    def __init__(self, stage, data, piece_bytes=256, received_bytes_max=band_link.RECEIVED_BYTES_MAX):
        self.stream = ScriptedStream()
        self.events = []
        self.polls = 0
        self._now_ms = 0
        self.link = BandLink(
            lambda: self.stream, "depot-7", "band-3", 7, lambda low, high: high, list, KEEPALIVE_S,
            None, None, received_bytes_max,
        )  # fmt: skip
        self._poll()
        for answer in (CONNACK, SUBACK)[:stage]:
            self.stream.waiting = answer
            self._poll()
        if stage == 2:
            self.link.publish(b"a record")
        self.stream.waiting, self.stream.piece_bytes = data, piece_bytes
        end_ms = POLLS_MAX * STEP_MS
        while self._now_ms < end_ms and not self.stream.closed:
            if not self._poll() and not self.stream.waiting:
                self._now_ms += STEP_MS

    def _poll(self):
        self.polls += 1
        event = self.link.poll(self._now_ms)
        if event is not None:
            self.events.append(event)
        return event is not None


def verdict(stage, data, piece_bytes):
    """One line about what the link did."""
    met = Met(stage, data, piece_bytes)
    words = []
    for event in met.events:
        if event[0] == band_link.MESSAGE:
            words.append("%s %s" % (event[1], "".join(["%02x" % byte for byte in event[2]])))
        else:
            words.append(" ".join([str(word) for word in event]))
    written = "".join(["%02x" % byte for byte in met.stream.written])
    return "%s | %d skipped | closed %s | %s" % ("; ".join(words), met.link.skipped, met.stream.closed, written)


def main(path):
    """A verdict for each line."""
    with open(path) as lines:
        for line in lines:
            stage, data, piece_bytes = line.split()
            data = b"" if data == "-" else bytes.fromhex(data)
            sys.stdout.write(verdict(int(stage), data, int(piece_bytes)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
