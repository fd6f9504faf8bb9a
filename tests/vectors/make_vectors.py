"""Write the golden vectors anew, with the packs as they are now.

    python tests/vectors/make_vectors.py

The records in them are what the core on CPython makes. A vector that changes is a changed pack, which is another definition,
or a change of what the core makes of the same one, which must not happen: read the difference before committing it.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("vectors", "micropython", "bulk")]

import process_vectors  # noqa: E402 - on the path only now
from core_vectors import Replay  # noqa: E402
from drives import DRIVES, EVERYTHING, PRIVATE  # noqa: E402
from golden import FOLDER, PROCESS_FILE, ProcessVector, Vector, line  # noqa: E402
from made_packs import everything_compiled  # noqa: E402

from headway_edge.core.pack import Pack  # noqa: E402
from headway_edge.packs import __file__ as packs_file  # noqa: E402
from headway_protocol import record  # noqa: E402


def pack_bytes(name: str) -> bytes:
    """The compiled pack: of every operator, or one that comes with the agent."""
    return everything_compiled() if name == EVERYTHING else (Path(packs_file).parent / f"{name}.cbor").read_bytes()


def made(name: str) -> Vector:
    """Return the vector of one drive."""
    drive, pack_name, vehicle_class, period_ms = DRIVES[name]
    data = pack_bytes(pack_name)
    pack = Pack(data)
    names = [signal[0] for signal in pack.signals]
    driven = list(drive())
    told = {signal for _, numbers in driven for signal in numbers}
    signals = tuple(signal for signal in names if signal in told)
    about = " ".join((drive.__doc__ or "").split())
    samples = tuple((dt_ms, *(numbers.get(signal) for signal in signals)) for dt_ms, numbers in driven)
    vector = Vector(name, about, data, vehicle_class, period_ms, signals, samples, ())
    records: list[str] = []
    replay = Replay(pack, vehicle_class, period_ms, lambda data: records.append(data.hex()))
    for dt_ms, numbers in vector.rows(names):
        replay.line(line(dt_ms, numbers))
    replay.finish()
    return Vector(name, about, data, vehicle_class, period_ms, signals, samples, tuple(records))


def made_process(vectors: list[Vector]) -> ProcessVector:
    """Return the vector of the process of private driving, over the trips in its vectors of records."""
    data = pack_bytes(PRIVATE)
    in_order = sorted(vectors, key=lambda vector: vector.name)
    records = [item for vector in in_order if vector.pack == data for item in vector.records]
    trips = tuple(record.parse_episode(record.decode(bytes.fromhex(item)).body)[2].hex() for item in records)
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        pack, counts = Path(folder) / "pack.cbor", Path(folder) / "trips.txt"
        pack.write_bytes(data)
        counts.write_text("".join(f"{trip}\n" for trip in trips))
        process_vectors.main(pack, counts, lines.append)
    return ProcessVector(data, trips, tuple(lines))


def main() -> None:
    """Write every vector."""
    FOLDER.mkdir(exist_ok=True)
    found = [made(name) for name in DRIVES]
    for vector in found:
        (FOLDER / f"{vector.name}.json").write_text(vector.text(), encoding="utf-8")
    PROCESS_FILE.write_text(made_process(found).text(), encoding="utf-8")


if __name__ == "__main__":
    main()
