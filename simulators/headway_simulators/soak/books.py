"""The books of a soak: what devices told and settled against what the server has, and how often it counts."""

from dataclasses import dataclass, field

from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.server import counted, stored

_NAMED_MAX = 5


@dataclass
class Books:
    """told: records whose append returned. made: in the stores, with those that nobody heard of. acked: settled there.

    at_server: that the server has. missing: settled, and not there with these bytes. strange: there, and not in any store.
    doubled: trips that count beyond those that were driven, and whatever `headway verify` says.
    """

    told: int = 0
    made: int = 0
    acked: int = 0
    at_server: int = 0
    missing: int = 0
    strange: int = 0
    doubled: int = 0
    violations: list[str] = field(default_factory=list)


def balance(devices: list[SoakedDevice], database_url: str, *, settled: bool = True) -> Books:
    """Compare every store with the server's database. settled: everything must have come to an end."""
    books = Books()
    at_server = stored(database_url)
    trips, differences = counted(database_url)
    for device in devices:
        kept = device.check(thorough=True)
        there = at_server.get(device.address, {})
        missing = [key for key, digest in kept.settled.items() if there.get(key) != digest]
        strange = [key for key, digest in there.items() if kept.records.get(key) != digest]
        books.told += len(device.told)
        books.made += len(kept.records)
        books.acked += len(kept.settled)
        books.at_server += len(there)
        books.missing += len(missing)
        books.strange += len(strange)
        if missing:
            books.violations.append(f"{device.name}: settled, and not at the server: {missing[:_NAMED_MAX]}")
        if strange:
            books.violations.append(f"{device.name}: at the server, and not its own: {strange[:_NAMED_MAX]}")
        waiting = len(kept.records) - len(kept.settled)
        if settled and waiting:
            books.violations.append(f"{device.name}: {waiting} records never arrived")
        beyond = trips.get(device.address, 0) - kept.trips
        books.doubled += max(0, beyond)
        if beyond > 0 or (settled and beyond):
            books.violations.append(f"{device.name}: {kept.trips} trips were driven, {kept.trips + beyond} count")
        books.violations += device.violations
    books.doubled += len(differences)
    books.violations += [f"headway verify: {difference}" for difference in differences[:_NAMED_MAX]]
    return books
