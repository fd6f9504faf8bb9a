"""What the gatekeeper looks at in each sample of a block: its speed, and whether ignition or engine say on or off."""

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.bulk.samples import Integers, SampleBlock, Truths


class ScreenedBlock:
    """A block of samples as the gatekeeper sees it.

    speed: shape (n), 0.01 km/h, as read. is_off: the ignition is off; None if it never is. is_powered: the ignition is on
    or the engine turns; None if nothing ever says so.
    """

    def __init__(self, pack: Pack, block: SampleBlock) -> None:
        speed = block.signals[pack.speed]
        self.speed: Integers = np.full(len(block), MISSING, np.int64) if speed is None else speed
        self.speed_max: int = pack.signals[pack.speed][5]
        self.is_off: Truths | None = None
        self.is_powered: Truths | None = None
        if pack.ignition >= 0:
            _, _, _, _, low, high, _, _ = pack.signals[pack.ignition]
            ignition = block.signals[pack.ignition]
            if ignition is not None and low <= 0 <= high:
                self.is_off = _or_none(ignition == 0)
            if ignition is not None and low <= 1 <= high:
                self.is_powered = _or_none(ignition == 1)
        if pack.engine_speed >= 0:
            _, _, _, _, low, high, _, _ = pack.signals[pack.engine_speed]
            engine_speed = block.signals[pack.engine_speed]
            if engine_speed is not None:
                turns = _or_none((engine_speed >= max(low, 1)) & (engine_speed <= high))
                if turns is not None:
                    self.is_powered = turns if self.is_powered is None else turns | self.is_powered


def _or_none(flags: Truths) -> Truths | None:
    return flags if flags.any() else None
