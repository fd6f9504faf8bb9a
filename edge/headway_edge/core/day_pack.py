"""What a device checks of a pack of kind "day", beside what it checks of every pack.

An episode is one local day of epochs. There is no speed and no distance; instead of windows of seconds there are windows of
epochs; and what a person reports by hand is kept apart from what is measured, so that a report can be put right later
(`headway_edge.core.amendment`). Loaded only where such a pack is.
"""

from headway_edge.core.logarithm import ln_milli
from headway_edge.core.pack_limits import (
    CLOCK,
    NUMBER_MAX,
    OTHER,
    REPORT,
    VALUES_MAX,
    check,
    items,
    whole,
)
from headway_edge.core.pack_trees import Checker, operands

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from headway_edge.core.pack import Pack

EPOCHS_MAX = 60  # of a window
EPOCH_MS_MIN, EPOCH_MS_MAX = 10000, 3600000
DAY_MIN = 1440
REPORTED, MEASURED = 1, 2  # what an expression reads, as bits


def check_roles(pack: "Pack", roles: list) -> None:
    """Check the roles of the signals of a pack of kind "day", and the shape of its clock."""
    for role in roles:
        check(role in (OTHER, CLOCK, REPORT), "role %d in a pack of kind 'day'" % role)
    if pack.clock >= 0:
        check(
            pack.signals[pack.clock][1:7] == ["min", 1, 1, 0, DAY_MIN - 1, DAY_MIN],
            "the clock is counted in min from 0 to 1439 and wraps at 1440",
        )


def check_rules(pack: "Pack") -> None:
    """Check the rules [epoch in ms, boundary in minutes of the day, least elapsed time in ms]."""
    items(pack.rules, 3, 3, "rules")
    for rule, limit in zip(pack.rules, ((EPOCH_MS_MIN, EPOCH_MS_MAX), (0, DAY_MIN - 1), (0, 86400000))):
        whole(rule, limit[0], limit[1], "a rule")


class DayChecker(Checker):
    """The walk over a pack's trees, with the operators of kind "day"."""

    def values(self) -> list:
        """Return the range of each value, and note in the pack what each reads."""
        items(self._pack.values, 0, VALUES_MAX, "values")
        for tree in self._pack.values:
            self._ranges.append(self.number(tree, 0))
            self._pack.value_reads.append(reads(self._pack, tree))
        return self._ranges

    def cells(self) -> list:
        """Return the wire cells; of the first two the second, the distance, is always 0."""
        cells = super().cells()
        for item in self._pack.accumulators:
            check(item[0] != "metres", "a day has no distance: accumulator kind 'metres'")
            check(
                reads(self._pack, item[1:]) != REPORTED | MEASURED,
                "an accumulator reads what a person reports and what is measured: a report could not be put right",
            )
        return cells

    def events(self) -> None:
        """Check the events."""
        super().events()
        for event in self._pack.events:
            check(not reads(self._pack, event[0]) & REPORTED, "an event reads what a person reports")

    def _sample_number(self, tree: list, depth: int) -> "tuple | None":
        operator = tree[0]
        if operator in ("s", "v", "p", "held"):
            return super()._sample_number(tree, depth)
        if operator == "ln":
            operands(tree, 1)
            low, high = self.number(tree[1], depth + 1)
            check(low >= 1, "ln of what may be %d; it must be 1 at least" % low)
            return ln_milli(low), ln_milli(high)
        if operator == "count":
            epochs = self._epochs(tree)
            self.condition(tree[1], depth + 1)
            self._check_measured(tree)
            return 0, epochs
        if operator not in ("lag", "total", "deviation"):
            return None
        epochs = self._epochs(tree)
        check(isinstance(tree[1], list) and tree[1][:1] in (["s"], ["v"]), "%s is of a signal or a value" % operator)
        low, high = self.number(tree[1], depth + 1)
        self._check_measured(tree)
        if operator == "lag":
            return low, high
        if operator == "total":
            return epochs * low, epochs * high
        check(epochs >= 2, "deviation over a single epoch")
        most = epochs * (high - low)
        check(most * most <= NUMBER_MAX, "deviation of a number with so wide a range: overflow")
        # Half the range, times the root of n / (n - 1): 1000 / root of 2 at most.
        return 0, (high - low) * 708

    def _epochs(self, tree: list) -> int:
        operands(tree, 2)
        epoch_ms = self._pack.rules[0]
        whole(tree[2], epoch_ms, EPOCHS_MAX * epoch_ms, "a window")
        check(tree[2] % epoch_ms == 0, "a window of %d ms is no whole number of epochs" % tree[2])
        return tree[2] // epoch_ms

    def _check_measured(self, tree: list) -> None:
        check(not reads(self._pack, tree[1]) & REPORTED, "a window over what a person reports")


def reads(pack: "Pack", tree: object) -> int:
    """Return what a checked tree, or a list of such, reads: 1 what a person reports, 2 what is measured, 3 both, 0 neither."""
    if not isinstance(tree, list):
        return 0
    if tree[:1] == ["s"]:
        return REPORTED if pack.signals[tree[1]][7] == REPORT else MEASURED
    if tree[:1] == ["v"]:
        return pack.value_reads[tree[1]]
    if tree[:1] == ["p"]:
        return 0
    found = 0
    for part in tree:
        found |= reads(pack, part)
    return found
