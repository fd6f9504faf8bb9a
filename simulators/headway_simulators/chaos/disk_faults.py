"""What can go wrong at one operation of a simulated disk, and plans of when it does.

A plan is asked before every operation; what it answers happens there. Count-down tests use `nth`: the n-th operation
fails, n = 1, 2, 3, ... until a run has had no fault.
"""

import errno
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal, NamedTuple

# Operations that change a disk and operations that only look at it; the two are counted apart.
CHANGES = ("create", "write", "truncate", "sync", "rename", "remove", "sync-folder")
LOOKS = ("open", "read")

Moment = Literal["before", "inside", "after"]
MOMENTS: tuple[Moment, ...] = ("before", "inside", "after")


class Operation(NamedTuple):
    """What is about to be done. number: of the changes, or of the looks, since the disk was made, from 1. size: bytes."""

    number: int
    kind: str
    path: str
    size: int


@dataclass(frozen=True)
class Cut:
    """The process is gone: before the operation, inside of it (a part of it is done), or after it.

    power: whether it takes the page cache with it, as a power cut does and `kill -9` does not.
    """

    moment: Moment = "inside"
    power: bool = True


@dataclass(frozen=True)
class Refusal:
    """The operation fails with an `errno`; of a refused write a part may be written, of a refused sync a part synced.

    What a refused sync did not write, no later sync writes, as on Linux: the page cache takes it for clean. It is still
    read from there, on ext4 and XFS; where it `reverts`, as on Btrfs, the old bytes are ("Can Applications Recover from
    fsync Failures?", USENIX ATC 2020).
    """

    number: int = errno.EIO
    reverts: bool = False


@dataclass(frozen=True)
class Flip:
    """One bit of what is read comes out wrong, this time. bit: counted from the first one read, round and round."""

    bit: int


Fault = Cut | Refusal | Flip
Plan = Callable[[Operation], Fault | None]


def nth(number: int, fault: Fault, kinds: Container[str] = CHANGES, lasts: int | None = 1) -> Plan:
    """Return the plan of a `fault` at the `number`-th operation of the `kinds` from now on, counted from 1.

    lasts: at how many in a row; None: at every one from there on.
    """
    seen = 0

    def plan(operation: Operation) -> Fault | None:
        nonlocal seen
        if operation.kind not in kinds:
            return None
        seen += 1
        return fault if seen >= number and (lasts is None or seen < number + lasts) else None

    return plan
