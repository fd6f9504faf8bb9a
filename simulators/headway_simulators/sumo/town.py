"""The synthetic town that the recorded drivers live in: its streets, ring, country road and motorway.

A scenario of this project, not a model of a real town. `headway_simulators.sumo.record` builds it with netconvert.
"""

import itertools
import math
import random
from collections.abc import Sequence

Point = tuple[float, float]

ZONES = {
    "centre": (9, 0, 0),
    "north": (4, 0, 3100),
    "west": (3, -9000, -2600),
    "east": (3, 9000, -2600),
}  # size, x m, y m


class Town:
    """The road network, in metres around the centre, as the XML that netconvert reads."""

    def __init__(self, rng: random.Random) -> None:
        self.at: dict[str, Point] = {}
        self.zones: dict[str, dict[str, Point]] = {}  # zone -> edge -> where it begins
        self.node_xml: list[str] = []
        self.edge_xml: list[str] = []
        for zone, (n, x, y) in ZONES.items():
            self._streets(rng, zone, n, x, y)
        for i in range(24):
            radius_m, angle = rng.uniform(2460, 2540), math.radians(90 - 15 * i)
            kind = "priority" if i % 3 else "traffic_light"
            self._node(f"ring{i}", radius_m * math.cos(angle), radius_m * math.sin(angle), kind)
        for i in range(24):
            self._road(f"ring{i}", f"ring{(i + 1) % 24}", 70)
        for i, gate in enumerate(("48", "88", "84", "80", "40", "00", "04", "08")):
            self._road(f"ring{3 * i}", f"centre{gate}", 50 if i % 2 else 70, 1 if i % 2 else 2)
        self._road("ring0", "north20", 50)
        self._road("ring23", "north00", 50)
        self._road("ring18", "west12", 70, 1, [(-4200, -700), (-5600, -600), (-7300, -1500), (-8400, -1900)])
        self._motorway()

    def _node(self, name: str, x: float, y: float, kind: str = "priority") -> None:
        self.at[name] = (x, y)
        self.node_xml.append(f'<node id="{name}" x="{x:.1f}" y="{y:.1f}" type="{kind}"/>')

    def _edge(self, a: str, b: str, kmh: float, lanes: int = 1, via: Sequence[Point] = ()) -> None:
        shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at[a], *via, self.at[b]))
        self.edge_xml.append(
            f'<edge id="{a}-{b}" from="{a}" to="{b}" numLanes="{lanes}" speed="{kmh / 3.6:.3f}" '
            f'priority="{kmh // 10:.0f}" shape="{shape}"/>'
        )

    def _road(self, a: str, b: str, kmh: float, lanes: int = 1, via: Sequence[Point] = ()) -> None:
        self._edge(a, b, kmh, lanes, via)
        self._edge(b, a, kmh, lanes, via[::-1])

    def _streets(self, rng: random.Random, zone: str, n: int, x: float, y: float) -> None:
        # Every second street is a main street, and main streets cross at lights. Positions are
        # jittered because streets at exact right angles would give implausibly clean headings.
        kinds = ("traffic_light" if n > 3 else "priority", "priority", "right_before_left")
        grid, half = list(itertools.product(range(n), repeat=2)), (n - 1) / 2
        for i, j in grid:
            east_m, north_m = (170 * (k - half) + rng.uniform(-25, 25) for k in (i, j))
            self._node(f"{zone}{i}{j}", x + east_m, y + north_m, kinds[i % 2 + j % 2])
        self.zones[zone] = {}
        for i, j in grid:
            for k, m, street in (i + 1, j, j), (i, j + 1, i):
                if max(k, m) < n:
                    a, b = f"{zone}{i}{j}", f"{zone}{k}{m}"
                    self._road(a, b, 30 if street % 2 else 50)
                    self.zones[zone] |= {f"{a}-{b}": self.at[a], f"{b}-{a}": self.at[b]}

    def _motorway(self) -> None:
        # Two carriageways along a shallow S, 30 m apart, with three exits 9 km apart.
        def bend(x: float, side: int) -> Point:
            return x, -3700 + 450 * math.sin(x / 2800) - 15 * side

        for i, (x, place, lanes) in enumerate(((-9000, "west10", 1), (0, "ring12", 2), (9000, "east10", 1))):
            self._node(f"exit{i}", x, bend(x, 0)[1] + 120, "traffic_light" if i == 1 else "priority")
            self._road(f"exit{i}", place, 70, lanes)
            for side in (1, -1):
                self._node(f"off{side}{i}", *bend(x - 400 * side, side))
                self._node(f"on{side}{i}", *bend(x + 400 * side, side))
        for side, order in (1, (0, 1, 2)), (-1, (2, 1, 0)):
            for i, j in itertools.pairwise(order):
                a, b = f"on{side}{i}", f"off{side}{j}"
                begin, step = self.at[a][0], (self.at[b][0] - self.at[a][0]) / 20
                self._edge(a, b, 110, 2, [bend(begin + step * k, side) for k in range(1, 20)])
                self._edge(f"exit{i}", a, 60)
                self._edge(b, f"exit{j}", 60)
            self._edge(f"off{side}1", f"on{side}1", 110, 2)
