"""The operations of a pack of kind "day" over all epochs of a person at once."""

import numpy as np

from headway_server.bulk.day_program import WINDOWS, DayProgram
from headway_server.bulk.day_windows import Windows, logarithms_milli
from headway_server.bulk.expressions import Evaluation, Number
from headway_server.bulk.rows import Rows
from headway_server.bulk.samples import Integers


class DayEvaluation(Evaluation):
    """A day program's nodes over the rows of one person, which are all of the person's epochs: windows reach over midnight.

    slots: shape (rows); as of `Windows`. Everything else is as of `Evaluation`.
    """

    def __init__(self, program: DayProgram, rows: Rows, slots: Integers) -> None:
        super().__init__(program, rows)
        self._windows = Windows(slots)

    def _number(self, place: int) -> Number:
        node = self._program.nodes[place]
        name = str(node[0])
        if name == "truth":
            condition = self.condition(int(node[1]))
            return (int(condition) if isinstance(condition, bool) else condition.astype(np.int64)), True
        if name != "ln" and name not in WINDOWS:
            return super()._number(place)
        numbers, is_valid = self.number(int(node[1]))
        if is_valid is False:
            return 0, False
        rows = len(self._rows)
        whole_numbers = np.full(rows, numbers, np.int64) if isinstance(numbers, int) else numbers
        if name == "ln":
            return logarithms_milli(np.maximum(whole_numbers, 1)), is_valid  # below 1 only where there is no number
        whole_valid = np.full(rows, is_valid) if isinstance(is_valid, bool) else is_valid
        ask = {"ago": self._windows.ago, "total": self._windows.total, "deviation": self._windows.deviation}[name]
        return ask(whole_numbers, whole_valid, int(node[2]))
