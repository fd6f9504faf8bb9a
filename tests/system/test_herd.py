"""Five hundred devices come back at once, to a server whose database is busy just then."""

import asyncio
from pathlib import Path

import pytest

from headway_server.ingest.arrival import MESSAGE_BYTES_MAX
from headway_simulators.errors import SimulatorError
from headway_simulators.soak.herd_return import come_back

pytestmark = pytest.mark.full

DEVICES, RECORDS = 500, 20
QUEUE = 200
BUSY_S = 4.0  # long enough for everything to arrive at the broker
MARGIN_BYTES = 16 * 2**20  # of the server's own, whatever waits: 4 to 7 MiB were measured


def test_a_herd_costs_the_queue_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        done = asyncio.run(come_back(tmp_path, DEVICES, RECORDS, BUSY_S, queue_max=str(QUEUE)))
    except SimulatorError as error:
        pytest.fail(str(error))
    assert (done.missing, done.strange, done.doubled) == (0, 0, 0)
    assert done.queue_most == QUEUE, "full, and no fuller"
    growth = done.peak_bytes - done.before_bytes
    assert growth < QUEUE * MESSAGE_BYTES_MAX + MARGIN_BYTES
    assert done.records <= done.sends < 4 * done.records, "no storm"
    with capsys.disabled():
        print(
            f"\n{done.devices} devices, {done.records} records: all acknowledged {done.settled_s:.1f} s after the broker's "
            f"start, the database held for {BUSY_S:g} s of them; {done.sends} sends; the server's memory "
            f"{done.before_bytes / 2**20:.0f} MiB before, {growth / 2**20:.1f} MiB more at most"
        )
