"""One device's own samples as arrays, from one or more files, and over which stretches of time they are complete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from headway_edge.core.pack import Pack
from headway_server.bulk.samples import AnyIntegers, Integers


@dataclass(frozen=True)
class DeviceSamples:
    """Samples in the order of the recording.

    times_ms: shape (n); Unix ms, or ms of the local clock where `is_local`. files: index of the first sample of each file,
    ascending from 0; within a file nothing is left out. period_ms: of sampling. signals: gives for a pack one array of shape (n)
    for each of its signals, in its quanta, MISSING where there is no value, None for a signal that was not recorded; of local
    time only what the recording itself tells.
    """

    times_ms: Integers
    files: Sequence[int]
    period_ms: int
    signals: Callable[[Pack], Sequence[AnyIntegers | None]]
    is_local: bool = False

    def __len__(self) -> int:
        return len(self.times_ms)

    def between(self, since_ms: int | None, until_ms: int | None) -> tuple[int, int]:
        """Return (begin, end) of the samples that were taken after one moment, up to and with another; None: without a border.

        The moments are of the device's clock, which never goes back even where the samples' times do.
        """
        reached_ms = np.maximum.accumulate(self.times_ms)
        begin = 0 if since_ms is None else int(np.searchsorted(reached_ms, since_ms, side="right"))
        end = len(self) if until_ms is None else int(np.searchsorted(reached_ms, until_ms, side="right"))
        return begin, max(begin, end)


class Piece(NamedTuple):
    """A stretch of time over which the samples are complete: `begin` to before `end`, and their first and last time (ms)."""

    begin: int
    end: int
    first_ms: int
    last_ms: int

    def covers(self, start_ms: int, end_ms: int, clock_ms: int) -> bool:
        """Whether all of a trip lies in the stretch, by a clock that may have been off by so much.

        The trip's time elapsed is known to a tenth of a second.
        """
        return self.first_ms - clock_ms <= start_ms and end_ms <= self.last_ms + clock_ms + 100

    def touches(self, start_ms: int, end_ms: int) -> bool:
        """Whether some of a trip lies in the stretch."""
        return self.first_ms <= end_ms and start_ms <= self.last_ms


def pieces_of(samples: DeviceSamples, pack: Pack, begin: int, end: int) -> list[Piece]:
    """Return the stretches of samples `begin` to before `end`.

    A file is one, and goes on in the next file if that begins before the pack's silence would end a trip, or with the next epoch.
    """
    silence_ms = int(pack.rules[1] if pack.kind == "trip" else pack.rules[0])
    borders = [begin, *(file for file in samples.files if begin < file < end), end]
    found: list[Piece] = []
    for first, last in pairwise(borders):
        times_ms = samples.times_ms[first:last]
        if not len(times_ms):
            continue
        piece = Piece(first, last, int(times_ms.min()), int(times_ms.max()))
        if found and 0 <= piece.first_ms - found[-1].last_ms <= silence_ms:
            before = found.pop()
            piece = Piece(before.begin, last, before.first_ms, piece.last_ms)
        found.append(piece)
    return found
