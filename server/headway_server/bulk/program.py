"""A pack's trees as one list of operations, in which the same operation appears once.

Packs repeat themselves: the same difference of speeds is compared a dozen times. Each node of a `Program` is computed once
for a batch of rows, and forgotten when all that need it have had it.
"""

from itertools import chain
from typing import Any, NamedTuple

from headway_edge.core.pack import Pack

# (operator, operand, ...): operands are places of nodes or, as the operator has it, plain integers.
Node = tuple[str | int, ...]

ARITHMETIC = ("+", "-", "*", "min", "max")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
CONNECTIVES = ("and", "or", "not")


class Event(NamedTuple):
    """An event of a pack for one class: the node of its condition, its times in ms, and the events that suppress it."""

    condition: int
    hold_ms: int
    quiet_ms: int
    suppressors: list[int]
    wait_ms: int


class Program:
    """The operations of one pack for one vehicle class.

    nodes: in an order in which operands come first. accumulators: for each of the pack's, the places of the nodes that it reads.
    events: in the pack's order. uses: how often each node is read in all. Raises ValueError for a class that the pack does
    not know.

    Operators: those of `headway_edge.core.pack_trees`, and ("literal", n), ("signal", i), ("lag", node, ms, wrap),
    ("turn", i, ms), ("turned", i, ms), ("driven", ms), ("//", node, k), ("round", node, k).
    """

    def __init__(self, pack: Pack, vehicle_class: str) -> None:
        self._pack = pack
        self._parameters: list[int] = pack.parameters[pack.class_index(vehicle_class)]
        self._places: dict[Node, int] = {}
        self.nodes: list[Node] = []
        self._values: list[int] = []
        for tree in pack.values:
            self._values.append(self._number(tree))
        self.accumulators = [self._read_by(item) for item in pack.accumulators]
        self.events = [
            Event(self._condition(tree), self._time_ms(hold), self._time_ms(quiet), suppressors, self._time_ms(wait))
            for tree, hold, quiet, suppressors, wait in pack.events
        ]
        self.uses = self._count_uses()

    def operands(self, place: int) -> tuple[int, ...]:
        """Return the places of the nodes that a node reads."""
        node = self.nodes[place]
        operator = node[0]
        if operator in ("literal", "signal", "turn", "turned", "driven"):
            return ()
        read = node[1:2] if operator in ("lag", "//", "round") else node[1:]
        return tuple(int(operand) for operand in read)

    def _count_uses(self) -> list[int]:
        # Values that nothing reads are not computed, and do not count.
        uses = [0] * len(self.nodes)
        for place in (*chain(*self.accumulators), *[event.condition for event in self.events]):
            uses[place] += 1
        for place in reversed(range(len(self.nodes))):
            if uses[place]:
                for operand in self.operands(place):
                    uses[operand] += 1
        return uses

    def _node(self, *node: str | int) -> int:
        if node not in self._places:
            self._places[node] = len(self.nodes)
            self.nodes.append(node)
        return self._places[node]

    def _read_by(self, item: list[Any]) -> list[int]:
        if item[0] in {"time", "metres", "edges"}:
            return [self._condition(item[1])]
        read = [self._number(item[1])]
        if item[0] in {"sum", "integral"} and len(item) > 2:
            read.append(self._condition(item[2]))
        return read

    def _time_ms(self, tree: int | list[object]) -> int:
        # A literal, or a parameter of the class.
        return self._parameters[_whole(tree[1])] if isinstance(tree, list) else tree

    def _number(self, tree: int | list[object]) -> int:
        if not isinstance(tree, list):
            return self._node("literal", tree)
        operator, first = str(tree[0]), tree[1]
        if operator == "s":
            return self._node("signal", _whole(first))
        if operator == "v":
            return self._values[_whole(first)]
        if operator == "p":
            return self._node("literal", self._parameters[_whole(first)])
        if operator == "lag":
            wrap = self._pack.signals[first[1]][6] if first[0] == "s" else 0  # type: ignore[index]
            return self._node("lag", self._number(first), _whole(tree[2]), wrap)  # type: ignore[arg-type]
        if operator in ("turn", "turned"):
            return self._node(operator, _whole(first), _whole(tree[2]))
        if operator == "held":
            return self._node("held", self._condition(first))  # type: ignore[arg-type]
        if operator == "driven":
            return self._node("driven", self._time_ms(first))  # type: ignore[arg-type]
        number = self._number(first)  # type: ignore[arg-type]
        if operator in ("abs", "unchanged"):
            return self._node(operator, number)
        if operator in ("//", "round"):
            return self._node(operator, number, _whole(tree[2]))
        return self._node(operator, number, self._number(tree[2]))  # type: ignore[arg-type]

    def _condition(self, tree: list[object]) -> int:
        operator = str(tree[0])
        walk = self._condition if operator in CONNECTIVES else self._number
        return self._node(operator, *[walk(operand) for operand in tree[1:]])  # type: ignore[arg-type]


def _whole(item: object) -> int:
    if not isinstance(item, int):
        raise TypeError(f"{item!r} is no integer; the pack was not checked")
    return item
