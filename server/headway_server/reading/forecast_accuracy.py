"""How good the forecasts of devices were, worked out again from the trips that they sent.

A device forecasts by `headway_edge.core.series` from its trips alone, and here the same code follows the same trips. So nothing
of its forecasts is sent, and none can disagree with what it made. Only where customer factors move a forecast, the device
knows what the server does not, its person's classes: those forecasts are followed without them, unless they are given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headway_edge.core.forecast import error_ledger
from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.process import Characteristic, Process
from headway_edge.core.series import Series, series_of
from headway_server.reading.device_trips import DeviceTrip
from headway_server.reading.followed_days import FollowedDays


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How good the forecasts of one series were, of one person or of many.

    noun: what was forecast, "trip" or "day". ledger: as `headway_edge.core.forecast.error_ledger` reads it. asked, held: of how
    many numbers an interval was known beforehand, and how many lay in it. adapted: whether customer factors move it.
    """

    characteristic: Characteristic
    noun: str
    ledger: list[int]
    asked: int
    held: int
    adapted: bool

    @property
    def forecasts(self) -> int:
        """How many numbers were forecast."""
        return self.ledger[error_ledger.COUNT]

    @property
    def held_permille(self) -> int | None:
        """The share of numbers that lay in their interval; None where there was none."""
        return None if not self.asked else (2000 * self.held + self.asked) // (2 * self.asked)


def follow(process: Process, trips: Sequence[DeviceTrip], classes: list[int] | None = None) -> list[Series]:
    """Return the series of a process after a device's trips, in the pack's order.

    classes: of the device's person, as of `Series`; None: not known.
    """
    unknown = [MISSING] * len(process.pack.factors)
    days = FollowedDays(process, series_of(process, unknown if classes is None else classes))
    for trip in trips:
        days.take(trip)
    return days.series


class Together:
    """Adds up how good each series of a process was, device by device. devices: how many there were."""

    def __init__(self, process: Process) -> None:
        none = series_of(process, [MISSING] * len(process.pack.factors))
        self._found = [
            Accuracy(item.characteristic, item.noun, item.ledger.numbers(), 0, 0, bool(of[4]))
            for item, of in zip(none, process.pack.series, strict=True)
        ]
        self.devices = 0

    def add(self, followed: Sequence[Series]) -> None:
        """Add what `follow` gave of one device."""
        self.devices += 1
        self._found = [
            replace(
                found,
                ledger=error_ledger.merge(found.ledger, item.ledger.numbers()),
                asked=found.asked + item.asked,
                held=found.held + item.held,
            )
            for found, item in zip(self._found, followed, strict=True)
        ]

    def accuracy(self) -> list[Accuracy]:
        """Return it for each series, in the pack's order."""
        return self._found
