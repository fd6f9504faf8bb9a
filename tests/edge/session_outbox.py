"""What a session needs of an outbox, in memory, and a server that keeps what it gets."""

from collections.abc import Callable

from headway_protocol import ack


class MemoryOutbox:
    """Records 1..last of each boot. `waiting` are unsettled, `aside` undeliverable, `settled` for good.

    payload: makes a record's bytes from its (boot, seq).
    """

    def __init__(
        self, boots: dict[int, int], payload: Callable[[int, int], bytes] = lambda boot, seq: f"{boot}/{seq}".encode()
    ) -> None:
        self._payload = payload
        self.boot = max(boots)
        self.last_seq = boots[self.boot]
        self.waiting = [(boot, seq) for boot, last in sorted(boots.items()) for seq in range(1, last + 1)]
        self.aside: list[tuple[int, int]] = []
        self.settled: list[tuple[int, int]] = []
        self.retries = 0

    def append(self) -> tuple[int, int]:
        self.last_seq += 1
        self.waiting.append((self.boot, self.last_seq))
        return self.boot, self.last_seq

    def to_send(self, after: tuple[int, int], limit: int) -> list[tuple[int, int, bytes]]:
        return [(b, s, self._payload(b, s)) for b, s in self.waiting if (b, s) > after][:limit]

    def newest(self, limit: int) -> list[tuple[int, int, bytes]]:
        return [(b, s, self._payload(b, s)) for b, s in self.waiting[::-1]][:limit]

    def acknowledge(
        self,
        boot: int,
        upto: int,
        rejections: list[tuple[int, int]],
        stored: list[tuple[int, int]] = [],  # noqa: B006 - read only
    ) -> None:
        refused = [seq for seq, _ in rejections]
        for key in [*self.waiting, *self.aside]:
            _, seq = key
            if key[0] == boot and (seq <= upto or seq in refused or any(a <= seq <= b for a, b in stored)):
                (self.waiting if key in self.waiting else self.aside).remove(key)
                self.settled.append(key)

    def set_undeliverable(self, boot: int, seq: int) -> None:
        self.waiting.remove((boot, seq))
        self.aside.append((boot, seq))

    def retry_undeliverable(self) -> None:
        self.retries += 1
        self.waiting = sorted(self.waiting + self.aside)
        self.aside = []


def key_of(payload: bytes) -> tuple[int, int]:
    boot, seq = map(int, payload.decode().split("/"))
    return boot, seq


class MemoryServer:
    """Stores what arrives and answers as the real one does: how far each boot is complete, and what lies above."""

    def __init__(self) -> None:
        self.stored: set[tuple[int, int]] = set()

    def receive(self, payloads: list[bytes]) -> list[bytes]:
        """Store a batch; return its acknowledgements, one a boot."""
        touched: dict[int, list[int]] = {}
        for payload in payloads:
            boot, seq = key_of(payload)
            self.stored.add((boot, seq))
            touched.setdefault(boot, []).append(seq)
        answers = []
        for boot, seqs in sorted(touched.items()):
            upto = 0
            while (boot, upto + 1) in self.stored:
                upto += 1
            above = sorted({seq for seq in seqs if seq > upto})[: ack.STORED_MAX]
            answers.append(ack.encode(boot, upto, [], [(seq, seq) for seq in above]))
        return answers
