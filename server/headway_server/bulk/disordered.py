"""The gatekeeper for vehicles whose time stands still, runs backwards or outruns 25 Hz: sample by sample, as on the device.

Only what the gatekeeper itself needs is kept from sample to sample; the pack's own work is done on whole arrays all the same.
"""

import numpy as np

from headway_edge.core.data_quality import BACKWARDS, DUPLICATE, GATES, NO_SPEED, OUT_OF_RANGE
from headway_edge.core.pack import Pack
from headway_server.bulk.gated import THIN_MS, GatedBlock
from headway_server.bulk.samples import SampleBlock, Truths
from headway_server.bulk.screened import ScreenedBlock

_MOMENT_LIMIT_MS = 1 << 29
_UNKNOWN = -1  # there is no speed to build upon


class DisorderedGatekeeper:
    """Decides about vehicles of a block one after the other; `result` gives what was decided about all of them."""

    def __init__(self, pack: Pack, block: SampleBlock, screened: ScreenedBlock) -> None:
        self._near_ms, self._gap_ms, self._standing_ms, self._limit_ms, _, _ = pack.rules
        self._block = block
        self._screened = screened
        self._samples: list[int] = []
        self._since_ms: list[int] = []
        self._silences_ms: list[int] = []
        self._trips: list[tuple[int, int, int, int, int, bool]] = []
        self._refused: list[list[int]] = []
        self._begin_vehicle()

    def _begin_vehicle(self) -> None:
        self._gates = [0] * GATES
        self._open = False
        self._speed = _UNKNOWN
        self._since = 0
        self._first = self._folded = 0
        self._elapsed_ms = self._stand_ms = 0
        self._standing = False

    def watch(self, vehicle: int) -> None:
        """Decide about the samples of one vehicle, from its first to its last."""
        self._begin_vehicle()
        start, end = int(self._block.starts[vehicle]), int(self._block.starts[vehicle + 1])
        steps_ms = self._block.steps_ms[start:end].tolist()
        speeds = self._screened.speed[start:end].tolist()
        off = _flags(self._screened.is_off, start, end)
        powered = _flags(self._screened.is_powered, start, end)
        speed_max = self._screened.speed_max
        for i in range(end - start):
            since = min(max(self._since + steps_ms[i], -_MOMENT_LIMIT_MS), _MOMENT_LIMIT_MS)
            self._since = since
            speed = speeds[i]
            if off[i]:
                self._close(vehicle, start + i)
                self._speed = _UNKNOWN
            elif speed < 0 or speed > speed_max:
                self._gates[NO_SPEED if speed < 0 else OUT_OF_RANGE] += 1
            elif self._is_in_order(vehicle, start + i, since):
                self._accept(vehicle, start + i, speed, powered[i])
        self._close(vehicle, end)

    def _is_in_order(self, vehicle: int, sample: int, since: int) -> bool:
        if self._speed < 0:
            return True
        if -self._gap_ms < since < THIN_MS:
            if since <= 0:
                self._gates[DUPLICATE if since == 0 else BACKWARDS] += 1
            return False
        if since <= 0:
            self._gates[BACKWARDS] += 1
        if since <= 0 or since > self._gap_ms or (self._open and self._elapsed_ms >= self._limit_ms):
            self._close(vehicle, sample)
            self._speed = _UNKNOWN
        return True

    def _accept(self, vehicle: int, sample: int, speed: int, powered: bool) -> None:
        row = len(self._samples)
        if not self._open and (speed > 0 or powered):
            self._open = True
            self._standing = False
            self._elapsed_ms = 0
            if self._speed >= 0 and self._since > self._near_ms:
                self._speed = _UNKNOWN
            self._folded = row
            self._first = row if self._speed < 0 else row - 1
        since = 0 if self._speed < 0 else self._since
        self._samples.append(sample)
        self._since_ms.append(since)
        self._silences_ms.append(max(self._since, 0))
        self._speed = speed
        self._since = 0
        if self._open:
            self._elapsed_ms += since
            self._stand(vehicle, sample, since, powered)

    def _stand(self, vehicle: int, sample: int, since: int, powered: bool) -> None:
        if self._speed:
            self._standing = False
        elif not self._standing:
            self._standing = True
            self._stand_ms = since
        else:
            self._stand_ms += since
            if self._stand_ms > self._standing_ms and not powered:
                self._close(vehicle, sample, is_stood_out=True)

    def _close(self, vehicle: int, sample: int, is_stood_out: bool = False) -> None:
        if self._open:
            self._open = False
            self._trips.append((self._first, self._folded, len(self._samples), sample, vehicle, is_stood_out))
            self._refused.append(list(self._gates))

    def result(self) -> GatedBlock:
        """Return what was decided about all vehicles that were watched."""
        trips = np.array(self._trips, np.int64).reshape(-1, 6)
        return GatedBlock(
            np.array(self._samples, np.int64),
            np.array(self._since_ms, np.int64),
            np.array(self._silences_ms, np.int64),
            trips[:, 0],
            trips[:, 1],
            trips[:, 2],
            trips[:, 3],
            trips[:, 4],
            trips[:, 5] != 0,
            np.array(self._refused, np.int64).reshape(-1, GATES),
        )


def _flags(flags: Truths | None, start: int, end: int) -> list[bool]:
    return [False] * (end - start) if flags is None else flags[start:end].tolist()
