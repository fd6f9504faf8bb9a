"""The bulk engine against the device's core on recorded trips, for every pack that ships, in every class."""

import pytest
from scalar import assert_same

from headway_edge.core.pack import Pack
from headway_server.bulk.engine import BulkEngine
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators import nrel
from headway_simulators.demo import shipped_sources
from headway_simulators.recorded_samples import vehicle_samples
from headway_simulators.recordings import read

ALL = {name: Pack(compile_file(library.path(name)).data) for name in library.names()}
PACKS = {name: pack for name, pack in ALL.items() if pack.kind == "trip"}


def test_packs_of_other_kinds_are_refused() -> None:
    for name in set(ALL) - set(PACKS):
        with pytest.raises(ValueError, match=f"{name} is of kind"):
            BulkEngine(ALL[name], ALL[name].classes[0])


@pytest.mark.parametrize("name", PACKS)
def test_the_shipped_trips(name: str) -> None:
    pack = PACKS[name]
    vehicles = [vehicle_samples(pack, [read(path) for path in source.files]) for source in shipped_sources()]
    for vehicle_class in pack.classes:
        assert assert_same(pack, vehicle_class, 1000, vehicles) == 51


@pytest.mark.full
@pytest.mark.parametrize("name", PACKS)
def test_the_trips_of_nrel(name: str) -> None:
    pack = PACKS[name]
    vehicles = [vehicle_samples(pack, [read(path) for path in vehicle.day_files]) for vehicle in nrel.vehicles()]
    for vehicle_class in pack.classes:
        assert assert_same(pack, vehicle_class, 1000, vehicles) == 241
