"""Golden vectors as files: what every host makes of the same bytes, byte for byte.

records/*.json: a pack, samples, and the records of the trips in them. process.json: a pack, trips' counts, and what
`process_vectors.py` prints of them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent / "records"
PROCESS_FILE = Path(__file__).parent / "process.json"

Row = tuple[int | None, ...]  # dt_ms, then the numbers of the vector's signals; None is missing


@dataclass(frozen=True)
class Vector:
    """One vector. signals: the pack's that the samples have, by name. records: bytes in hex, as `core_vectors.py` prints them."""

    name: str
    about: str
    pack: bytes
    vehicle_class: str
    period_ms: int
    signals: tuple[str, ...]
    samples: tuple[Row, ...]
    records: tuple[str, ...]

    def text(self) -> str:
        """The file's content: JSON with one sample a line, [how often, dt_ms, numbers]; equal ones in a row are one line."""
        head = {
            "about": self.about,
            "pack": self.pack.hex(),
            "class": self.vehicle_class,
            "period_ms": self.period_ms,
            "signals": self.signals,
        }
        lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
        rows = [json.dumps([sum(1 for _ in same), *row]) for row, same in groupby(self.samples)]
        lines.append('"samples": [\n' + ",\n".join(rows) + "\n]")
        lines.append('"records": [\n' + ",\n".join(map(json.dumps, self.records)) + "\n]")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def rows(self, names: Sequence[str]) -> Iterator[tuple[int, list[int | None]]]:
        """Yield (dt_ms, numbers) of each sample for a pack whose signals have these names."""
        places = [self.signals.index(name) + 1 if name in self.signals else None for name in names]
        for row in self.samples:
            assert row[0] is not None
            yield row[0], [None if place is None else row[place] for place in places]


def read(path: Path) -> Vector:
    """Return the vector of a file."""
    found = json.loads(path.read_text(encoding="utf-8"))
    samples = [tuple(row) for times, *row in found["samples"] for _ in range(times)]
    return Vector(
        path.stem,
        found["about"],
        bytes.fromhex(found["pack"]),
        found["class"],
        found["period_ms"],
        tuple(found["signals"]),
        tuple(samples),
        tuple(found["records"]),
    )


def vectors() -> list[Vector]:
    """Every vector of records."""
    return [read(path) for path in sorted(FOLDER.glob("*.json"))]


@dataclass(frozen=True)
class ProcessVector:
    """Counts of trips as packed in records, in hex, and the lines printed of them."""

    pack: bytes
    trips: tuple[str, ...]
    lines: tuple[str, ...]

    def text(self) -> str:
        """The file's content."""
        head = {"pack": self.pack.hex(), "trips": self.trips, "lines": self.lines}
        return json.dumps(head, ensure_ascii=False, indent=1) + "\n"


def read_process() -> ProcessVector:
    """Return the vector of `PROCESS_FILE`."""
    found = json.loads(PROCESS_FILE.read_text(encoding="utf-8"))
    return ProcessVector(bytes.fromhex(found["pack"]), tuple(found["trips"]), tuple(found["lines"]))


def line(dt_ms: int, numbers: Sequence[int | None]) -> str:
    """A sample as the scripts of tests/micropython read it."""
    return " ".join([str(dt_ms), *("-" if number is None else str(number) for number in numbers)]) + "\n"
