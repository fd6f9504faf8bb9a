"""The books of a simulation: which records the devices made, and what may be said of each at any time.

A record is made when `Outbox.append` returns; from then on it must be stored by the server, kept by the device, or declared
lost, and nothing else may be under its (boot, seq). Everything here is learnt beside the code under test: from what its
methods return, and from the server's database through a connection of its own.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headway_edge.store.outbox import Outbox
from headway_edge.store.outbox_schema import SETTLED, WIPED, number
from headway_protocol import ack, fold, record
from headway_protocol.record import Record

Place = tuple[int, int]  # boot, seq

# The books read a record several times; nobody changes what is read.
decoded = lru_cache(maxsize=100_000)(record.decode)

# Violations, by what is wrong.
LOST_SILENTLY = "a record is nowhere and nobody says so"
LET_GO = "a device let go of a record that nobody had acknowledged"
LOST_WITHOUT_REASON = "a device lost a record though nothing happened to its disk"
NOT_REFILLED = "a device still has what a restored server lacks"
LOST_AND_KEPT = "a device declared lost what it still has"
INVENTED = "the server has a record that no device made"
TWO_CONTENTS = "one identity, two contents"
BOOT_AGAIN = "a boot number came twice"
LYING_ACK = "acknowledged, and not in the database"
OTHER_TOTALS = "totals are not those of the records"
NOT_DRAINED = "not everything arrived in time without faults"
CRASHED = "an exception that nobody foresaw"
REFUSED = "the server refused what a device made"
OWN_TOTALS = "a device's own totals are not those of its records"
NOT_ERASED = "what was erased is there, or there again"
NOT_WIPED = "a device that was erased did not wipe its store, or nobody heard of it"
NOT_TAKEN = "a device runs a pack that it was not offered, or not the one it was offered last"


@dataclass(frozen=True)
class Violation:
    """Something that must never be. kind: one of the above. who: device or server. detail: what exactly."""

    kind: str
    who: str
    detail: str


@dataclass
class DeviceBooks:
    """One device's records.

    produced: payload by (boot, seq). attempted: records whose append did not return: each may exist or not;
    attempted_folds: the same of DAY records, which the outbox makes by itself. unacknowledged: what the device has heard no
    acknowledgement of, and not folded. losable: why records may be missing from its disk (kinds of faults that happened to
    it); empty: nothing. boots: those that were begun. gone: what was made before the store was lost with all that was in it.
    erased: what was made before the store was wiped. wiped: the boots that began with that.
    to_be_wiped: an operator was told that its person is erased, and it has not wiped its store since. offered: ids of packs.
    """

    name: str
    produced: dict[Place, bytes] = field(default_factory=dict)
    attempted: list[Record] = field(default_factory=list)
    attempted_folds: set[bytes] = field(default_factory=set)
    unacknowledged: set[Place] = field(default_factory=set)
    losable: set[str] = field(default_factory=set)
    boots: set[int] = field(default_factory=set)
    gone: set[Place] = field(default_factory=set)
    erased: set[Place] = field(default_factory=set)
    wiped: set[int] = field(default_factory=set)
    to_be_wiped: bool = False
    offered: set[bytes] = field(default_factory=set)

    def may_be(self, place: Place, payload: bytes) -> bool:
        """Whether this content may be under this identity: it was made, or was being made when the power went."""
        made = self.produced.get(place)
        if made is not None:
            return made == payload
        if payload in self.attempted_folds:
            return True
        found = decoded(payload)
        return any(_same(found, wanted) for wanted in self.attempted if (wanted.boot, found.seq) == place)


def _same(found: Record, wanted: Record) -> bool:
    return (found.kind, found.boot, found.mono_ms, found.wall_ms, found.clock, found.body) == (
        wanted.kind, wanted.boot, wanted.mono_ms, wanted.wall_ms, wanted.clock, wanted.body,
    )  # fmt: skip


class Books:
    """The books of all devices. `violations`: what was found so far, each kind of a device once."""

    def __init__(self) -> None:
        self.devices: dict[str, DeviceBooks] = {}
        self.violations: list[Violation] = []
        self._told: defaultdict[str, set[str]] = defaultdict(set)

    def of(self, device: str) -> DeviceBooks:
        """The books of one device."""
        return self.devices.setdefault(device, DeviceBooks(device))

    def violated(self, kind: str, who: str, detail: str) -> None:
        """Note a violation; further ones of the same kind and device are the same one."""
        if who not in self._told[kind]:
            self._told[kind].add(who)
            self.violations.append(Violation(kind, who, detail))

    def made(self, device: str, payload: bytes) -> None:
        """An append has returned."""
        books = self.of(device)
        place = record.identity(payload)
        before = books.produced.setdefault(place, payload)
        books.unacknowledged.add(place)
        self._has_given_up(books, decoded(payload))
        if before != payload:
            self.violated(TWO_CONTENTS, device, f"boot {place[0]} seq {place[1]} was appended twice")

    @staticmethod
    def _has_given_up(books: DeviceBooks, made: Record) -> None:
        # A loss, or a fold: what it names is no longer waited for.
        if made.kind == record.LOSS:
            ranges = [record.parse_loss(made.body)[:3]]
        elif made.kind == record.DAY:
            ranges = fold.parse_day(made.body)[-1]
        else:
            return
        books.unacknowledged -= {place for place in books.unacknowledged if fold.named(ranges, *place)}

    def acknowledged(self, device: str, data: bytes) -> None:
        """An acknowledgement has reached a device."""
        boot, upto, rejections, stored = ack.decode_all(data)
        refused = {seq for seq, _ in rejections}
        books = self.of(device)
        books.unacknowledged -= {
            (of, seq)
            for of, seq in books.unacknowledged
            if of == boot and (seq <= upto or seq in refused or any(first <= seq <= last for first, last in stored))
        }

    def let_go(self, device: str, outbox: Outbox) -> None:
        """Look for records that a device has settled, or has no more, without having heard that they are committed."""
        books = self.of(device)
        gone = books.unacknowledged - payloads_of(outbox).keys() - books.gone - books.erased
        if not gone or books.losable:
            return
        to_declare = [(loss.boot, loss.first_seq, loss.last_seq) for loss in outbox.undeclared()]
        for place in sorted(place for place in gone if not fold.named(to_declare, *place)):
            self.violated(LET_GO, device, f"boot {place[0]} seq {place[1]}")

    def booted(self, device: str, boot: int) -> None:
        """A device has opened its outbox."""
        books = self.of(device)
        if boot in books.boots:
            self.violated(BOOT_AGAIN, device, f"boot {boot}")
        books.boots.add(boot)

    def wiped(self, device: str, boot: int) -> None:
        """A device has wiped its store, and a boot began with that."""
        books = self.of(device)
        if boot in books.wiped:
            return
        books.wiped.add(boot)
        books.to_be_wiped = False
        books.boots.add(boot)
        books.erased |= books.produced.keys()
        books.attempted.clear()
        books.attempted_folds.clear()


class ToldOutbox(Outbox):
    """The device's outbox, which tells the books what it made. Options as those of `Outbox`."""

    def __init__(self, books: Books, device: str, *args: Any, **options: Any) -> None:
        self._books, self._device = books, device
        super().__init__(*args, **options)
        self._tell_wipe()  # one that the power was cut amid
        books.booted(device, self.boot)
        of = books.of(device)
        if of.attempted:
            # Made as the power went. Later they may be dropped for want of room before anybody has seen them.
            for place, payload in payloads_of(self).items():
                if of.may_be(place, payload):
                    of.produced.setdefault(place, payload)

    def _adopt_wipe(self) -> None:
        super()._adopt_wipe()
        self._tell_wipe()

    def _tell_wipe(self) -> None:
        boot = number(self._file.db, WIPED)
        if boot:
            self._books.wiped(self._device, boot)

    def append(
        self, kind: int, mono_ms: int, wall_ms: int | None, clock: int, body: list[object], state: Any = None
    ) -> bytes:
        """As `Outbox.append`; noted before, as something that may come to be, and after, as something that is."""
        attempted = self._books.of(self._device).attempted
        attempted.append(Record(kind, self.boot, 0, mono_ms, wall_ms, clock, list(body)))
        payload = super().append(kind, mono_ms, wall_ms, clock, body, state)
        # Also an attempt that failed before: if that one is on the disk as well, the record is there twice.
        wanted = attempted.pop()
        attempted[:] = [item for item in attempted if not _same(item, wanted)]
        self._books.made(self._device, payload)
        return payload

    def _on_folds(self, payloads: Sequence[bytes], *, committed: bool) -> None:
        books = self._books.of(self._device)
        if not committed:
            books.attempted_folds |= set(payloads)
            return
        for payload in payloads:
            self._books.made(self._device, payload)


def payloads_of(outbox: Outbox) -> Mapping[Place, bytes]:
    """Return the records that an outbox has not settled, undeliverable ones too, by (boot, seq)."""
    sql = f"SELECT boot, seq, payload FROM record WHERE done <> {SETTLED} ORDER BY boot, seq"  # noqa: S608
    return {(boot, seq): payload for boot, seq, payload in outbox._read(sql)}
