"""What a reader of a wearable's recording gives: one person's epochs, ready for a pack of kind "day"."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headway_edge.core.program import MISSING
from headway_simulators.recorded_signals import SignalQuantum, SignalReader
from headway_simulators.recording import Recording
from headway_simulators.samples import UNKNOWN, Sample

LOCAL_MINUTE = "Wearable.LocalMinute"
UTC_MINUTE = "minute of UTC"  # in a row that tells no local one
ACTIVITY = "Wearable.ActivityCount"
STEPS = "Wearable.Steps"
HEART_RATE = "Wearable.HeartRate"
WORN = "Wearable.IsWorn"

MINUTE_MS = 60_000


@dataclass
class EpochRecording(Recording):
    """One person's epochs.

    samples: their beginnings; where a file knows local times only, those as if they were UTC. rows: for each, what was
    measured, by VSS name. epoch_ms: how long an epoch is. person: whose they are, if a file has several persons'.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    epoch_ms: int = MINUTE_MS
    person: str = ""

    @property
    def period_ms(self) -> int:
        """The length of an epoch."""
        return self.epoch_ms

    def signals(
        self,
        wanted: Sequence[SignalQuantum],
        problems: Counter[str],
        utc_as_local: bool = True,
    ) -> Iterator[tuple[int, ...]]:
        """Yield for each epoch one integer for each signal that is asked for, as `Recording.signals` does."""
        readers = [(signal.name, SignalReader(signal)) for signal in wanted]
        for row in self.rows:
            numbers = {LOCAL_MINUTE: row[UTC_MINUTE], **row} if utc_as_local and UTC_MINUTE in row else row
            yield tuple(
                [reader.quanta(numbers[name], problems) if name in numbers else MISSING for name, reader in readers]
            )  # fmt: skip


def at(wall_ms: int) -> Sample:
    """Return the sample of an epoch that begins at `wall_ms`; a wearable has no speed."""
    return Sample(wall_ms, UNKNOWN)


def local_minute(local_ms: int) -> float:
    """Return the minute of the day of a local time in ms since 1970."""
    return float(local_ms // MINUTE_MS % 1440)
