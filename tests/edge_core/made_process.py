"""A small process of plain data: three accumulators, an event, totals of every merge, rates of every kind, two contexts."""

from typing import Any

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_protocol import cbor

SPEED, LATERAL = ["s", 0], ["s", 1]
# Numbers of a trip: elapsed (tenths of a second), distance (m), slow (tenths of a second), turned_max (signed), bumps.
ELAPSED, DISTANCE, SLOW, TURNED_MAX, BUMPS = range(5)
PARTS: list[Any] = [
    1, "made", 7, "trip", ["car"],
    [["Vehicle.Speed", "km/h", 1, 100, 0, 30000, 0, 1], ["Vehicle.Acceleration.Lateral", "m/s^2", 1, 100, -3000, 3000, 0, 0]],
    [1500, 300000, 1800000, 432000000, 20, 10000],
    [[]], [],
    [["time", ["<", SPEED, 2900]], ["max", LATERAL]],
    [[[">", LATERAL, 300], 0, 0, [], 0]],
    # trips, distance_m, slow_permille, far (longest), near (shortest), turned (greatest), bumps_total
    [
        ["sum", 1], ["sum", ["a", 1]], ["sum", ["permille", ["a", 2], ["a", 0]]], ["max", ["a", 1]], ["min", ["a", 1]],
        ["max", ["a", 3]], ["sum", ["a", 4]],
    ],
    [
        [1, 0, 3, 0, [1], [], 1, 1, 0],
        [2, 0, 1, -1, [2], [0], 1000, 1, 0],
        [3, 0, 2, 1, [3], [], 1, 1, 0],
        [100, 1, 0, 0, [0], [], 1, 1, 0],
        [101, 1, 1, 0, [1], [], 1, 100, 0],
        [102, 1, 1, -1, [2], [0], 1, 1, 0],
        [103, 1, 1, -1, [6], [1], 1000000, 1, 1],
        [104, 1, 1, 1, [1], [0], 1, 100, 0],
    ],
    [[">=", ["a", 1], 18000], [">", ["*", 2, ["a", 2]], ["a", 0]]],
    [[3, [102, 103]], [1, [104]]],
    [[0, 5], [1, 20000]],
    [[102, 0, 1, 0, []]],
    [[1, [1], [1], 5000000, 365]],
    [], [],
]  # fmt: skip
CATALOGUE: dict[str, Any] = {
    "title": "Made up",
    "events": [{"name": "bump", "places": [4]}],
    "accumulators": [{"name": "slow", "places": [2]}, {"name": "turned_max", "places": [3]}],
    "totals": [{"name": "trips", "places": [0]}, {"name": "extremes", "places": [3, 4]}],
    "contexts": [{"name": "long"}, {"name": "slow_one"}],
    "score": [{"title": "Calm"}, {"title": "Far"}],
    "characteristics": [
        {"id": 103, "key": "bumps_per_100km", "title": "Bumps", "unit": "1/100 km", "about": "x", "headline": True}
    ],
}


def made(catalogue: "dict[str, Any] | None" = CATALOGUE, **changes: Any) -> Process:
    """The process, with parts of its pack changed by the places in PARTS: made(p11=...)."""
    parts = list(PARTS)
    for place, part in changes.items():
        parts[int(place[1:])] = part
    return Process(Pack(cbor.encode(parts, 14)), catalogue)
