"""A connection that is cut at any byte, in either direction, costs nothing and doubles nothing."""

import pytest
from tests.edge.cut_device import CutDevice, Cutter
from tests.edge.fake_broker import Behaviour, FakeBroker
from tests.edge.linked import payload

from headway_simulators.chaos.proxy import Cut

STEP = 11  # every byte is cut in tests/server/test_every_byte.py, with a real broker and server


def record_of(boot: int, seq: int) -> bytes:
    return payload(seq, boot, f"record {seq}")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_cut_at_a_byte_costs_nothing(protocol: str, direction: str) -> None:
    with FakeBroker(Behaviour(versions=(5,) if protocol == "5" else (4,))) as broker, Cutter(broker.port) as cutter:
        CutDevice(cutter.port, 1, record_of, protocol=protocol).run()
        total = getattr(cutter.passed, direction)
        assert total > {"up": 300, "down": 40}[direction]
        boot, cuts = 1, 0
        for after in range(0, total - STEP, STEP):
            boot += 1
            cutter.arm(direction, after, Cut.RESET if boot % 2 else Cut.CLOSE)
            device = CutDevice(cutter.port, boot, record_of, protocol=protocol)
            device.run()
            cuts += device.connections > 1 or len(cutter.thread.proxy.passed) > boot
            assert set(device.outbox.settled) == {(boot, 1), (boot, 2)}
        assert broker.conflicts == []
        assert sorted(broker.stored) == [(number, seq) for number in range(1, boot + 1) for seq in (1, 2)]
        assert cuts >= (boot - 1) // 2, "or nothing was cut"
        print(f"MQTT {protocol}, {direction}: {boot - 1} of {total} bytes, {cuts} cuts seen by the device")


def test_a_connection_that_goes_silent_is_given_up_and_nothing_is_lost() -> None:
    with FakeBroker() as broker, Cutter(broker.port) as cutter:
        for boot, (direction, after, cut) in enumerate(
            [("up", 250, Cut.BLACKHOLE), ("down", 30, Cut.BLACKHOLE), ("down", 42, Cut.MUTE)], start=1
        ):
            cutter.arm(direction, after, cut)
            device = CutDevice(cutter.port, boot, record_of, keepalive_s=1)
            device.run()
            assert device.connections >= 1
        assert sorted(broker.stored) == [(boot, seq) for boot in (1, 2, 3) for seq in (1, 2)]
        assert broker.conflicts == []
