"""The golden vectors are those of today's packs, and the scalar core and the bulk engine make the very records in them.

MicroPython makes them too: tests/micropython/test_same_bytes.py.
"""

from typing import Any

import make_vectors
import numpy as np
import pytest
from core_vectors import Replay
from drives import DRIVES
from golden import FOLDER, PROCESS_FILE, Vector, line, read, read_process, vectors

from headway_edge.core.data_quality import wire_gates
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_protocol import counts, record
from headway_server.bulk.engine import BulkEngine
from headway_server.bulk.samples import VehicleSamples

VECTORS = vectors()
STALE = (
    "is stale: its pack, its drive or what the core makes of them has changed. Where that was meant, run "
    "`python tests/vectors/make_vectors.py` and read the difference."
)


def by_name(vector: Any) -> str:
    return str(getattr(vector, "name", vector))


def test_there_is_a_vector_for_every_drive() -> None:
    assert [vector.name for vector in VECTORS] == sorted(DRIVES)
    assert all(vector.records for vector in VECTORS)


@pytest.mark.parametrize("name", DRIVES)
def test_a_vector_is_current(name: str) -> None:
    if make_vectors.made(name).text() != (FOLDER / f"{name}.json").read_text(encoding="utf-8"):
        pytest.fail(f"tests/vectors/records/{name}.json {STALE}")


def test_the_vector_of_the_process_is_current() -> None:
    if make_vectors.made_process(VECTORS).text() != PROCESS_FILE.read_text(encoding="utf-8"):
        pytest.fail(f"tests/vectors/process.json {STALE}")
    assert len(read_process().trips) > 40


@pytest.mark.parametrize("vector", VECTORS, ids=by_name)
def test_a_file_is_read_as_it_was_written(vector: Vector) -> None:
    assert vector.text() == (FOLDER / f"{vector.name}.json").read_text(encoding="utf-8")
    assert read(FOLDER / f"{vector.name}.json") == vector


@pytest.mark.parametrize("vector", VECTORS, ids=by_name)
def test_the_scalar_core_makes_the_records(vector: Vector) -> None:
    pack = Pack(vector.pack)
    found: list[str] = []
    replay = Replay(pack, vector.vehicle_class, vector.period_ms, lambda data: found.append(data.hex()))
    for dt_ms, numbers in vector.rows([signal[0] for signal in pack.signals]):
        replay.line(line(dt_ms, numbers))
    replay.finish()
    assert tuple(found) == vector.records


@pytest.mark.parametrize("vector", VECTORS, ids=by_name)
def test_the_bulk_engine_makes_the_records(vector: Vector) -> None:
    pack = Pack(vector.pack)
    rows = list(vector.rows([signal[0] for signal in pack.signals]))
    columns = [
        np.array([MISSING if numbers[i] is None else numbers[i] for _, numbers in rows], np.int64)
        for i in range(len(pack.signals))
    ]
    vehicle = VehicleSamples(np.array([dt_ms for dt_ms, _ in rows], np.int64), list(columns))
    found = BulkEngine(pack, vector.vehicle_class, vector.period_ms).run([vehicle])
    now_ms, moments_ms = 0, []
    for dt_ms, _ in rows:
        now_ms = max(0, now_ms + dt_ms)
        moments_ms.append(now_ms)
    moments_ms.append(now_ms)  # the end of the samples
    records = []
    for trip in range(len(found)):
        start_ms, end_ms = moments_ms[found.first_sample[trip]], moments_ms[found.closed_at[trip]]
        body = record.episode_body(
            pack.id, max(0, end_ms - start_ms), counts.pack(found.wire[trip]), wire_gates(found.gates[trip].tolist())
        )
        records.append(record.encode(record.Record(record.EPISODE, 1, trip + 1, end_ms, None, record.UNSYNCED, body)))
    assert tuple(data.hex() for data in records) == vector.records
