"""What the gatekeeper has decided about a block of samples: which count, and where trips begin and end."""

from dataclasses import dataclass, fields

import numpy as np

from headway_edge.core.data_quality import GATES
from headway_server.bulk.samples import Integers, Truths

THIN_MS = 40  # as in the scalar core: samples that follow sooner are thinned


@dataclass(frozen=True)
class GatedBlock:
    """Accepted samples, and the trips among them before anything is trimmed or found too short.

    Of accepted samples, shape (accepted): samples: index in the block, in order of acceptance. since_ms: to the accepted
    sample before; 0 where there is none to build upon. silences_ms: the same where there is none to build upon, too; 0 where
    time ran backwards, of no consequence for a vehicle's first.

    Of trips, shape (trips), in order of accepted samples; those of a vehicle are together and in order of time. Each takes
    a range of accepted samples: from `first` (which may be the standing sample driven off from) to before `end`; `folded`
    is the first that is no such lead. closed_at: index in the block of the sample whose update closed the trip, the end of
    its vehicle for those that the end closed. vehicle: place in the block. is_stood_out: closed by standing too long.
    refused: shape (trips, GATES), how many samples of each gate the vehicle has had from its start to that closing.
    """

    samples: Integers
    since_ms: Integers
    silences_ms: Integers
    first: Integers
    folded: Integers
    end: Integers
    closed_at: Integers
    vehicle: Integers
    is_stood_out: Truths
    refused: Integers

    def __len__(self) -> int:
        return len(self.first)


def merged(one: GatedBlock, other: GatedBlock) -> GatedBlock:
    """Return what two gatekeepers decided about different vehicles of one block: first one's trips, then the other's."""
    shift = len(one.samples)
    shifted = {"first", "folded", "end"}
    columns = {}
    for item in fields(GatedBlock):
        added = getattr(other, item.name)
        columns[item.name] = np.concatenate([getattr(one, item.name), added + shift if item.name in shifted else added])
    return GatedBlock(**columns)


def no_gates(trips: int) -> Integers:
    """Return zeros for the gates of so many trips."""
    return np.zeros((trips, GATES), np.int64)
