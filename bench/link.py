"""What a device sends when nobody answers, when the server takes only so much, and how long what is new waits."""

import random

from bench.rows import Rows
from headway_edge.session import Session
from headway_protocol import ack

HOUR_MS = 3_600_000
_STEP_MS = 100


class _Records:
    """Records 1..last of one boot, in memory, and how many of them wait."""

    def __init__(self, last: int) -> None:
        self.boot, self.last_seq, self.upto = 1, last, 0
        self.above: set[int] = set()

    def to_send(self, after: tuple[int, int], limit: int) -> list[tuple[int, int, bytes]]:
        found: list[tuple[int, int, bytes]] = []
        seq = max(self.upto, after[1]) + 1
        while seq <= self.last_seq and len(found) < limit:
            if seq not in self.above:
                found.append((1, seq, seq.to_bytes(4, "big")))
            seq += 1
        return found

    def newest(self, limit: int) -> list[tuple[int, int, bytes]]:
        waiting = [seq for seq in range(self.last_seq, self.upto, -1) if seq not in self.above][:limit]
        return [(1, seq, seq.to_bytes(4, "big")) for seq in waiting]

    def acknowledge(
        self, _boot: int, upto: int, _rejections: object, stored: list[tuple[int, int]] | None = None
    ) -> None:
        self.upto = max(upto, self.upto)
        self.above |= {seq for first, last in stored or [] for seq in range(first, last + 1)}

    def set_undeliverable(self, _boot: int, seq: int) -> None:
        self.above.add(seq)

    def retry_undeliverable(self) -> None:
        """None is ever put away here."""

    def answer(self, seq: int) -> bytes:
        """What a server says that got `seq` and everything it got before."""
        upto = self.upto
        while upto + 1 in self.above or upto + 1 == seq:
            upto += 1
        return ack.encode(1, upto, [], [] if seq <= upto else [(seq, seq)])


def figures() -> Rows:
    """Yield counts of a simulated session; nothing here depends on the machine."""
    dice = random.Random(1)  # noqa: S311 - jitter
    session = Session(_Records(1000), dice.randint)
    session.connected()
    sent = [len(session.take(now_ms)) for now_ms in range(0, 24 * HOUR_MS, 1000)]
    yield "sends to a silent server, first hour", f"{sum(sent[:3600])}", "records", "20 of them at once; 1000 wait"
    yield "sends to a silent server, a day", f"{sum(sent)}", "records", "one asks for all, every 30 to 300 s"

    records = _Records(600)
    session = Session(records, dice.randint)
    session.connected()
    count, tokens, now_ms = 0, 10.0, 0
    while records.upto < 600:
        for payload in session.take(now_ms):
            count += 1
            if tokens >= 1:
                tokens -= 1
                session.receive(records.answer(int.from_bytes(payload, "big")), now_ms)
        tokens, now_ms = min(10.0, tokens + _STEP_MS / 1000), now_ms + _STEP_MS
    how = f"600 records, a server that takes 60 a minute: {now_ms / 60_000:.1f} min"
    yield "sends for each record that is taken", f"{count / 600:.2f}", "", how

    records = _Records(10_000)
    session = Session(records, dice.randint)
    session.connected()
    late = made = 0
    for number in range(600):
        if number % 10 == 0:
            records.last_seq += 1
            made += 1
        payloads = session.take(number * 1000)
        late += number % 10 == 0 and records.last_seq.to_bytes(4, "big") not in payloads
        for payload in payloads:
            session.receive(records.answer(int.from_bytes(payload, "big")), number * 1000)
    yield "new records that waited behind 10,000", f"{late}", f"of {made}", "15 places for the oldest, 5 for the newest"
