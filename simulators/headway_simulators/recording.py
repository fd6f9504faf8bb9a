"""A recording: the samples of one file, and the signals that the file has beside them."""

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from headway_simulators import tachograph
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_rows import header_of, rows_in, signals_of
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.samples import Sample

_PERIOD_SAMPLES = 50


@dataclass
class Recording:
    """One file of samples.

    path: where it came from. samples: in the file's order, which the core checks. problems: rows dropped and cells not
    understood, by kind. columns: the VSS names that `signals` finds in it. content_sha256: of the file's content as it
    was read, decompressed; empty for a recording that was put together otherwise.
    """

    path: Path
    samples: list[Sample]
    problems: Counter[str] = field(default_factory=Counter)
    columns: frozenset[str] = frozenset()
    content_sha256: bytes = field(default=b"", repr=False)

    @property
    def period_ms(self) -> int:
        """The sampling period: the median of the first steps, held to what the core takes."""
        times = [sample.wall_ms for sample in self.samples[: _PERIOD_SAMPLES + 1]]
        steps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
        return min(max(steps[len(steps) // 2], 40), 1000) if steps else 1000

    def signals(
        self, wanted: Sequence[SignalQuantum], problems: Counter[str], utc_as_local: bool = True
    ) -> Iterator[tuple[int, ...]]:
        """Yield for each sample, in the same order and number, one integer for each signal that is asked for.

        wanted: VSS names with their quanta. An integer counts quanta; it is MISSING (-2^29) where the file has nothing, or
        nothing usable. problems: gets, when the iterator ends, what of these signals was not understood and is not in
        `Recording.problems` yet; it may be that very counter. utc_as_local: whether times in UTC, or without an offset, are
        local ones; else they tell no local time.

        The file is read a second time rather than kept: recordings replayed without a pack pay nothing, and positions and
        names that a file has beside its samples stay in the file. Its text is held while the iterator lives.
        Raises SimulatorError if the file can no longer be read or is another one by now, ValueError for no quantum.
        """
        if not self.content_sha256:
            raise SimulatorError(
                f"{self.path}: this recording was put together from others and has samples only. "
                "Ask the recordings it was made of for their signals."
            )
        if not self.path.is_file():
            raise SimulatorError(
                f"{self.path} cannot be read a second time, which signals need: it is gone or no ordinary file. "
                "Save the recording in a file and read that."
            )
        data = content(self.path)
        if hashlib.sha256(data).digest() != self.content_sha256:
            raise SimulatorError(f"{self.path} has changed since its samples were read. Read it again.")
        seen: Counter[str] = Counter()
        if tachograph.recognizes(data):
            return self._counted(tachograph.signals(data, wanted, seen), seen, problems)
        rows = rows_in(data)
        found = signals_of(header_of(rows), rows, wanted, str(self.path), seen, utc_as_local)
        return self._counted(found, seen, problems)

    def _counted(
        self, rows: Iterator[tuple[int, ...]], seen: Counter[str], problems: Counter[str]
    ) -> Iterator[tuple[int, ...]]:
        try:
            yield from rows
        finally:
            problems.update(seen - self.problems)  # only what is more


def content(path: Path) -> bytes:
    """Return a file's content, decompressed. Raises SimulatorError for what cannot be read, with what to do."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except FileNotFoundError:
        raise SimulatorError(f"{path}: there is no such file. Check the name; `*` patterns are the shell's.") from None
    except IsADirectoryError:
        raise SimulatorError(f"{path} is a folder. Name its files, for example {path}/*.csv.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SimulatorError(f"{path} cannot be read: {error}. Check its permissions, or fetch it again.") from error
