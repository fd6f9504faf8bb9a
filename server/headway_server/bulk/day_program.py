"""A pack of kind "day" as one list of operations, with the windows of epochs that it has in place of windows of time."""

from headway_server.bulk.program import Program

WINDOWS = ("ago", "total", "deviation")


class DayProgram(Program):
    """The operations of one pack of kind "day" for one class; everything else is as of `Program`.

    Operators besides: ("ago", node, epochs), ("total", node, epochs), ("deviation", node, epochs), ("ln", node) and
    ("truth", node), which is 1 where the condition is true and else 0.
    """

    def operands(self, place: int) -> tuple[int, ...]:
        """Return the places of the nodes that a node reads."""
        node = self.nodes[place]
        return (int(node[1]),) if node[0] in WINDOWS else super().operands(place)

    def _number(self, tree: int | list[object]) -> int:
        operator = tree[0] if isinstance(tree, list) else ""
        if operator == "ln":
            return self._node("ln", self._number(tree[1]))  # type: ignore[index,arg-type]
        if operator == "count":
            truth = self._node("truth", self._condition(tree[1]))  # type: ignore[index,arg-type]
            return self._node("total", truth, self._epochs(tree))
        if operator == "lag":
            return self._node("ago", self._number(tree[1]), self._epochs(tree))  # type: ignore[index,arg-type]
        if operator in ("total", "deviation"):
            return self._node(str(operator), self._number(tree[1]), self._epochs(tree))  # type: ignore[index,arg-type]
        return super()._number(tree)

    def _epochs(self, tree: object) -> int:
        back_ms: int = tree[2]  # type: ignore[index]
        return back_ms // int(self._pack.rules[0])
