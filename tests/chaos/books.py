"""What a server and a bookkeeper know of one outbox, and what must add up between them."""

from collections.abc import Container
from dataclasses import dataclass, field

from headway_edge.store.fold_rows import names_of
from headway_edge.store.outbox import Outbox
from headway_edge.store.pending_loss import CUT_OFF, DAMAGED, DISK_REFUSED, STORE_FULL
from headway_protocol import record
from headway_protocol.record_names import KIND_NAMES

Key = tuple[int, int]  # boot, seq
FOLDED = "folded"  # not lost: a DAY record has its numbers
ANY = (CUT_OFF, DAMAGED, DISK_REFUSED, STORE_FULL)


def _folded(*payloads: bytes) -> set[Key]:
    runs = (run for payload in payloads for run in names_of(payload))
    return {(boot, seq) for boot, first, last in runs for seq in range(first, last + 1)}


@dataclass
class Server:
    """Keeps the first content of every (boot, seq) and what was declared lost; it outlives every fault of the device."""

    stored: dict[Key, bytes] = field(default_factory=dict)
    lost: dict[Key, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def take(self, boot: int, seq: int, payload: bytes) -> None:
        """Store a record."""
        item = record.decode(payload)
        if (item.boot, item.seq) != (boot, seq):
            self.violations.append(f"{boot, seq} was sent with the bytes of {item.boot, item.seq}")
        if self.stored.setdefault((boot, seq), payload) != payload:
            self.violations.append(f"{boot, seq} has two contents")
        if item.kind == record.LOSS:
            its_boot, first, last, reason = record.parse_loss(item.body)
            self.lost.update({(its_boot, lost): reason for lost in range(first, last + 1)})
        self.lost.update(dict.fromkeys(_folded(payload), FOLDED))

    def upto(self, boot: int) -> int:
        """Return up to which seq everything of a boot is stored or declared lost."""
        seq = 0
        while (boot, seq + 1) in self.stored or (boot, seq + 1) in self.lost:
            seq += 1
        return seq


@dataclass
class Books:
    """What the harness was told, by the number `n` that is each record's time.

    told: what `append` returned, by key. tried: every n that was given to `append`. boots: of every outbox opened.
    """

    told: dict[Key, bytes] = field(default_factory=dict)
    tried: set[int] = field(default_factory=set)
    boots: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def open(self, outbox: Outbox, check_state: bool = True) -> None:
        """Look at an outbox just opened. check_state: whether its state has to be that of its newest record."""
        if twice := _folded(*outbox.payloads(record.DAY)) & {
            record.identity(item) for kind in KIND_NAMES for item in outbox.payloads(kind)
        }:
            self.violations.append(f"{twice} are there and folded as well")
        newest = max((record.decode(item).mono_ms for item in outbox.payloads(record.EPISODE)), default=0)
        state = int.from_bytes(outbox.load("newest") or b"", "big")
        if self.boots and outbox.boot <= max(self.boots):
            self.violations.append(f"boot {outbox.boot} after boots {self.boots}")
        self.boots.append(outbox.boot)
        if check_state and state != newest:
            self.violations.append(f"the state is of record {state}, the newest record is {newest}")

    def settle(self, server: Server, outbox: Outbox, excuses: Container[str]) -> None:
        """Check the books after everything was sent. excuses: reasons for which a record told may have been declared lost."""
        wrong = self.violations
        wrong += server.violations
        numbers: dict[int, Key] = {}
        for key, payload in server.stored.items():
            item = record.decode(payload)
            if item.kind != record.EPISODE:
                continue
            if item.mono_ms not in self.tried:
                wrong.append(f"{key} was never made")
            if numbers.setdefault(item.mono_ms, key) != key:
                wrong.append(f"record {item.mono_ms} is both {numbers[item.mono_ms]} and {key}")
        for key, payload in self.told.items():
            if key in server.stored:
                if server.stored[key] != payload:
                    wrong.append(f"{key} has other bytes than append returned")
            elif key not in server.lost:
                wrong.append(f"{key} is gone without a word")
            elif server.lost[key] not in excuses:
                wrong.append(f"{key} is lost ({server.lost[key]})")
        known = {*server.stored, *server.lost}
        for boot in {boot for boot, _ in known}:
            last = max(seq for its_boot, seq in known if its_boot == boot)
            if server.upto(boot) != last:
                wrong.append(f"boot {boot} has a gap after {server.upto(boot)} of {last}")
        if boots := {boot for boot, _ in known} - set(self.boots):
            wrong.append(f"records of boots {boots}, which nobody saw")
        if outbox.backlog() or outbox.undeclared():
            wrong.append(f"backlog {outbox.backlog()}, undeclared {outbox.undeclared()} after everything was sent")
        if outbox.produced != len(known):
            wrong.append(f"produced {outbox.produced}, known {len(known)}")
