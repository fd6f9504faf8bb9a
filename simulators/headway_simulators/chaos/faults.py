"""Every kind of fault, with how often it comes and how bad it gets; and the faults of one seed.

What each does is in `fault_effects`. Lengths are drawn evenly by their logarithm, so that most are short and a few are not;
most begin while people drive.
"""

import math
import random
from collections.abc import Collection
from dataclasses import dataclass

from headway_simulators.chaos.people import OFFERED, PEAKS_MS
from headway_simulators.chaos.script import FLEET, Fault
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from headway_simulators.errors import SimulatorError

NETWORK, BROKER, SERVER, DEVICE, DISK, CLOCK = "network", "broker", "server", "device", "disk", "clock"
OPERATOR = "operator"  # no faults: what people ask of the server, amid all of them
_YEAR_MS = 365 * DAY_MS
_QUIET_END_MS = 6 * HOUR_MS  # nothing begins in the last hours: what is cut short there shows nothing

# Where a server is killed (n of a server-crash).
BEFORE_COMMIT, IN_COMMIT, BEFORE_ACKS, AMID_ACKS = range(4)
# How an erasure goes (n of an erase); at a statement it is IN_COMMIT.
WHOLE, AFTER_JOURNAL, COMMIT_FAILS = 0, 2, 3
# Which operation a disk refuses (m of a disk-error).
READS, WRITES, SYNCS = range(3)


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    group: one of the groups above. about: what happens; {n} and {m} are its numbers. per_year: how often, of one
    device (or, of the broker and the server, of the fleet). lasts: shortest and longest, in ms; None: it is over at
    once. n, m: lowest and highest. may_lose: whether what is on the device's disk may be lost by it, so that losses
    that the device declares afterwards are explained.
    """

    group: str
    about: str
    per_year: float
    lasts: tuple[int, int] | None = None
    n: tuple[int, int] = (0, 0)
    m: tuple[int, int] = (0, 0)
    may_lose: bool = False

    @property
    def is_of_device(self) -> bool:
        """Whether it happens to one device, not to the broker or the server."""
        return self.group not in {BROKER, SERVER}


KINDS = {
    "offline": Kind(NETWORK, "no network", 12, (MINUTE_MS, 21 * DAY_MS)),
    "half-open": Kind(NETWORK, "what is sent vanishes, nobody is told", 12, (MINUTE_MS, 30 * MINUTE_MS)),
    "lossy": Kind(NETWORK, "{n} in 1000 messages vanish, either way", 12, (HOUR_MS, 3 * DAY_MS), (50, 600)),
    "duplicating": Kind(NETWORK, "{n} in 1000 messages come twice", 12, (HOUR_MS, 3 * DAY_MS), (50, 900)),
    "reordering": Kind(NETWORK, "messages take up to {n} ms, in any order", 6, (HOUR_MS, 3 * DAY_MS), (1000, 120_000)),
    "slow": Kind(NETWORK, "messages take {n} ms longer", 6, (HOUR_MS, 3 * DAY_MS), (1000, 60_000)),
    "cut-up": Kind(
        NETWORK, "the connection breaks {m} bytes into the {n}. message to the broker", 40, None, (1, 6), (0, 250)
    ),
    "cut-down": Kind(
        NETWORK, "the connection breaks {m} bytes into the {n}. message to the device", 40, None, (1, 6), (0, 60)
    ),
    "denied": Kind(NETWORK, "the broker takes the device's records and drops them", 3, (10 * MINUTE_MS, 2 * DAY_MS)),
    "oversize": Kind(
        NETWORK, "the broker takes messages over {n} bytes and drops them", 3, (10 * MINUTE_MS, 2 * DAY_MS), (60, 200)
    ),
    "noise": Kind(NETWORK, "{n} messages of noise on the device's topics", 3, None, (1, 5)),
    "broker-restart": Kind(BROKER, "the broker is away and forgets nothing", 25, (SECOND_MS, HOUR_MS)),
    "broker-wipe": Kind(BROKER, "the broker is away and forgets everything", 12, (SECOND_MS, HOUR_MS)),
    "broker-queue": Kind(
        BROKER,
        "the broker keeps {n} messages for an absent server and drops the rest",
        6,
        (HOUR_MS, 7 * DAY_MS),
        (1, 50),
    ),
    "server-crash": Kind(
        SERVER,
        "the server is killed: before a commit (0), at its {m}. statement (1), before the acknowledgements (2) or amid "
        "them (3): {n}",
        50,
        (SECOND_MS, 10 * MINUTE_MS),
        (BEFORE_COMMIT, AMID_ACKS),
        (1, 25),
    ),
    "server-down": Kind(SERVER, "the server is away, then all devices come at once", 8, (HOUR_MS, 8 * DAY_MS)),
    "server-restore": Kind(
        SERVER, "the server's database is replaced by a copy {n} minutes old", 4, (MINUTE_MS, HOUR_MS), (60, 7 * 1440)
    ),
    "database-busy": Kind(SERVER, "every commit fails", 12, (MINUTE_MS, 6 * HOUR_MS)),
    "kill": Kind(DEVICE, "the agent is killed {n} times in a row", 12, (5 * SECOND_MS, HOUR_MS), (1, 4)),
    "kill-amid": Kind(DEVICE, "the agent is killed at the {n}. change of its disk from now on", 12, None, (1, 200)),
    "power-cut": Kind(DISK, "the power is cut at the {n}. change of the disk from now on", 24, None, (1, 200)),
    "disk-full": Kind(DISK, "the disk has room for {n} bytes", 6, (MINUTE_MS, 3 * DAY_MS), (0, 100_000)),
    "disk-error": Kind(
        DISK,
        "the {n}. operation from now on fails, of the reads (0), the changes (1) or the syncs (2): {m}",
        12,
        None,
        (1, 100),
        (READS, SYNCS),
    ),
    "disk-broken": Kind(DISK, "no change of the disk succeeds", 3, (MINUTE_MS, 6 * HOUR_MS)),
    "bit-rot": Kind(DISK, "{n} bits of a file of the store are wrong after a start", 2, None, (1, 8), may_lose=True),
    "store-lost": Kind(DISK, "the store is gone: the card was replaced", 1, None, may_lose=True),
    "clock-jump": Kind(CLOCK, "the wall clock is {n} s ahead", 6, (MINUTE_MS, 3 * DAY_MS), (-30 * 86400, 3650 * 86400)),
    "offer": Kind(OPERATOR, "the device is offered pack {n}", 4, None, (0, len(OFFERED) - 1)),
    "erase": Kind(
        OPERATOR,
        "its person is erased; the server is not killed (0), killed at the {m}. statement of it (1), or once its journal "
        "has it (2), or the commit fails then (3): {n}",
        1,
        (SECOND_MS, 10 * MINUTE_MS),
        (WHOLE, COMMIT_FAILS),
        (1, 60),
    ),
    "clock-unset": Kind(CLOCK, "the device boots in 1970", 6, (MINUTE_MS, 3 * DAY_MS)),
}


def groups() -> list[str]:
    """Return the groups that there are faults of, in the order of the table."""
    return list(dict.fromkeys(kind.group for kind in KINDS.values()))


def chosen(text: str) -> frozenset[str]:
    """Return the kinds that `text` names: kinds and groups with commas between, "" for all, "none" for none.

    Raises SimulatorError for a name that is neither.
    """
    if text == "none":
        return frozenset()
    found: set[str] = set()
    for name in filter(None, (part.strip() for part in text.split(","))):
        of_group = {kind for kind, item in KINDS.items() if item.group == name}
        if not of_group and name not in KINDS:
            raise SimulatorError(
                f"there is no kind of fault {name!r}. Groups: {', '.join(groups())}. Kinds: {', '.join(KINDS)}."
            )
        found |= of_group or {name}
    return frozenset(found or KINDS)


def faults_of(seed: int, devices: int, days: int, kinds: Collection[str]) -> tuple[Fault, ...]:
    """Return the faults of a seed, in order of time. The same seed has the same faults of a kind whichever others are chosen."""
    found = []
    for name in sorted(kinds):
        kind = KINDS[name]
        for device in range(devices) if kind.is_of_device else (FLEET,):
            dice = random.Random(f"{seed}/faults/{name}/{device}")  # noqa: S311 - a simulation's dice
            wait_ms = _YEAR_MS / kind.per_year
            at_ms = dice.expovariate(1 / wait_ms)
            while at_ms < days * DAY_MS - _QUIET_END_MS:
                found.append(_fault(dice, name, kind, device, _moment(dice, int(at_ms)), days * DAY_MS))
                at_ms += dice.expovariate(1 / wait_ms)
    return tuple(sorted(found))


def _moment(dice: random.Random, at_ms: int) -> int:
    # Mostly when people drive, for then there is something to spoil; of a day, any time is as likely.
    if dice.randrange(4) == 0:
        return at_ms
    return at_ms // DAY_MS * DAY_MS + dice.choice(PEAKS_MS) + dice.randint(-2 * MINUTE_MS, 12 * MINUTE_MS)


def _fault(dice: random.Random, name: str, kind: Kind, device: int, at_ms: int, end_ms: int) -> Fault:
    for_ms = 0
    if kind.lasts is not None:
        low, high = kind.lasts
        for_ms = min(drawn(dice, low, high), end_ms - at_ms)
    return Fault(at_ms, name, device, for_ms, dice.randint(*kind.n), dice.randint(*kind.m))


def drawn(dice: random.Random, low: int, high: int) -> int:
    """Draw a whole number, evenly by its logarithm."""
    return int(math.exp(dice.uniform(math.log(low), math.log(high))))


def describe(fault: Fault) -> str:
    """Return what a fault is, for people."""
    about = KINDS[fault.kind].about.format(n=fault.n, m=fault.m)
    whose = "" if fault.device == FLEET else f"device {fault.device}: "
    lasts = "" if not fault.for_ms else f", for {fault.for_ms / 1000:g} s"
    return f"{fault.kind}: {whose}{about}{lasts}"
