"""Code from a pack of kind "day": as of every pack, with windows of epochs in place of windows of time.

The core pushes an epoch to the `headway_edge.core.epochs.Epochs` that takes the place of the history before it folds; nothing is
forgotten at a gap, for what was not observed is a slot without a number.
"""

from headway_edge.core.program_code import ProgramWriter


class DayWriter(ProgramWriter):
    """Writes `screen` and `fold` for a pack of kind "day"; they are called as `headway_edge.core.program_code` says."""

    _logarithms = 0

    def functions(self) -> None:
        """Write them, and what they call."""
        super().functions()
        if self._logarithms:
            self._emit("from headway_edge.core.logarithm import ln_milli", 0)

    def _number(self, tree: object) -> tuple:
        operator = tree[0] if isinstance(tree, list) else ""
        if operator == "ln":
            text, guards = self._number(tree[1])  # type: ignore[index]
            self._logarithms += 1
            return "ln_milli(%s)" % text, guards
        if operator == "count":
            condition = self._condition(tree[1])  # type: ignore[index]
            return self._window("total", "(1 if %s else 0)" % condition, tree[2])  # type: ignore[index]
        if operator in ("total", "deviation"):
            return self._window(operator, self._number(tree[1])[0], tree[2])  # type: ignore[index]
        return super()._number(tree)

    def _lag(self, tree: list) -> tuple:
        return self._window("ago", self._number(tree[1])[0], tree[2])

    def _window(self, ask: str, source: str, back_ms: int) -> tuple:
        # source: text of a number or a condition's; what is the same is stored and asked for once.
        key = "%s %s %d" % (ask, source, back_ms)
        if key not in self._history:
            column = self._column("column " + source, "history.put(%%d, %s)" % source)
            name = self._new_name()
            self._emit("%s = history.%s(%d, %d)" % (name, ask, column, back_ms // self._pack.rules[0]))
            self.plan.window_ms = max(self.plan.window_ms, back_ms)
            self._history[key] = name
        name = self._history[key]
        return name, [name]
