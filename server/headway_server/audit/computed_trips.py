"""The trips, or days, that a device's samples give, in the bytes of their records, and what of them is certain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headway_edge.core.data_quality import wire_gates
from headway_edge.core.pack import Pack
from headway_protocol import counts as packed
from headway_server.audit.device_samples import DeviceSamples, Piece, pieces_of
from headway_server.audit.memory import Memory, memory_of
from headway_server.bulk.days import BulkDays
from headway_server.bulk.engine import BulkEngine
from headway_server.bulk.local_time import with_local_time
from headway_server.bulk.samples import AnyIntegers, Integers, VehicleSamples, steps_of


@dataclass(frozen=True, slots=True)
class ComputedTrip:
    """A trip by the samples; times in ms as theirs, of its first sample and the time elapsed after it.

    counts, gates: packed. follows: whether the one before it in the list was followed without a break in the samples.
    ends_inside: whether they went on when it closed. remembers: whether all that its numbers hold of before is in them.
    """

    start_ms: int
    end_ms: int
    counts: bytes
    gates: bytes
    follows: bool
    ends_inside: bool
    remembers: bool


@dataclass(frozen=True)
class Computed:
    """The trips of one run in order of time, the stretches of its samples, and what its pack remembers."""

    trips: list[ComputedTrip]
    pieces: list[Piece]
    memory: Memory


class RunSamples:
    """The samples that a device took in one run, `begin` to before `end`.

    Raises ValueError for a class that the pack does not know, a period that it does not take, samples that do not fit it.
    """

    def __init__(self, samples: DeviceSamples, pack: Pack, vehicle_class: str, begin: int, end: int) -> None:
        kind = BulkDays if pack.kind == "day" else BulkEngine
        self._engine = kind(pack, vehicle_class, samples.period_ms)
        self._pack = pack
        self._begin = begin
        self._times_ms = samples.times_ms[begin:end]
        columns = [None if column is None else column[begin:end] for column in samples.signals(pack)]
        self._samples = VehicleSamples(steps_of(self._times_ms), columns)
        self._pieces = pieces_of(samples, pack, begin, end)
        self._memory = memory_of(pack, vehicle_class)

    @property
    def times_ms(self) -> Integers:
        """Shape (n); when each was taken."""
        return self._times_ms

    def computed(self, ahead_ms: Integers | None) -> Computed:
        """Return what the samples give.

        ahead_ms: shape (n); how far the device's local time was ahead of the samples' times, None where it never had any.
        """
        samples = self._samples
        if ahead_ms is not None:
            samples = with_local_time(self._pack, samples, self._times_ms + ahead_ms)
        found = self._engine.run([samples])
        starts_ms = self._times_ms[found.first_sample]
        pieces = self._places(found.first_sample)
        remembers = self._remembers(found.first_sample, pieces)
        trips = []
        for i, (numbers, wire, gates) in enumerate(
            zip(found.numbers.tolist(), found.wire.tolist(), found.gates.tolist(), strict=True)
        ):
            piece = self._pieces[pieces[i]]
            start_ms = int(starts_ms[i])
            trips.append(
                ComputedTrip(
                    start_ms,
                    start_ms + numbers[0],
                    packed.pack(wire),
                    wire_gates(gates),
                    i > 0 and pieces[i] == pieces[i - 1],
                    bool(found.closed_at[i] + self._begin < piece.end),
                    bool(remembers[i]),
                )
            )
        return Computed(trips, self._pieces, self._memory)

    def _places(self, first: Integers) -> Sequence[int]:
        begins = [piece.begin - self._begin for piece in self._pieces]
        places: list[int] = (np.searchsorted(begins, first, side="right") - 1).tolist()
        return places

    def _remembers(self, first: Integers, pieces: Sequence[int]) -> list[bool]:
        # Whether the samples of a piece had gone on for long enough, or had had a rest of the longest kind, before a trip.
        back_ms = self._memory.back_ms
        if not back_ms:
            return [True] * len(first)
        if self._pack.kind == "day":
            since_ms = [self._pieces[piece].first_ms for piece in pieces]
            has_gone_on: list[bool] = (self._times_ms[first] - np.array(since_ms, np.int64) >= back_ms).tolist()
            return has_gone_on
        speed = self._samples.signals[self._pack.speed]
        assert speed is not None  # noqa: S101 - the engine has run on it
        known: list[bool] = []
        rested: dict[int, tuple[Integers, int]] = {}
        for sample, place in zip(first.tolist(), pieces, strict=True):
            if place not in rested:
                rested[place] = self._rested(self._pieces[place], speed)
            moving, from_sample = rested[place]
            moves_from = moving[np.searchsorted(moving, sample) :][:1]
            known.append(bool(len(moves_from) and from_sample <= moves_from[0]))
        return known

    def _rested(self, piece: Piece, speed: AnyIntegers) -> tuple[Integers, int]:
        # The samples of a piece that move, and the first of them after a rest of the longest kind; one that none is if none is.
        begin, end = piece.begin - self._begin, piece.end - self._begin
        moving: Integers = begin + np.flatnonzero(speed[begin:end] > 0)
        # What is near a sample that moves may be driving, up to there.
        rest_ms = self._memory.back_ms + self._pack.rules[0]
        rested = moving[1:][np.diff(self._times_ms[moving]) > rest_ms]
        return moving, int(rested[0]) if len(rested) else end
