"""The bulk engine against the device's core, number for number and event for event, on drawn packs and streams."""

import made_streams
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from made_packs import CLASSES, drawn_packs, everything
from scalar import assert_same

from headway_edge.core.pack import Pack
from headway_server.bulk.samples import VehicleSamples

EVERYTHING = everything()


@pytest.mark.parametrize("vehicle_class", CLASSES)
@given(made_streams.fleets(made_streams.PASSAGES))
def test_every_operator_on_streams_with_everything_wrong(
    vehicle_class: str, fleet: tuple[int, list[VehicleSamples]]
) -> None:
    assert_same(EVERYTHING, vehicle_class, *fleet)


@pytest.mark.parametrize("vehicle_class", CLASSES)
@given(made_streams.fleets(made_streams.ORDERLY))
def test_every_operator_on_orderly_streams(vehicle_class: str, fleet: tuple[int, list[VehicleSamples]]) -> None:
    assert_same(EVERYTHING, vehicle_class, *fleet)


@given(drawn_packs(), st.sampled_from(CLASSES), made_streams.fleets(made_streams.PASSAGES))
def test_drawn_packs(data: bytes, vehicle_class: str, fleet: tuple[int, list[VehicleSamples]]) -> None:
    try:
        pack = Pack(data)
    except ValueError:
        reject()
    assert_same(pack, vehicle_class, *fleet)
