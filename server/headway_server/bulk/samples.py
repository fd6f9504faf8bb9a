"""What the bulk engine reads: samples of vehicles as arrays, and blocks of vehicles that are computed together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING

Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]
AnyIntegers = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class VehicleSamples:
    """One vehicle's samples in the order of a recording, as a device would see them from its start to its switching off.

    steps_ms: shape (n); ms since the sample before, negative where time runs backwards; the first is of no consequence.
    signals: one array of shape (n) for each signal of the pack, in its quanta, MISSING (-2^29) where it has no value; None
    for a signal that the vehicle does not have at all.
    """

    steps_ms: AnyIntegers
    signals: Sequence[AnyIntegers | None]

    def __len__(self) -> int:
        return len(self.steps_ms)


def steps_of(times_ms: AnyIntegers) -> Integers:
    """Return the steps between times (ms since any moment, shape (n)); the first is 0.

    >>> steps_of(np.array([5000, 6000, 6500]))
    array([   0, 1000,  500])
    """
    return np.diff(times_ms, prepend=times_ms[:1]).astype(np.int64)


class SampleBlock:
    """Samples of a few vehicles, one after the other.

    starts: shape (vehicles + 1); where each vehicle begins in the block, and its end. steps_ms: shape (n). signals: one
    array of shape (n) for each signal of the pack, None for one that no vehicle has. What is out of a signal's range is
    still there. Raises ValueError when arrays do not fit the pack or each other.
    """

    def __init__(self, pack: Pack, vehicles: Sequence[VehicleSamples]) -> None:
        for vehicle in vehicles:
            _check(pack, vehicle)
        self.starts: Integers = np.cumsum([0] + [len(vehicle) for vehicle in vehicles], dtype=np.int64)
        self.steps_ms = _joined([vehicle.steps_ms for vehicle in vehicles])
        self.signals: list[Integers | None] = []
        for i in range(len(pack.signals)):
            parts = [vehicle.signals[i] for vehicle in vehicles]
            if all(part is None for part in parts):
                self.signals.append(None)
                continue
            filled = [
                np.full(len(vehicle), MISSING, np.int64) if part is None else part
                for part, vehicle in zip(parts, vehicles, strict=True)
            ]
            self.signals.append(_joined(filled))

    def __len__(self) -> int:
        return len(self.steps_ms)

    def vehicle_of(self, samples: Integers) -> Integers:
        """Return the place of the vehicle in the block that each of `samples` (indexes in the block) belongs to."""
        return np.searchsorted(self.starts[1:], samples, side="right")


def _check(pack: Pack, vehicle: VehicleSamples) -> None:
    if len(vehicle.signals) != len(pack.signals):
        raise ValueError(f"{len(vehicle.signals)} signals; pack {pack.name} has {len(pack.signals)}")
    for signal, numbers in zip(pack.signals, vehicle.signals, strict=True):
        if numbers is not None and numbers.shape != vehicle.steps_ms.shape:
            raise ValueError(f"{signal[0]} has shape {numbers.shape}, the steps {vehicle.steps_ms.shape}")
    if pack.speed >= 0 and vehicle.signals[pack.speed] is None:
        raise ValueError(f"{pack.signals[pack.speed][0]} is None; driving is computed from it")


def _joined(parts: Sequence[AnyIntegers]) -> Integers:
    if len(parts) == 1:
        return np.asarray(parts[0], np.int64)
    return np.concatenate(parts, dtype=np.int64)
